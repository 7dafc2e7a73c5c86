import type { Schedule } from '@persql/contract'
import { Plus } from 'lucide-react'
import { useApiMutation, useApiQuery } from '../../../api/hooks.ts'
import { toastWithUndo } from '../../../api/undo-toast.ts'
import { useCan } from '../../../shell/membership.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { Dialog } from '../../../ui/dialog.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { toast } from '../../../ui/toast.tsx'
import { ScheduleForm } from './schedule-form.tsx'
import { ScheduleTable } from './schedule-table.tsx'

const LIST = 'GET /api/namespaces/{ns}/databases/{db}/schedules'

/** The scheduled statements of a database. */
export function SchedulesPage() {
  const where = { ns: useNamespace(), db: useDatabase() }
  const mayChange = useCan('editor')
  const { data, error, refetch } = useApiQuery(LIST, where, { refetchInterval: 15_000 })
  const [asked, ask] = useQueryParam('schedule')
  const run = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/schedules/{id}/run', [LIST])
  const update = useApiMutation('PATCH /api/namespaces/{ns}/databases/{db}/schedules/{id}', [LIST])
  const create = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/schedules', [LIST])
  const remove = useApiMutation('DELETE /api/namespaces/{ns}/databases/{db}/schedules/{id}', [LIST])
  const edited = data?.find(({ id }) => id === asked)
  const failure = run.error ?? update.error ?? remove.error
  const runNow = async ({ id, name }: Schedule) => {
    const ran = await run.mutateAsync({ ...where, id }).catch(() => undefined)
    if (ran) toast(ran.lastStatus === 'ok' ? `“${name}” ran.` : `“${name}” failed: ${ran.lastError}`)
  }
  const pause = async ({ id, name, enabled }: Schedule) => {
    const set = (enabled: boolean) => update.mutateAsync({ ...where, id, enabled }).catch(() => undefined)
    if (await set(!enabled))
      toast(enabled ? `“${name}” paused.` : `“${name}” resumed.`, { name: 'Undo', run: () => void set(enabled) })
  }
  const leave = async ({ id, name, sql, params, intervalSec, enabled }: Schedule) => {
    if (!(await remove.mutateAsync({ ...where, id }).catch(() => undefined))) return
    const again = { ...where, name, sql, params, intervalSec, enabled }
    toastWithUndo(`“${name}” deleted. It won't run again.`, () => create.mutateAsync(again))
  }
  const make = mayChange && (
    <Button look="primary" onClick={() => ask('new')}>
      <Plus aria-hidden className="size-4" />
      New schedule
    </Button>
  )
  return (
    <Page title="Schedules" lead="Run an SQL statement on a schedule, from every minute to every week." actions={make}>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {failure && <ErrorPanel error={failure} />}
      {run.isPending && <p role="status">Running…</p>}
      {!data && !error && <SkeletonRows label="Loading schedules" />}
      {data?.length === 0 && (
        <EmptyState title="No schedules yet" action={make}>
          Use a schedule for recurring work, such as deleting expired sessions or summarizing yesterday's data. Failed
          runs are shown here and don't stop later runs.
        </EmptyState>
      )}
      {data && data.length > 0 && (
        <ScheduleTable schedules={data} onRun={runNow} onEdit={({ id }) => ask(id)} onPause={pause} onDelete={leave} />
      )}
      <Dialog
        open={asked === 'new' || edited !== undefined}
        onOpenChange={() => ask(undefined)}
        title={edited ? 'Edit schedule' : 'New schedule'}
      >
        <ScheduleForm key={asked} schedule={edited} close={() => ask(undefined)} />
      </Dialog>
    </Page>
  )
}
