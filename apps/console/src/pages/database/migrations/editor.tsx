import type { Migration } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { useNavigate } from 'react-router'
import { useApiMutation } from '../../../api/hooks.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { NAVIGATION_SAVED, UnsavedChangesGuard } from '../../../shell/unsaved-changes-guard.tsx'
import { Button } from '../../../ui/button.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Field } from '../../../ui/field.tsx'
import { Input, Textarea } from '../../../ui/input.tsx'
import { commandKey } from '../../../ui/kbd.tsx'
import { toast } from '../../../ui/toast.tsx'

const CHANGES = ['GET /api/namespaces/{ns}/databases/{db}/migrations'] as const
const EXAMPLE = 'CREATE TABLE users (\n  id INTEGER PRIMARY KEY,\n  email TEXT NOT NULL UNIQUE\n);'

/** The editor for a new or existing draft. */
export function MigrationEditor({ draft, onChange }: { draft?: Migration; onChange?: () => void }) {
  const place = { ns: useNamespace(), db: useDatabase() }
  const navigate = useNavigate()
  const [name, setName] = useState(draft?.name ?? '')
  const [sql, setSql] = useState(draft?.sql ?? '')
  const create = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/migrations', CHANGES)
  const update = useApiMutation('PATCH /api/namespaces/{ns}/databases/{db}/migrations/{id}', CHANGES)
  const error = create.error ?? update.error
  const isSaved = draft !== undefined && draft.name === name && draft.sql === sql
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const saved = await (draft
      ? update.mutateAsync({ ...place, id: draft.id, name, sql })
      : create.mutateAsync({ ...place, name, sql })
    ).catch(() => undefined)
    if (!saved) return
    onChange?.()
    toast(`Draft “${saved.name}” saved.`)
    if (!draft) navigate(databasePath(place.ns, place.db, 'migrations', saved.id), { state: NAVIGATION_SAVED })
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <UnsavedChangesGuard
        when={draft ? !isSaved : name + sql !== ''}
        what={draft ? 'changes to the draft' : 'the new migration'}
      />
      <Field label="Name">
        {(control) => (
          <Input
            {...control}
            value={name}
            onChange={({ target }) => setName(target.value)}
            required
            maxLength={80}
            placeholder="add_users"
            autoComplete="off"
          />
        )}
      </Field>
      <Field
        label="SQL"
        hint={`Separate statements with semicolons. They run in one transaction. Press ${commandKey()}+Enter to save.`}
      >
        {(control) => (
          <Textarea
            {...control}
            value={sql}
            onChange={({ target }) => setSql(target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit()
            }}
            required
            maxLength={50_000}
            rows={12}
            placeholder={EXAMPLE}
            spellCheck={false}
            autoCapitalize="none"
            className="font-mono text-sm"
          />
        )}
      </Field>
      {error && <ErrorPanel error={error} />}
      <div>
        <Button
          type="submit"
          look={isSaved ? 'secondary' : 'primary'}
          busy={create.isPending || update.isPending}
          disabled={isSaved || name.trim() === '' || sql.trim() === ''}
        >
          {isSaved ? 'Saved' : 'Save draft'}
        </Button>
      </div>
    </form>
  )
}
