import type { Api, Output } from '@persql/contract'
import { KeyRound } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { useDo } from '../../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../../shell/address.ts'
import { useAsked } from '../../../shell/asked.ts'
import { Button } from '../../../ui/button.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatMoment } from '../../../ui/format.ts'
import { Checkbox } from '../../../ui/input.tsx'
import { Card } from '../../../ui/page.tsx'
import { toast } from '../../../ui/toast.tsx'

/** The key that sessions of the app's users are signed with. */
export function SessionKey() {
  const [asked, ask] = useAsked('rotate')
  return (
    <Card
      title="Sessions"
      actions={
        <Button size="small" onClick={() => ask('')}>
          <KeyRound aria-hidden className="size-3.5" />
          Rotate the session key
        </Button>
      }
    >
      <p className="max-w-prose text-muted">
        Who signs in at an endpoint, or whom your backend signs in, gets a session: it is signed with a key that only
        this database has. Rotate the key now and then, and at once when a session may have fallen into wrong hands.
      </p>
      <Dialog
        open={asked !== null}
        onOpenChange={() => ask(null)}
        title="Rotate the session key?"
        description="New sessions are signed with a new key from now on. The old key cannot be had back."
      >
        <RotateForm close={() => ask(null)} />
      </Dialog>
    </Card>
  )
}

function RotateForm({ close }: { close: () => void }) {
  const place = { ns: useNamespace(), db: useDatabase() }
  const [endSessions, setEndSessions] = useState(false)
  const { mutateAsync, isPending, error } = useDo('POST /api/namespaces/{ns}/databases/{db}/session_key/rotate')
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const rotated = await mutateAsync({ ...place, endSessions }).catch(() => undefined)
    if (!rotated) return
    close()
    toast(outcomeOf(rotated, endSessions))
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Checkbox
        label="End all open sessions now"
        hint={
          endSessions
            ? 'Everybody has to sign in again.'
            : 'Without this, sessions that are open go on until they expire; nobody notices anything.'
        }
        checked={endSessions}
        onChange={({ target }) => setEndSessions(target.checked)}
      />
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look={endSessions ? 'danger' : 'primary'} busy={isPending}>
          {endSessions ? 'Rotate and end sessions' : 'Rotate the key'}
        </Button>
      </DialogActions>
    </form>
  )
}

const outcomeOf = ({ previousUntil }: Output<Api['rotate_session_key']>, endSessions: boolean) =>
  previousUntil
    ? `The session key is a new one. Sessions of the last key are taken until ${formatMoment(previousUntil)}.`
    : `The session key is a new one.${endSessions ? ' All sessions that were open have ended.' : ''}`
