import { Camera, Clock } from 'lucide-react'
import { useApiQuery } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { AutomaticSnapshots } from './automatic-snapshots.tsx'
import { DeleteSnapshot } from './delete-snapshot.tsx'
import { NewSnapshot } from './new-snapshot.tsx'
import { RestoreSnapshot, UndoRestore } from './restore-snapshot.tsx'
import { RestoreToTime } from './restore-to-time.tsx'
import { Timeline } from './timeline.tsx'

/** The snapshots of a database. */
export function HistoryPage() {
  const place = { ns: useNamespace(), db: useDatabase() }
  const mayMake = useCan('editor')
  const mayRestore = useCan('admin')
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/snapshots', place)
  const [isNew, askNew] = useQueryParam('new')
  const [restoring, askRestore] = useQueryParam('restore')
  const [leaving, askDelete] = useQueryParam('delete')
  const [moment, askMoment] = useQueryParam('moment')
  const [undo, askUndo] = useQueryParam('undo')
  const find = (id: string | null) => data?.find((snapshot) => snapshot.id === id)
  const make = (
    <Button look="primary" onClick={() => askNew('')}>
      <Camera aria-hidden className="size-4" />
      Create snapshot
    </Button>
  )
  return (
    <Page
      title="Snapshots"
      lead="A snapshot saves all tables and rows at a point in time. Creating one is billed as rows read, keeping it as storage."
      actions={
        <>
          {mayRestore && data && data.length > 0 && (
            <Button onClick={() => askMoment('')}>
              <Clock aria-hidden className="size-4" />
              Restore to a point in time
            </Button>
          )}
          {mayMake && make}
        </>
      }
    >
      <AutomaticSnapshots {...place} />
      {undo && <UndoRestore {...place} before={find(undo)} id={undo} onEnd={() => askUndo(null)} />}
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows rows={6} label="Loading snapshots" />}
      {data?.length === 0 && (
        <EmptyState title="No snapshots yet" action={mayMake && make}>
          Create a snapshot before a large change, so you can undo the change. PerSQL creates one automatically before
          destructive statements such as DROP TABLE.
        </EmptyState>
      )}
      {data && data.length > 0 && <Timeline snapshots={data} onRestore={askRestore} onDelete={askDelete} />}
      <NewSnapshot {...place} open={isNew !== null} close={() => askNew(null)} />
      <RestoreToTime
        snapshots={data ?? []}
        open={moment !== null && (data?.length ?? 0) > 0}
        close={() => askMoment(null)}
        onChoose={(id) => {
          askMoment(null)
          askRestore(id)
        }}
      />
      <RestoreSnapshot {...place} snapshot={find(restoring)} close={() => askRestore(null)} onRestored={askUndo} />
      <DeleteSnapshot {...place} snapshot={find(leaving)} close={() => askDelete(null)} />
    </Page>
  )
}
