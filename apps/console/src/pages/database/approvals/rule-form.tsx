import type { ApprovalRule } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { useApiMutation } from '../../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { Button } from '../../../ui/button.tsx'
import { DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { SelectField, TextField } from '../../../ui/text-field.tsx'
import { toast } from '../../../ui/toast.tsx'

/** Creates an approval rule for writes to some tables. */
export function RuleForm({ close }: { close: () => void }) {
  const [ns, db] = [useNamespace(), useDatabase()]
  const [tableGlob, setGlob] = useState('')
  const [action, setAction] = useState<ApprovalRule['action']>('require_approval')
  const [note, setNote] = useState('')
  const { mutateAsync, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/approval_rules', [
    'GET /api/namespaces/{ns}/databases/{db}/approval_rules',
  ])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const rule = { ns, db, tableGlob, action, ...(note && { note }) }
    if (!(await mutateAsync(rule).catch(() => undefined))) return
    toast(`Writes to ${tableGlob} are now protected.`)
    close()
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <TextField
        label="Tables"
        value={tableGlob}
        onChange={setGlob}
        required
        maxLength={200}
        autoCapitalize="none"
        className="font-mono"
        hint="A table name, such as payments, or a pattern: * matches any characters, ? matches one."
      />
      <SelectField
        label="Action"
        value={action}
        onChange={(value) => setAction(value as ApprovalRule['action'])}
        options={[
          ['require_approval', 'Require approval'],
          ['deny', 'Deny'],
        ]}
      />
      <TextField
        label="Note"
        value={note}
        onChange={setNote}
        maxLength={500}
        hint="Optional. Shown to the requester and the reviewer."
      />
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={isPending}>
          Add rule
        </Button>
      </DialogActions>
    </form>
  )
}
