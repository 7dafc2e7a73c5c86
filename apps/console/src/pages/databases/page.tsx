import type { Database } from '@persql/contract'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { useApiQuery } from '../../api/hooks.ts'
import { useCan } from '../../shell/membership.ts'
import { NameSearch, useNameSearch } from '../../shell/name-search.tsx'
import { databasePath, useNamespace } from '../../shell/paths.ts'
import { useQueryParam } from '../../shell/use-query-param.ts'
import { Button } from '../../ui/button.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { Page } from '../../ui/page.tsx'
import { SkeletonRows } from '../../ui/skeleton.tsx'
import { DatabaseTable } from './database-table.tsx'
import { DeleteDatabase } from './delete-database.tsx'
import { ForkDatabase } from './fork-database.tsx'
import { NewDatabase } from './new-database.tsx'
import { useUsage } from './use-usage.ts'

const NONE: readonly Database[] = []

/** The databases of a namespace. The URL stores the open dialog. */
export function DatabasesPage() {
  const ns = useNamespace()
  const mayMake = useCan('editor')
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases', { ns })
  const usage = useUsage(ns)
  const navigate = useNavigate()
  const named = useNameSearch(data ?? NONE, ({ slug }) => slug)
  const [isNew, askNew] = useQueryParam('new')
  const [forking, askFork] = useQueryParam('fork')
  const [leaving, setLeaving] = useState<string>()
  const make = (
    <Button look="primary" onClick={() => askNew('')}>
      <Plus aria-hidden className="size-4" />
      New database
    </Button>
  )
  return (
    <Page title="Databases" actions={mayMake && make}>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows label="Loading databases" />}
      {data?.length === 0 && (
        <EmptyState title="No databases yet" action={mayMake && make}>
          Each database is an isolated SQLite file. Create one per app, agent or customer. Empty databases are free.
        </EmptyState>
      )}
      {usage.error && <ErrorPanel error={usage.error} onRetry={usage.refetch} />}
      <NameSearch
        {...named}
        label="Find a database"
        onEnter={() => named.found[0] && navigate(databasePath(ns, named.found[0].slug))}
      />
      {named.found.length > 0 && (
        <DatabaseTable ns={ns} databases={named.found} usage={usage.data} onFork={askFork} onDelete={setLeaving} />
      )}
      <NewDatabase ns={ns} open={mayMake && isNew !== null} onOpenChange={(open) => askNew(open ? '' : null)} />
      <ForkDatabase ns={ns} slug={mayMake ? forking : null} close={() => askFork(null)} />
      <DeleteDatabase ns={ns} slug={leaving} onClose={() => setLeaving(undefined)} />
    </Page>
  )
}
