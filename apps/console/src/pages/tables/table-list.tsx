import { Link, useNavigate } from 'react-router'
import { useApiQuery } from '../../api/hooks.ts'
import { NameSearch, useNameSearch } from '../../shell/name-search.tsx'
import { databasePath, useDatabase, useNamespace, viewPath } from '../../shell/paths.ts'
import { Button } from '../../ui/button.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { formatNumber } from '../../ui/format.ts'
import { Card, Page } from '../../ui/page.tsx'
import { SkeletonRows } from '../../ui/skeleton.tsx'
import { Table } from '../../ui/table.tsx'

const FIRST = 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)'
const LINK = 'break-all text-accent underline-offset-2 hover:underline'

/** The tables of a database with their row counts, and the views below. */
export function TableList() {
  const ns = useNamespace()
  const db = useDatabase()
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/tables', { ns, db })
  const schema = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/schema', { ns, db })
  const columns = new Map(schema.data?.tables.map((table) => [table.name, table.columns.length]))
  const query = (sql: string) => `${databasePath(ns, db, 'query')}?${new URLSearchParams({ sql })}`
  const navigate = useNavigate()
  const named = useNameSearch(data ?? [], ({ name }) => name)
  const rowsPath = (name: string) => databasePath(ns, db, 'tables', encodeURIComponent(name))
  return (
    <Page title="Tables">
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows label="Loading tables" />}
      {data?.length === 0 && (
        <EmptyState
          title="No tables yet"
          action={
            <Button look="primary" asChild>
              <Link to={query(FIRST)}>Create table</Link>
            </Button>
          }
        >
          Run CREATE TABLE on the Query page or in your code, or import a file.
        </EmptyState>
      )}
      <NameSearch
        {...named}
        label="Find a table"
        onEnter={() => named.found[0] && navigate(rowsPath(named.found[0].name))}
      />
      {named.found.length > 0 && (
        <Table
          label="Tables"
          rows={named.found}
          getKey={({ name }) => name}
          columns={[
            {
              name: 'Name',
              cell: ({ name }) => (
                <Link className={LINK} to={rowsPath(name)}>
                  {name}
                </Link>
              ),
            },
            { name: 'Rows', isNumber: true, cell: ({ rowCount }) => rowCount !== null && formatNumber(rowCount) },
            { name: 'Columns', isNumber: true, isExtra: true, cell: ({ name }) => columns.get(name) },
          ]}
        />
      )}
      {schema.data && schema.data.views.length > 0 && (
        <Card title="Views">
          <ul className="grid gap-2">
            {schema.data.views.map(({ name }) => (
              <li key={name}>
                <Link className={LINK} to={viewPath(ns, db, name)}>
                  {name}
                </Link>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </Page>
  )
}
