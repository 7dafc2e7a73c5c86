import type { Docs, SchemaDescription } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { call } from '../../../api/client.ts'
import { useApiMutation } from '../../../api/hooks.ts'
import { toastWithUndo } from '../../../api/undo-toast.ts'
import { Button } from '../../../ui/button.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { Input, Textarea } from '../../../ui/input.tsx'

interface EditDescriptionProps {
  ns: string
  db: string
  schema: SchemaDescription
  /** The table, `''` for the database itself, or `null` while the dialog is closed. */
  table: string | null
  close: () => void
}

/** Edits the descriptions of a table and its columns, or of the database. People and AI models read them. */
export function EditDescription({ table: name, schema, ...rest }: EditDescriptionProps) {
  const table = schema.tables.find((one) => one.table === name)
  if (name === null || (name !== '' && !table)) return null
  return (
    <Dialog
      open
      onOpenChange={rest.close}
      title={`Edit description of ${name || rest.db}`}
      description="Shown to people here and to agents with the schema. Good descriptions lead to better SQL."
    >
      <DescriptionForm {...rest} table={table} before={table ? table.description : schema.databaseDescription} />
    </Dialog>
  )
}

interface DescriptionFormProps extends Pick<EditDescriptionProps, 'ns' | 'db' | 'close'> {
  table: SchemaDescription['tables'][number] | undefined
  before: string | null
}

function DescriptionForm({ ns, db, close, table, before }: DescriptionFormProps) {
  const [text, setText] = useState(before ?? '')
  const [columns, setColumns] = useState<Record<string, string>>(() =>
    Object.fromEntries(table?.columns.map(({ name, description }) => [name, description ?? '']) ?? []),
  )
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const { mutateAsync } = useApiMutation('PUT /api/namespaces/{ns}/databases/{db}/describe', [
    'GET /api/namespaces/{ns}/databases/{db}/describe',
    'GET /api/namespaces/{ns}/databases/{db}/doctor',
  ])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    try {
      // The call replaces all descriptions, so it starts from the current ones to keep the edits of others.
      const docs = await call('GET /api/namespaces/{ns}/databases/{db}/ai/docs', { ns, db })
      await mutateAsync({
        ns,
        db,
        ...(table ? withTable(docs, table.table, text, columns) : { ...docs, databaseDescription: text }),
      })
      close()
      toastWithUndo('Description saved.', async () => {
        const now = await call('GET /api/namespaces/{ns}/databases/{db}/ai/docs', { ns, db })
        await mutateAsync({ ns, db, ...asBefore(now, docs, table?.table) })
      })
    } catch (cause) {
      setError(cause)
      setBusy(false)
    }
  }
  return (
    <form onSubmit={submit} className="grid max-h-[70vh] gap-4 overflow-y-auto p-1">
      <Field label={table ? 'What is this table for?' : 'What is this database for?'}>
        {(control) => (
          <Textarea
            {...control}
            value={text}
            onChange={({ target }) => setText(target.value)}
            maxLength={table ? 1_000 : 4_000}
            rows={3}
          />
        )}
      </Field>
      {Object.entries(columns).map(([name, description]) => (
        <Field key={name} label={`Column ${name}`}>
          {(control) => (
            <Input
              {...control}
              value={description}
              onChange={({ target }) => setColumns({ ...columns, [name]: target.value })}
              maxLength={1_000}
            />
          )}
        </Field>
      ))}
      {error !== undefined && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={isBusy}>
          Save description
        </Button>
      </DialogActions>
    </form>
  )
}

/** Restores the description of one table or of the database. Other changes since then stay. */
function asBefore(now: Docs, before: Docs, table: string | undefined): Docs {
  if (table === undefined) return { ...now, databaseDescription: before.databaseDescription }
  const others = now.tables?.filter((one) => one.table !== table) ?? []
  return { ...now, tables: [...others, ...(before.tables?.filter((one) => one.table === table) ?? [])] }
}

/** Returns the descriptions with those of one table replaced. */
function withTable(docs: Docs, table: string, description: string, columns: Record<string, string>): Docs {
  const others = docs.tables?.filter((one) => one.table !== table) ?? []
  const written = Object.entries(columns)
    .filter(([, text]) => text.trim() !== '')
    .map(([column, text]) => ({ column, description: text }))
  return { ...docs, tables: [...others, { table, description, columns: written }] }
}
