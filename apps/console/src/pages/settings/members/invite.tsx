import type { Invitation } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { useApiMutation } from '../../../api/hooks.ts'
import { useNamespace } from '../../../shell/paths.ts'
import { Button } from '../../../ui/button.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { Input, Select } from '../../../ui/input.tsx'
import { OneTimeSecret } from '../../../ui/one-time-secret.tsx'
import { ROLES } from './member-rules.ts'

/** The roles that an invitation can have. */
type InvitedRole = Exclude<Invitation['role'], 'owner'>
type Sent = Invitation & { link?: string | undefined }

interface InviteProps {
  open: boolean
  onOpenChange: (open: boolean) => void
}

/** The invitation form. If the instance sends no email, it shows the link once. */
export function Invite({ open, onOpenChange }: InviteProps) {
  const [sent, setSent] = useState<Sent>()
  const close = () => {
    setSent(undefined)
    onOpenChange(false)
  }
  return (
    <Dialog open={open} onOpenChange={close} title={sent ? `Invitation for ${sent.email} created` : 'Invite member'}>
      {sent ? (
        <>
          {sent.link ? (
            <>
              <p className="text-muted">
                Email isn't set up on this instance, so share this link yourself. Copy it now: it's shown once, works
                once, and expires in 7 days.
              </p>
              <OneTimeSecret label="link" text={sent.link} />
            </>
          ) : (
            <p className="text-muted">We emailed an invitation link. It works once and expires in 7 days.</p>
          )}
          <DialogActions>
            <Button look="primary" onClick={close}>
              Done
            </Button>
          </DialogActions>
        </>
      ) : (
        <InviteForm onSent={setSent} close={close} />
      )}
    </Dialog>
  )
}

function InviteForm({ onSent, close }: { onSent: (sent: Sent) => void; close: () => void }) {
  const ns = useNamespace()
  const [email, setEmail] = useState('')
  const [role, setRole] = useState<InvitedRole>('editor')
  const { mutateAsync, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/invitations', [
    'GET /api/namespaces/{ns}/invitations',
  ])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const sent = await mutateAsync({ ns, email, role }).catch(() => undefined)
    if (sent) onSent(sent)
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Field label="Email" hint="They can create an account when they accept.">
        {(control) => (
          <Input
            {...control}
            type="email"
            value={email}
            onChange={({ target }) => setEmail(target.value)}
            required
            maxLength={200}
            autoComplete="off"
          />
        )}
      </Field>
      <Field label="Role" hint={`${ROLES[role]} To add an owner, promote a member.`}>
        {(control) => (
          <Select {...control} value={role} onChange={({ target }) => setRole(target.value as InvitedRole)}>
            <option value="viewer">Viewer</option>
            <option value="editor">Editor</option>
            <option value="admin">Admin</option>
          </Select>
        )}
      </Field>
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={isPending} disabled={email === ''}>
          Send invitation
        </Button>
      </DialogActions>
    </form>
  )
}
