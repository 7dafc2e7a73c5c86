import { useParams } from 'react-router'
import { useApiQuery } from '../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../shell/paths.ts'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { Page } from '../../ui/page.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { RowBrowser } from './row-browser.tsx'
import { getRowIdentity } from './row-identity.ts'
import { TableList } from './table-list.tsx'

/** The tables of a database, or the rows of the table in the URL. */
export function TablesPage() {
  const name = useParams()['*']
  return name ? <OneTable key={name} name={name} /> : <TableList />
}

function OneTable({ name }: { name: string }) {
  const ns = useNamespace()
  const db = useDatabase()
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/schema', { ns, db })
  const table = data?.tables.find((one) => one.name === name)
  if (table) return <RowBrowser table={table} shape={getRowIdentity(table)} />
  return (
    <Page title={name}>
      {error ? (
        <ErrorPanel error={error} onRetry={refetch} />
      ) : data ? (
        <EmptyState title="Table not found">It may have been dropped or renamed.</EmptyState>
      ) : (
        <Skeleton className="h-[70dvh] min-h-80 w-full" />
      )}
    </Page>
  )
}
