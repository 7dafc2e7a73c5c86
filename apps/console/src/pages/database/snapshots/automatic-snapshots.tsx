import { useApiMutation, useApiQuery } from '../../../api/hooks.ts'
import { toastWithUndo } from '../../../api/undo-toast.ts'
import { useCan } from '../../../shell/membership.ts'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Checkbox } from '../../../ui/input.tsx'

/** The setting for automatic snapshots. */
export function AutomaticSnapshots(place: { ns: string; db: string }) {
  const isAdmin = useCan('admin')
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/settings', place)
  const {
    mutateAsync,
    isPending,
    variables,
    error: refusal,
  } = useApiMutation('PATCH /api/namespaces/{ns}/databases/{db}/settings', [
    'GET /api/namespaces/{ns}/databases/{db}/settings',
  ])
  const isOn = isPending ? variables.automaticSnapshots : data?.automaticSnapshots
  const change = (automaticSnapshots: boolean) =>
    mutateAsync({ ...place, automaticSnapshots }).then(
      () =>
        toastWithUndo(`Automatic snapshots turned ${automaticSnapshots ? 'on' : 'off'}.`, () =>
          mutateAsync({ ...place, automaticSnapshots: !automaticSnapshots }),
        ),
      () => undefined,
    )
  return (
    <section aria-label="Automatic snapshots" className="grid gap-3">
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      <Checkbox
        role="switch"
        label="Automatic snapshots"
        hint="Created before DROP TABLE, DELETE without WHERE, ALTER TABLE … DROP COLUMN and, if the newest snapshot is older than 1 day, REPLACE. Not created for databases of more than 32 MiB. Up to 10 are kept, for 30 days, and billed as storage."
        checked={isOn ?? false}
        disabled={!isAdmin || !data || isPending}
        onChange={({ target }) => change(target.checked)}
      />
      {refusal && <ErrorPanel error={refusal} />}
    </section>
  )
}
