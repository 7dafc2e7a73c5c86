import { Pencil, Sparkles } from 'lucide-react'
import { useEffect } from 'react'
import { useApiQuery } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Card, Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { DescribeTables } from './describe-tables.tsx'
import { Diagram } from './diagram.tsx'
import { EditDescription } from './edit-description.tsx'
import { Findings } from './findings.tsx'
import { TableList } from './table-list.tsx'

/** The schema of a database: a diagram, the tables with their descriptions, and the issues. */
export function SchemaPage() {
  const place = { ns: useNamespace(), db: useDatabase() }
  const mayEdit = useCan('editor')
  const [chosen, choose] = useQueryParam('table')
  const [editing, edit] = useQueryParam('edit')
  const [isDescribing, describe] = useQueryParam('describe')
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/describe', place)
  const schema = data && 'tables' in data ? data : undefined
  const isThere = schema !== undefined
  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls once, to the table in the URL
  useEffect(() => {
    if (isThere && chosen) document.getElementById(`table-${chosen}`)?.scrollIntoView({ block: 'start' })
  }, [isThere])
  const show = (table: string) => {
    choose(table)
    document.getElementById(`table-${table}`)?.scrollIntoView({ block: 'start' })
  }
  return (
    <Page
      title="Schema"
      lead={schema?.databaseDescription ?? "Tables, their relationships, and what they're for."}
      actions={
        mayEdit &&
        schema && (
          <>
            {schema.tables.length > 0 && (
              <Button onClick={() => describe('')}>
                <Sparkles aria-hidden className="size-4" />
                Generate descriptions
              </Button>
            )}
            <Button onClick={() => edit('')}>
              <Pencil aria-hidden className="size-4" />
              Edit database description
            </Button>
          </>
        )
      }
    >
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!schema && !error && <SkeletonRows rows={10} label="Loading schema" />}
      {schema?.tables.length === 0 && (
        <EmptyState title="No tables yet">
          Create your first table with a migration, an import, or CREATE TABLE in your code. It will appear here with
          its columns and foreign keys.
        </EmptyState>
      )}
      {schema && schema.tables.length > 0 && (
        <>
          <div className="hidden md:block">
            <Diagram tables={schema.tables} onChoose={show} />
          </div>
          <Findings {...place} />
          <TableList schema={schema} chosen={chosen} onEdit={mayEdit ? edit : undefined} />
        </>
      )}
      {schema && schema.tables.length > 0 && schema.triggers.length > 0 && (
        <Card title="Triggers">
          <ul className="grid gap-3">
            {schema.triggers.map(({ name, table, sql }) => (
              <li key={name} className="grid gap-1">
                <p className="font-medium wrap-anywhere">
                  {name} <span className="text-muted">on {table}</span>
                </p>
                <code className="font-mono text-sm break-words whitespace-pre-wrap">{sql}</code>
              </li>
            ))}
          </ul>
        </Card>
      )}
      {schema && mayEdit && (
        <DescribeTables {...place} schema={schema} open={isDescribing !== null} close={() => describe(null)} />
      )}
      {schema && mayEdit && <EditDescription {...place} schema={schema} table={editing} close={() => edit(null)} />}
    </Page>
  )
}
