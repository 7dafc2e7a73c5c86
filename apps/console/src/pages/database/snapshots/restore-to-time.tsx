import type { Snapshot } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { Button } from '../../../ui/button.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { Field } from '../../../ui/field.tsx'
import { formatCount, formatMoment } from '../../../ui/format.ts'
import { Input } from '../../../ui/input.tsx'
import { around, localText, parseLocalTime } from './restore-time.ts'

interface RestoreToMomentProps {
  /** At least one, newest first. */
  snapshots: readonly Snapshot[]
  open: boolean
  close: () => void
  onChoose: (id: string) => void
}

/** Asks for a time and shows the snapshot to restore. */
export const RestoreToTime = ({ open, close, ...rest }: RestoreToMomentProps) => (
  <Dialog
    open={open}
    onOpenChange={close}
    title="Restore to a point in time"
    description="Restores the latest snapshot created before the time you choose."
  >
    <MomentForm {...rest} close={close} />
  </Dialog>
)

function MomentForm({ snapshots, close, onChoose }: Omit<RestoreToMomentProps, 'open'>) {
  const [text, setText] = useState(() => localText(Date.now()))
  const atMs = parseLocalTime(text)
  const { before, after } = atMs === undefined ? {} : around(snapshots, atMs)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (before) onChoose(before.id)
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Field label="Restore to" hint="In your time zone.">
        {(control) => (
          <Input
            {...control}
            type="datetime-local"
            step={1}
            required
            value={text}
            onChange={({ target }) => setText(target.value)}
          />
        )}
      </Field>
      <div role="status" className="grid gap-2 rounded-card border border-line bg-sunken p-4">
        {atMs === undefined && <p>Choose a date and time.</p>}
        {atMs !== undefined && !before && <p>No snapshot was created before this time. Choose a later time.</p>}
        {before && <Candidate name="Snapshot to restore" snapshot={before} onPick={setText} />}
        {before && (
          <p className="text-sm text-muted">
            Changes made after this snapshot aren't included, even if they came before the time you chose.
          </p>
        )}
        {after && <Candidate name="Next snapshot" snapshot={after} onPick={setText} isOther />}
      </div>
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" disabled={!before}>
          Continue
        </Button>
      </DialogActions>
    </form>
  )
}

interface CandidateProps {
  name: string
  snapshot: Snapshot
  onPick: (text: string) => void
  /** Whether it isn't the snapshot that would be restored. */
  isOther?: boolean
}

const Candidate = ({ name, snapshot: { label, createdAt, rows }, onPick, isOther = false }: CandidateProps) => (
  <div className="flex flex-wrap items-center justify-between gap-2">
    <p className={isOther ? 'text-muted' : 'font-medium'}>
      {name}: “{label}”, {formatMoment(createdAt)}, {formatCount(rows, 'row')}
    </p>
    {isOther && (
      <Button size="small" onClick={() => onPick(localText(Date.parse(createdAt)))}>
        Use this snapshot
      </Button>
    )}
  </div>
)
