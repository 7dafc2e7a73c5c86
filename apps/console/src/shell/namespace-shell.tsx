import { useEffect } from 'react'
import { Outlet } from 'react-router'
import { NotFoundPage } from '../pages/not-found.tsx'
import { ErrorPanel } from '../ui/error-panel.tsx'
import { Layout } from '../ui/layout.tsx'
import { SkeletonRows } from '../ui/skeleton.tsx'
import { AccountMenu } from './account-menu.tsx'
import { namespacePath, useNamespace } from './address.ts'
import { BalanceBanner } from './balance-banner.tsx'
import { rememberNamespace, useMembership, useMemberships } from './membership.ts'
import { NamespaceMenu } from './namespace-menu.tsx'

/** What stands around every page of a namespace. */
export function NamespaceShell() {
  const ns = useNamespace()
  const { data, error, refetch } = useMemberships()
  const membership = useMembership()
  useEffect(() => {
    if (membership) rememberNamespace(membership.slug)
  }, [membership])
  return (
    <Layout
      top={<NamespaceMenu />}
      links={[
        [namespacePath(ns), 'Databases', 'databases'],
        [namespacePath(ns, 'welcome'), 'Get started', 'start'],
        [namespacePath(ns, 'settings'), 'Settings', 'settings'],
      ]}
      bottom={<AccountMenu />}
      banner={<BalanceBanner ns={ns} />}
    >
      {membership ? (
        <Outlet />
      ) : error ? (
        <ErrorPanel error={error} onRetry={refetch} />
      ) : data ? (
        <NotFoundPage />
      ) : (
        <SkeletonRows />
      )}
    </Layout>
  )
}
