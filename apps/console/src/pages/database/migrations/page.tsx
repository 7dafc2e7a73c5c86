import { Plus } from 'lucide-react'
import { Link, Route, Routes } from 'react-router'
import { useApiQuery } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { ChoiceTabs } from '../../../ui/choice-tabs.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { MigrationEditor } from './editor.tsx'
import { MigrationPage } from './migration-page.tsx'
import { MigrationTable } from './migration-table.tsx'
import { Pager } from './pager.tsx'
import { SchemaChanges } from './schema-changes.tsx'

/** The migrations of a database. Each one has its own page: `/acme/main/migrations/<id>`. */
export const MigrationsPage = () => (
  <Routes>
    <Route index element={<MigrationList />} />
    <Route path="new" element={<NewMigration />} />
    <Route path=":id" element={<MigrationPage />} />
  </Routes>
)

function MigrationList() {
  const ns = useNamespace()
  const db = useDatabase()
  const mayMake = useCan('editor')
  const [before, turn] = useQueryParam('before')
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/migrations', {
    ns,
    db,
    ...(before !== null && { before }),
  })
  const make = (
    <Button asChild look="primary">
      <Link to={databasePath(ns, db, 'migrations', 'new')}>
        <Plus aria-hidden className="size-4" />
        New migration
      </Link>
    </Button>
  )
  return (
    <Page
      title="Migrations"
      lead="Draft schema changes, dry-run them, and apply each one all-or-nothing."
      actions={mayMake && make}
    >
      <ChoiceTabs
        label="View"
        param="see"
        choices={[
          {
            id: 'migrations',
            name: 'Migrations',
            content: (
              <>
                {error && <ErrorPanel error={error} onRetry={refetch} />}
                {!data && !error && <SkeletonRows rows={6} label="Loading migrations" />}
                {data?.length === 0 && before === null && (
                  <EmptyState title="No migrations yet" action={mayMake && make}>
                    Write a schema change as a draft, dry-run it to see what each statement would do, then apply it.
                    Applied migrations stay here as a record.
                  </EmptyState>
                )}
                {data && data.length > 0 && <MigrationTable migrations={data} />}
                {data && <Pager shown={data} before={before} onTurn={turn} />}
              </>
            ),
          },
          { id: 'record', name: 'Schema change log', content: <SchemaChanges /> },
        ]}
      />
    </Page>
  )
}

const NewMigration = () => (
  <Page title="New migration" lead="Saved as a draft. Nothing runs until you dry-run or apply it.">
    <MigrationEditor />
  </Page>
)
