import type { Api, Output } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { useApiMutation } from '../../../api/hooks.ts'
import { Button } from '../../../ui/button.tsx'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { formatMoment } from '../../../ui/format.ts'
import { Input, Select } from '../../../ui/input.tsx'
import { ROLES } from './roles.ts'

type Claim = Output<Api['claim_branch']>

interface ClaimBranchProps {
  ns: string
  db: string
  open: boolean
  close: () => void
}

const LIFETIMES = [
  ['3600', '1 hour'],
  ['86400', '1 day'],
  ['604800', '7 days'],
  ['2592000', '30 days'],
  ['0', 'Never'],
] as const

/** Creates a branch and shows its token once. */
export function CreateBranch({ open, close, ...place }: ClaimBranchProps) {
  const [claim, setClaim] = useState<Claim>()
  const end = () => {
    setClaim(undefined)
    close()
  }
  return (
    <Dialog
      open={open}
      onOpenChange={end}
      isOnce={claim !== undefined}
      title={claim ? `Branch ${claim.branchRef} created` : 'Create branch'}
      description={
        claim
          ? "Copy the token now. You won't be able to see it again."
          : `An isolated branch of ${place.db}, with a token that only works on this branch.`
      }
    >
      {claim ? <Claimed claim={claim} close={end} /> : <ClaimForm {...place} close={end} onClaim={setClaim} />}
    </Dialog>
  )
}

const Claimed = ({ claim, close }: { claim: Claim; close: () => void }) => (
  <div className="grid min-w-0 gap-4">
    <CodeBlock label="Token" code={claim.token} />
    <p className="text-muted">
      The token only works on{' '}
      <code className="font-mono wrap-anywhere">{`${claim.namespaceSlug}/${claim.databaseSlug}`}</code>
      {claim.expiresAt
        ? ` and expires ${formatMoment(claim.expiresAt)}.`
        : ' and stops working when you reset or delete the branch.'}
    </p>
    <DialogActions>
      <Button look="primary" onClick={close}>
        Done
      </Button>
    </DialogActions>
  </div>
)

function ClaimForm({ ns, db, close, onClaim }: Omit<ClaimBranchProps, 'open'> & { onClaim: (claim: Claim) => void }) {
  const [ref, setRef] = useState('')
  const [ttl, setTtl] = useState<string>('86400')
  const [role, setRole] = useState<(typeof ROLES)[number][0]>('write')
  const { mutateAsync, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/claim_branch', [
    'GET /api/namespaces/{ns}/databases/{db}/branches',
    'GET /api/namespaces/{ns}/databases',
  ])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const claim = await mutateAsync({ ns, db, ref, ttlSec: Number(ttl), role }).catch(() => undefined)
    if (claim) onClaim(claim)
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Field
        label="Branch"
        hint="Any git branch name, such as fix/login. If the branch exists, it is reset: its content and tokens are deleted, and it gets the parent's current schema."
      >
        {(control) => (
          <Input
            {...control}
            value={ref}
            onChange={({ target }) => setRef(target.value)}
            required
            maxLength={255}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            className="font-mono"
          />
        )}
      </Field>
      <Field label="Expires after">
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
      <Field label="Token role">
        {(control) => (
          <Select {...control} value={role} onChange={({ target }) => setRole(target.value as typeof role)}>
            {ROLES.map(([value, name]) => (
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
        <Button type="submit" look="primary" busy={isPending} disabled={ref === ''}>
          Create branch
        </Button>
      </DialogActions>
    </form>
  )
}
