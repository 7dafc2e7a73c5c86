import type { Database } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { Link } from 'react-router'
import { useApiMutation, useApiQuery } from '../../api/hooks.ts'
import { databasePath } from '../../shell/paths.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { Field } from '../../ui/field.tsx'
import { formatMoment } from '../../ui/format.ts'
import { Select } from '../../ui/input.tsx'
import { SlugField } from '../../ui/slug-field.tsx'
import { Rows, SizeCell } from './database-cells.tsx'

interface ForkDatabaseProps {
  ns: string
  /** The database, or `null` while the dialog is closed. */
  slug: string | null
  close: () => void
}

const LIFETIMES = [
  ['', 'Never'],
  ['1', '1 day'],
  ['7', '7 days'],
  ['30', '30 days'],
] as const

/** Copies a database with all its rows to a new one. */
export function ForkDatabase({ ns, slug, close }: ForkDatabaseProps) {
  const [fork, setFork] = useState<Database>()
  const end = () => {
    setFork(undefined)
    close()
  }
  if (slug === null) return null
  return (
    <Dialog
      open
      onOpenChange={end}
      title={fork ? `Fork ${fork.slug} created` : `Fork ${slug}`}
      description={
        fork
          ? `An independent copy of ${slug}.`
          : `Creates an independent database with all tables and rows of ${slug}. Endpoints, schedules, webhooks, hostnames, approval rules, saved queries and snapshots aren't copied.`
      }
    >
      {fork ? (
        <Forked ns={ns} fork={fork} close={end} />
      ) : (
        <ForkForm ns={ns} slug={slug} close={end} onFork={setFork} />
      )}
    </Dialog>
  )
}

const Forked = ({ ns, fork, close }: { ns: string; fork: Database; close: () => void }) => (
  <div className="grid gap-4">
    <p role="status" className="text-muted">
      <Rows {...fork} /> {fork.rows === 1 ? 'row' : 'rows'} copied.
      {fork.expiresAt && ` Expires ${formatMoment(fork.expiresAt)}.`}
    </p>
    <DialogActions>
      <Button onClick={close}>Close</Button>
      <Button look="primary" asChild>
        <Link to={databasePath(ns, fork.slug)} onClick={close}>
          Open {fork.slug}
        </Link>
      </Button>
    </DialogActions>
  </div>
)

interface ForkFormProps {
  ns: string
  slug: string
  close: () => void
  onFork: (fork: Database) => void
}

function ForkForm({ ns, slug, close, onFork }: ForkFormProps) {
  const [name, setName] = useState(`${slug}-copy`.slice(0, 63))
  const [ttlDays, setTtlDays] = useState('')
  const source = useApiQuery('GET /api/namespaces/{ns}/databases/{slug}', { ns, slug })
  const { mutateAsync, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/fork', [
    'GET /api/namespaces/{ns}/databases',
  ])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const input = { ns, db: slug, slug: name, ...(ttlDays && { ttlDays: Number(ttlDays) }) }
    const fork = await mutateAsync(input).catch(() => undefined)
    if (fork) onFork(fork)
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <SlugField label="Name" value={name} onChange={setName} hint={`Database address: ${ns}/${name || '…'}`} />
      <Field label="Expires after">
        {(control) => (
          <Select {...control} value={ttlDays} onChange={({ target }) => setTtlDays(target.value)}>
            {LIFETIMES.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {source.error && <ErrorPanel error={source.error} onRetry={source.refetch} />}
      <p role="status" className="min-h-12 text-muted">
        {isPending
          ? `Copying all rows. You can read ${slug} in the meantime; writes wait. Large databases can take a while.`
          : source.data && (
              <>
                <Rows {...source.data} /> {source.data.rows === 1 ? 'row' : 'rows'}, <SizeCell {...source.data} /> to
                copy. Billed as rows read.
              </>
            )}
      </p>
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={isPending} disabled={name === '' || isPending}>
          Fork database
        </Button>
      </DialogActions>
    </form>
  )
}
