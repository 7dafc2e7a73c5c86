import type { SavedQuery } from '@persql/contract'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { TextField } from '../../ui/text-field.tsx'
import type { Saved } from './use-saved-queries.ts'

/** A form that renames a saved query. */
export function RenameForm({ saved, query, onDone }: { saved: Saved; query: SavedQuery; onDone: () => void }) {
  const [name, setName] = useState(query.name)
  const [error, setError] = useState<unknown>()
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    const select = () => form.current?.querySelector('input')?.select()
    // The menu that opened the form first returns the focus to its trigger.
    const frame = requestAnimationFrame(select)
    return () => cancelAnimationFrame(frame)
  }, [])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setError(undefined)
    await saved.update(query.id, { name }).then(onDone, setError)
  }
  return (
    <form ref={form} onSubmit={submit} className="grid gap-3 rounded-field bg-sunken p-3">
      <TextField label="New name" value={name} onChange={setName} required maxLength={80} />
      {error !== undefined && <ErrorPanel error={error} />}
      <div className="flex flex-wrap gap-2">
        <Button size="small" type="submit" look="primary" busy={saved.isBusy} disabled={name.trim() === ''}>
          Rename
        </Button>
        <Button size="small" onClick={onDone}>
          Cancel
        </Button>
      </div>
    </form>
  )
}
