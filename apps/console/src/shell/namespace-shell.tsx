import { useEffect, useState } from 'react'
import { Outlet, useLocation } from 'react-router'
import { ErrorPanel } from '../ui/error-panel.tsx'
import { Layout } from '../ui/layout.tsx'
import { TitleContext } from '../ui/page.tsx'
import { SideNav } from '../ui/side-nav.tsx'
import { SkeletonRows } from '../ui/skeleton.tsx'
import { AccountMenu } from './account-menu.tsx'
import { BalanceBanner } from './balance-banner.tsx'
import { Breadcrumbs } from './breadcrumbs.tsx'
import { CommandPalette } from './command-palette.tsx'
import { rememberNamespace, useMembership, useMemberships } from './membership.ts'
import { findActiveLink, getNavGroups, isWide, placeAt } from './navigation.ts'
import { NotFoundPage } from './not-found.tsx'
import { useNamespace } from './paths.ts'
import { SearchButton } from './search-button.tsx'
import { ShortcutsDialog } from './shortcuts-dialog.tsx'
import type { Tabs } from './tab.ts'
import { type ShortcutAction, useShortcuts } from './use-shortcuts.ts'

/** The layout around every page of a namespace. */
export function NamespaceShell({ tabs }: { tabs: Tabs }) {
  const ns = useNamespace()
  const { pathname } = useLocation()
  const { data, error, refetch } = useMemberships()
  const membership = useMembership()
  const [asked, ask] = useState<ShortcutAction>()
  useShortcuts(ask)
  useEffect(() => {
    if (membership) rememberNamespace(membership.slug)
  }, [membership])
  const place = placeAt(pathname, tabs)
  const isNotMember = data !== undefined && membership === undefined
  const groups = isNotMember ? [] : getNavGroups(place, tabs)
  const { db = ns } = place
  return (
    <Layout
      crumbs={(isWide) => <Breadcrumbs place={place} isWide={isWide} />}
      search={(isSmall) => <SearchButton isSmall={isSmall} onClick={() => ask('palette')} />}
      account={(isWide) => <AccountMenu isWide={isWide} />}
      side={<SideNav label={`Pages of ${db}`} groups={groups} />}
      here={
        <>
          <span className="min-w-0 truncate font-normal text-muted">{db}</span>
          <span className="shrink-0">{isNotMember ? 'Page not found' : findActiveLink(groups, pathname)?.name}</span>
        </>
      }
      banner={<BalanceBanner ns={ns} />}
      isWide={isWide(place, tabs)}
    >
      {membership ? (
        <TitleContext value={db}>
          <Outlet />
        </TitleContext>
      ) : error ? (
        <ErrorPanel error={error} onRetry={refetch} />
      ) : data ? (
        <NotFoundPage />
      ) : (
        <SkeletonRows />
      )}
      <CommandPalette
        place={place}
        tabs={tabs}
        open={asked === 'palette'}
        onOpenChange={(isOpen) => !isOpen && ask(undefined)}
        showKeys={() => ask('keys')}
      />
      <ShortcutsDialog open={asked === 'keys'} onOpenChange={(isOpen) => !isOpen && ask(undefined)} />
    </Layout>
  )
}
