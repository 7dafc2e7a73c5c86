import type { Api, BranchRole, Database, Output } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { useApiMutation } from '../../../api/hooks.ts'
import { Button } from '../../../ui/button.tsx'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { formatMoment } from '../../../ui/format.ts'
import { Select } from '../../../ui/input.tsx'
import { ROLES } from './roles.ts'

type Handoff = Output<Api['hand_off_branch']>

interface HandOffBranchProps {
  ns: string
  db: string
  /** The branch, or `undefined` while the dialog is closed. */
  branch: Database | undefined
  close: () => void
}

const LIFETIMES = [
  ['900', '15 minutes'],
  ['3600', '1 hour'],
  ['86400', '1 day'],
] as const

/** Creates a handoff code that a person or an agent redeems once for a token of the branch. */
export function HandOffBranch({ branch, close, ...place }: HandOffBranchProps) {
  const [handoff, setHandoff] = useState<Handoff>()
  const end = () => {
    setHandoff(undefined)
    close()
  }
  const ref = branch?.branchRef
  if (!ref) return null
  return (
    <Dialog
      open
      onOpenChange={end}
      isOnce={handoff !== undefined}
      title={`Hand off ${ref}`}
      description={
        handoff
          ? "Copy the code now. You won't be able to see it again. It works once."
          : 'Create a one-time code that an agent or teammate can exchange for a token limited to this branch.'
      }
    >
      {handoff ? (
        <HandedOff handoff={handoff} close={end} />
      ) : (
        <HandOffForm {...place} branch={ref} close={end} onMade={setHandoff} />
      )}
    </Dialog>
  )
}

const HandedOff = ({ handoff: { token, expiresAt }, close }: { handoff: Handoff; close: () => void }) => (
  <div className="grid min-w-0 gap-4">
    <CodeBlock label="Handoff code" code={token} />
    <p className="text-muted">Redeem before {formatMoment(expiresAt)}:</p>
    <CodeBlock label="curl" code={`curl ${location.origin}/v1/handoff/redeem -d '{"token": "${token}"}'`} />
    <DialogActions>
      <Button look="primary" onClick={close}>
        Done
      </Button>
    </DialogActions>
  </div>
)

interface HandOffFormProps {
  ns: string
  db: string
  branch: string
  close: () => void
  onMade: (handoff: Handoff) => void
}

function HandOffForm({ ns, db, branch, close, onMade }: HandOffFormProps) {
  const [role, setRole] = useState<BranchRole>('write')
  const [ttl, setTtl] = useState('900')
  const { mutateAsync, isPending, error } = useApiMutation(
    'POST /api/namespaces/{ns}/databases/{db}/branches/{ref}/handoff',
  )
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const made = await mutateAsync({ ns, db, ref: branch, role, ttlSec: Number(ttl) }).catch(() => undefined)
    if (made) onMade(made)
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Field label="Token role">
        {(control) => (
          <Select {...control} value={role} onChange={({ target }) => setRole(target.value as BranchRole)}>
            {ROLES.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Redeem within">
        {(control) => (
          <Select {...control} value={ttl} onChange={({ target }) => setTtl(target.value)}>
            {LIFETIMES.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={isPending}>
          Create handoff code
        </Button>
      </DialogActions>
    </form>
  )
}
