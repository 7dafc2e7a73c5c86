import type { Api, Output } from '@persql/contract'
import { KeyRound } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { useApiMutation } from '../../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatMoment } from '../../../ui/format.ts'
import { Checkbox } from '../../../ui/input.tsx'
import { Card } from '../../../ui/page.tsx'
import { toast } from '../../../ui/toast.tsx'

/** The key that signs the sessions of the app's users. */
export function SessionKey() {
  const [asked, ask] = useQueryParam('rotate')
  return (
    <Card
      title="Sessions"
      actions={
        <Button size="small" onClick={() => ask('')}>
          <KeyRound aria-hidden className="size-3.5" />
          Rotate session key
        </Button>
      }
    >
      <p className="max-w-prose text-muted">
        When users sign in through an endpoint or your backend, they get a session token signed with this database's
        key. Rotate the key regularly. If a session token leaks, rotate the key and end all active sessions.
      </p>
      <Dialog
        open={asked !== null}
        onOpenChange={() => ask(null)}
        title="Rotate session key?"
        description="New sessions use the new key. The old key can't be restored."
      >
        <RotateForm close={() => ask(null)} />
      </Dialog>
    </Card>
  )
}

function RotateForm({ close }: { close: () => void }) {
  const place = { ns: useNamespace(), db: useDatabase() }
  const [endSessions, setEndSessions] = useState(false)
  const { mutateAsync, isPending, error } = useApiMutation(
    'POST /api/namespaces/{ns}/databases/{db}/session_key/rotate',
  )
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const rotated = await mutateAsync({ ...place, endSessions }).catch(() => undefined)
    if (!rotated) return
    close()
    toast(describeRotation(rotated, endSessions))
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Checkbox
        label="End all active sessions now"
        hint={
          endSessions ? 'Everyone has to sign in again.' : 'Otherwise, active sessions stay valid until they expire.'
        }
        checked={endSessions}
        onChange={({ target }) => setEndSessions(target.checked)}
      />
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look={endSessions ? 'danger' : 'primary'} busy={isPending}>
          {endSessions ? 'Rotate key and end sessions' : 'Rotate key'}
        </Button>
      </DialogActions>
    </form>
  )
}

const describeRotation = ({ previousUntil }: Output<Api['rotate_session_key']>, endSessions: boolean) =>
  previousUntil
    ? `Session key rotated. Active sessions stay valid until ${formatMoment(previousUntil)}.`
    : `Session key rotated.${endSessions ? ' All active sessions were ended.' : ''}`
