import type { Database } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { Link } from 'react-router'
import { useCall, useDo } from '../../api/hooks.ts'
import { databasePath } from '../../shell/address.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { Field } from '../../ui/field.tsx'
import { formatMoment } from '../../ui/format.ts'
import { Select } from '../../ui/input.tsx'
import { SlugField } from '../../ui/slug-field.tsx'
import { Rows, Size } from './figures.tsx'

interface ForkDatabaseProps {
  ns: string
  /** Which one, once somebody wants to. */
  slug: string | null
  close: () => void
}

const LIFETIMES = [
  ['', 'until it is deleted'],
  ['1', 'a day'],
  ['7', 'a week'],
  ['30', '30 days'],
] as const

/** Copies a database with all its rows into one of its own. */
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
      title={fork ? `${fork.slug} is ready` : `Fork ${slug}`}
      description={
        fork
          ? `A copy of ${slug}, from now on a database of its own.`
          : `A database of its own with all tables and rows of ${slug}, as they are now. Endpoints, schedules, webhooks, hostnames and snapshots stay behind.`
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
      <Rows {...fork} /> {fork.rows === 1 ? 'row was' : 'rows were'} copied.
      {fork.expiresAt && ` It deletes itself ${formatMoment(fork.expiresAt)}.`}
    </p>
    <DialogActions>
      <Button onClick={close}>Stay here</Button>
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
  const source = useCall('GET /api/namespaces/{ns}/databases/{slug}', { ns, slug })
  const { mutateAsync, isPending, error } = useDo('POST /api/namespaces/{ns}/databases/{db}/fork', [
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
      <SlugField
        label="Name of the copy"
        value={name}
        onChange={setName}
        hint={`Its address will be ${ns}/${name || '…'}`}
      />
      <Field label="It stays for">
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
          ? `Copying all rows. ${slug} is read meanwhile, and writes to it wait; this may take a while for a large one.`
          : source.data && (
              <>
                To copy: <Rows {...source.data} /> rows, <Size {...source.data} />. Reading them is billed as rows read.
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
