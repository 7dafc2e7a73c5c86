import { useEffect } from 'react'
import { Link, Outlet } from 'react-router'
import { NotFoundPage } from '../pages/not-found.tsx'
import { ErrorPanel } from '../ui/error-panel.tsx'
import { Layout } from '../ui/layout.tsx'
import { SkeletonRows } from '../ui/skeleton.tsx'
import { AccountMenu } from './account-menu.tsx'
import { namespacePath, useNamespace } from './address.ts'
import { useEmptyBalance } from './empty-balance.ts'
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
      banner={<EmptyBalance ns={ns} />}
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

/** Says that the balance is used up, as long as calls are refused for it. */
function EmptyBalance({ ns }: { ns: string }) {
  if (!useEmptyBalance()) return null
  return (
    <p role="alert" className="border-b border-warning/40 bg-warning-soft px-4 py-2.5 text-center font-medium">
      Your balance is used up:{' '}
      <Link className="underline" to={namespacePath(ns, 'settings', 'billing')}>
        add funds
      </Link>
      . Your data stays as it is.
    </p>
  )
}
