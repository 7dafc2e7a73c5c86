import type { Docs, SchemaDescription } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { call } from '../../../api/client.ts'
import { useApiMutation } from '../../../api/hooks.ts'
import { toastWithUndo } from '../../../api/undo-toast.ts'
import { Button } from '../../../ui/button.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatCount } from '../../../ui/format.ts'
import { Checkbox } from '../../../ui/input.tsx'

interface DescribeTablesProps {
  ns: string
  db: string
  schema: SchemaDescription
  open: boolean
  close: () => void
}

const CHANGED = [
  'GET /api/namespaces/{ns}/databases/{db}/describe',
  'GET /api/namespaces/{ns}/databases/{db}/doctor',
] as const

/** Generates descriptions of tables and columns with an AI model. */
export const DescribeTables = ({ open, ...rest }: DescribeTablesProps) => (
  <Dialog
    open={open}
    onOpenChange={rest.close}
    title="Generate descriptions"
    description="An AI model reads names, types and up to 5 rows of each table, then writes a description for the table and each column. Don't use this if your rows must stay on this instance."
  >
    <DescribeForm {...rest} />
  </Dialog>
)

function DescribeForm({ ns, db, schema, close }: Omit<DescribeTablesProps, 'open'>) {
  const [isAll, setAll] = useState(false)
  const [failures, setFailures] = useState<readonly { table: string; error: string }[]>([])
  const describe = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/ai/describe', CHANGED)
  const put = useApiMutation('PUT /api/namespaces/{ns}/databases/{db}/describe', CHANGED)
  const tables = schema.tables.filter(({ description }) => isAll || !description).map(({ table }) => table)
  const run = async () => {
    const before = await call('GET /api/namespaces/{ns}/databases/{db}/ai/docs', { ns, db })
    const { failures: failed } = await describe.mutateAsync({ ns, db, tables })
    const undo = async () => {
      const now = await call('GET /api/namespaces/{ns}/databases/{db}/ai/docs', { ns, db })
      await put.mutateAsync({ ns, db, ...restoreTables(now, before, new Set(tables)) })
    }
    const written = tables.length - failed.length
    if (written > 0) toastWithUndo(`Descriptions generated for ${formatCount(written, 'table')}.`, undo)
    setFailures(failed)
    if (failed.length === 0) close()
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run().catch(() => undefined)
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Checkbox
        label="Also replace existing descriptions"
        hint="Overwrites current descriptions of the tables and their columns."
        checked={isAll}
        onChange={({ target }) => setAll(target.checked)}
      />
      <p role="status" className="text-muted">
        {describe.isPending
          ? 'Generating descriptions, one table at a time…'
          : tables.length === 0
            ? 'All tables have descriptions.'
            : `${formatCount(tables.length, 'table')}. Billed as rows read, plus AI tokens at $1 per million.`}
      </p>
      {failures.length > 0 && (
        <ul role="alert" className="grid gap-1 text-danger">
          {failures.map(({ table, error }) => (
            <li key={table}>
              {table}: {error}
            </li>
          ))}
        </ul>
      )}
      {describe.error && <ErrorPanel error={describe.error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={describe.isPending} disabled={tables.length === 0}>
          Generate descriptions
        </Button>
      </DialogActions>
    </form>
  )
}

/** Returns the current descriptions, with the previous ones for these tables. */
function restoreTables(now: Docs, before: Docs, tables: ReadonlySet<string>): Docs {
  const others = now.tables.filter(({ table }) => !tables.has(table))
  return { ...now, tables: [...others, ...before.tables.filter(({ table }) => tables.has(table))] }
}
