import { useState } from 'react'
import { Navigate } from 'react-router'
import { lastNamespace, useMemberships } from '../shell/membership.ts'
import { NewNamespace } from '../shell/new-namespace.tsx'
import { namespacePath } from '../shell/paths.ts'
import { Button } from '../ui/button.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorPanel } from '../ui/error-panel.tsx'
import { SkeletonRows } from '../ui/skeleton.tsx'

/** Redirects to the last namespace or to the welcome page of the first one. Without any, offers to create one. */
export function HomePage() {
  const { data, error, refetch } = useMemberships()
  const [isMaking, setMaking] = useState(false)
  const last = lastNamespace()
  const [first] = data ?? []
  if (data?.some(({ slug }) => slug === last)) return <Navigate to={namespacePath(last as string)} replace />
  if (first) return <Navigate to={namespacePath(first.slug, 'welcome')} replace />
  return (
    <main className="mx-auto max-w-2xl p-6">
      <h1 className="sr-only">PerSQL</h1>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows />}
      {data && (
        <EmptyState
          title="You're not a member of any namespace yet"
          action={
            <Button look="primary" onClick={() => setMaking(true)}>
              New namespace
            </Button>
          }
        >
          A namespace holds databases, tokens, members and a balance. Create one, or ask a teammate to invite you.
        </EmptyState>
      )}
      <NewNamespace open={isMaking} onOpenChange={setMaking} />
    </main>
  )
}
