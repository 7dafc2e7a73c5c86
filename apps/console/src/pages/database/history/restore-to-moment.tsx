import type { Snapshot } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { Button } from '../../../ui/button.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { Field } from '../../../ui/field.tsx'
import { formatMoment, formatNumber } from '../../../ui/format.ts'
import { Input } from '../../../ui/input.tsx'
import { around, localText, momentOf } from './moment.ts'

interface RestoreToMomentProps {
  /** The newest first; at least one. */
  snapshots: readonly Snapshot[]
  open: boolean
  close: () => void
  onChoose: (id: string) => void
}

/** Asks for a moment and tells which snapshot that means. */
export const RestoreToMoment = ({ open, close, ...rest }: RestoreToMomentProps) => (
  <Dialog
    open={open}
    onOpenChange={close}
    title="Restore to a point in time"
    description="Snapshots are the moments one can go back to. A time in between means the newest snapshot before it."
  >
    <MomentForm {...rest} close={close} />
  </Dialog>
)

function MomentForm({ snapshots, close, onChoose }: Omit<RestoreToMomentProps, 'open'>) {
  const [text, setText] = useState(() => localText(Date.now()))
  const atMs = momentOf(text)
  const { before, after } = atMs === undefined ? {} : around(snapshots, atMs)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (before) onChoose(before.id)
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Field label="As it was at" hint="In the time of this device.">
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
        {atMs === undefined && <p>Choose a day and a time.</p>}
        {atMs !== undefined && !before && (
          <p>There is no snapshot that old, so this moment cannot be had back. Choose a later one.</p>
        )}
        {before && <Candidate name="Goes back to" snapshot={before} onPick={setText} />}
        {before && (
          <p className="text-sm text-muted">
            What was written after this snapshot is not in it, up to the time above too.
          </p>
        )}
        {after && <Candidate name="The next one after" snapshot={after} onPick={setText} isOther />}
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
  /** Not the one that would be restored. */
  isOther?: boolean
}

const Candidate = ({ name, snapshot: { label, createdAt, rows }, onPick, isOther = false }: CandidateProps) => (
  <div className="flex flex-wrap items-center justify-between gap-2">
    <p className={isOther ? 'text-muted' : 'font-medium'}>
      {name}: “{label}”, {formatMoment(createdAt)}, {formatNumber(rows)} {rows === 1 ? 'row' : 'rows'}
    </p>
    {isOther && (
      <Button size="small" onClick={() => onPick(localText(Date.parse(createdAt)))}>
        Take this one
      </Button>
    )}
  </div>
)
