import type { SavedQuery } from '@persql/contract'
import { PerSQLError } from '@persql/sdk'
import { type FormEvent, useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { formatCount, formatNumber } from '../../ui/format.ts'
import { TextField } from '../../ui/text-field.tsx'
import type { Saved } from './use-saved-queries.ts'

interface SaveDialogProps {
  saved: Saved
  sql: string
  /** The initial name. */
  name: string
  onSaved: (query: SavedQuery) => void
  onClose: () => void
}

/** The server has the same limit. */
const MAX_SQL = 10_000

/** A dialog that names and saves the text of a tab. */
export function SaveDialog({ saved, sql, onSaved, onClose, ...initial }: SaveDialogProps) {
  const [name, setName] = useState(initial.name)
  const [error, setError] = useState<unknown>()
  const attempt = async (save: Promise<SavedQuery>) => {
    setError(undefined)
    await save.then(onSaved, setError)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void attempt(saved.create(name, sql))
  }
  const taken = error instanceof PerSQLError && error.code === 'saved_query_exists' ? error.body : undefined
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="Save query"
      description={`Shared with everyone who can access ${saved.ns}/${saved.db}${saved.isOfParent ? ', the parent of this branch' : ''}. Saves the whole tab.`}
    >
      <form onSubmit={submit} className="grid min-w-0 gap-4">
        <TextField
          label="Name"
          value={name}
          onChange={(next) => {
            setName(next)
            setError(undefined)
          }}
          required
          maxLength={80}
          placeholder="Revenue by month"
        />
        <div className="min-w-0 rounded-field bg-sunken p-3">
          <pre className="line-clamp-4 font-mono text-sm break-words whitespace-pre-wrap">{sql.trim()}</pre>
        </div>
        {sql.length > MAX_SQL && (
          <p role="alert" className="font-medium text-danger">
            This query has {formatCount(sql.length, 'character')}. Saved queries are limited to {formatNumber(MAX_SQL)}.
            Shorten the query or split it.
          </p>
        )}
        {error !== undefined && <ErrorPanel error={error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          {taken && (
            <Button
              look="danger"
              busy={saved.isBusy}
              onClick={() => void attempt(saved.update(String(taken.id), { sql, ifVersion: Number(taken.version) }))}
            >
              Replace query
            </Button>
          )}
          <Button
            type="submit"
            look="primary"
            busy={saved.isBusy}
            disabled={name.trim() === '' || sql.length > MAX_SQL || taken !== undefined}
          >
            Save query
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
