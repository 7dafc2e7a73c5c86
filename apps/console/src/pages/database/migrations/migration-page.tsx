import type { Migration } from '@persql/contract'
import { useEffect } from 'react'
import { Link, useNavigate, useParams } from 'react-router'
import { useApiMutation, useApiQuery } from '../../../api/hooks.ts'
import { toastWithUndo } from '../../../api/undo-toast.ts'
import { useActorName } from '../../../shell/actor-names.ts'
import { useCan } from '../../../shell/membership.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { NAVIGATION_SAVED } from '../../../shell/unsaved-changes-guard.tsx'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatCount, formatMoment, formatMs } from '../../../ui/format.ts'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { ApplyMigration } from './apply-migration.tsx'
import { DryRunResult } from './dry-run-result.tsx'
import { MigrationEditor } from './editor.tsx'
import { FailedStatement } from './failed-statement.tsx'
import { MigrationState } from './migration-table.tsx'

const LIST = 'GET /api/namespaces/{ns}/databases/{db}/migrations'

/** The page of a migration: a draft to edit, test and apply, or an applied migration. */
export function MigrationPage() {
  const { id } = useParams()
  const ns = useNamespace()
  const db = useDatabase()
  // No route returns a single migration: look at the list page in the URL first, then at the page of this ID.
  const [before] = useQueryParam('before')
  const listed = useApiQuery(LIST, { ns, db, ...(before !== null && { before }) })
  const onList = listed.data?.find((one) => one.id === id)
  const number = Number(/^mig_(\d{1,9})$/.exec(id ?? '')?.[1])
  const isElsewhere = listed.data !== undefined && onList === undefined && number > 0
  const single = useApiQuery(LIST, { ns, db, limit: 1, before: `mig_${number + 1}` }, { enabled: isElsewhere })
  const { data, error, refetch } = isElsewhere ? single : listed
  const migration = onList ?? data?.find((one) => one.id === id)
  if (migration?.appliedAt) return <Applied migration={migration} />
  if (migration) return <Draft migration={migration} />
  return (
    <Page title="Migration">
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows rows={8} label="Loading migration" />}
      {data && (
        <EmptyState
          title="Migration not found"
          action={
            <Button asChild>
              <Link to={databasePath(ns, db, 'migrations')}>All migrations</Link>
            </Button>
          }
        >
          It may have been deleted.
        </EmptyState>
      )}
    </Page>
  )
}

/** Returns the link back to the list page that contains the migration. */
function useBack() {
  const [before] = useQueryParam('before')
  const path = databasePath(useNamespace(), useDatabase(), 'migrations')
  return { to: before === null ? path : `${path}?${new URLSearchParams({ before })}`, name: 'All migrations' }
}

function Applied({ migration }: { migration: Migration }) {
  const { name, sql, appliedAt, appliedBy, durationMs, statements } = migration
  const back = useBack()
  const by = useActorName()(appliedBy ?? '')
  const lead = `Applied ${formatMoment(appliedAt ?? '')}${by === undefined ? '' : ` by ${by}`}: ${formatCount(statements, 'statement')} in ${formatMs(durationMs ?? 0)}.`
  return (
    <Page title={name} lead={lead} back={back} actions={<MigrationState migration={migration} />}>
      <CodeBlock label="SQL" code={sql} />
    </Page>
  )
}

function Draft({ migration }: { migration: Migration }) {
  const { id, name, sql } = migration
  const [ns, db] = [useNamespace(), useDatabase()]
  const place = { ns, db, id }
  const navigate = useNavigate()
  const mayEdit = useCan('editor')
  const mayApply = useCan('admin')
  const [asked, ask] = useQueryParam('ask')
  const attempt = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/migrations/{id}/try')
  const remove = useApiMutation('DELETE /api/namespaces/{ns}/databases/{db}/migrations/{id}', [LIST])
  const { reset } = attempt
  const create = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/migrations', [LIST])
  // biome-ignore lint/correctness/useExhaustiveDependencies: a dry run doesn't apply to changed SQL
  useEffect(reset, [migration.checksum])
  return (
    <Page
      title={migration.name}
      lead={<MigrationState migration={migration} />}
      back={useBack()}
      actions={
        <>
          {mayEdit && (
            <Button look="quiet" onClick={() => ask('delete')}>
              Delete
            </Button>
          )}
          {mayEdit && (
            <Button busy={attempt.isPending} onClick={() => attempt.mutate(place)}>
              Dry run
            </Button>
          )}
          {mayApply && (
            <Button look="primary" onClick={() => ask('apply')}>
              Apply
            </Button>
          )}
        </>
      }
    >
      {migration.error && <FailedStatement sql={migration.sql} failure={migration.error} />}
      {attempt.error && <ErrorPanel error={attempt.error} />}
      {attempt.data && <DryRunResult trial={attempt.data} sql={migration.sql} />}
      {mayEdit ? (
        <MigrationEditor key={migration.id} draft={migration} />
      ) : (
        <CodeBlock label="SQL" code={migration.sql} />
      )}
      <ApplyMigration migration={migration} open={asked === 'apply'} close={() => ask(null)} />
      <ConfirmDialog
        open={asked === 'delete'}
        onOpenChange={() => ask(null)}
        title={`Delete draft “${migration.name}”?`}
        description="The draft can't be recovered. The database isn't affected."
        action="Delete draft"
        onConfirm={async () => {
          await remove.mutateAsync(place)
          toastWithUndo(`Draft “${name}” deleted.`, () => create.mutateAsync({ ns, db, name, sql }))
          navigate(databasePath(place.ns, place.db, 'migrations'), { state: NAVIGATION_SAVED })
        }}
      />
    </Page>
  )
}
