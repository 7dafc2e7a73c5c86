import { Plus } from 'lucide-react'
import { Link, Route, Routes } from 'react-router'
import { useCall } from '../../../api/hooks.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/address.ts'
import { useAsked } from '../../../shell/asked.ts'
import { useMay } from '../../../shell/membership.ts'
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

/** Migrations of a database, and each on a page of its own: `/acme/main/migrations/<id>`. */
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
  const mayMake = useMay('editor')
  const [before, turn] = useAsked('before')
  const { data, error, refetch } = useCall('GET /api/namespaces/{ns}/databases/{db}/migrations', {
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
      lead="Statements that change the schema: drafted, tried out, and applied whole or not at all."
      actions={mayMake && make}
    >
      <ChoiceTabs
        label="What to see"
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
                  <EmptyState title="No migration yet" action={mayMake && make}>
                    Write a change as a draft, try it to see what each statement would do without doing it, and apply it
                    once that looks right. What was applied stays here as a record.
                  </EmptyState>
                )}
                {data && data.length > 0 && <MigrationTable migrations={data} />}
                {data && <Pager shown={data} before={before} onTurn={turn} />}
              </>
            ),
          },
          { id: 'record', name: 'Record of schema changes', content: <SchemaChanges /> },
        ]}
      />
    </Page>
  )
}

const NewMigration = () => (
  <Page title="New migration" lead="A draft: nothing runs until you try or apply it.">
    <MigrationEditor />
  </Page>
)
