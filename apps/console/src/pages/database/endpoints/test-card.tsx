import type { Endpoint } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { useApiMutation } from '../../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { Badge } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatCount } from '../../../ui/format.ts'
import { CodeField, SelectField, TextField } from '../../../ui/text-field.tsx'
import { diffDraft, type Field, type SpecDraft } from './spec-draft.ts'

interface TryProps {
  endpoint: Endpoint
  /** The current draft of the spec, saved or not. */
  draft: SpecDraft
}

/** Runs an endpoint with test values. Its writes are rolled back. */
export function TryEndpoint({ endpoint: { slug, spec }, draft }: TryProps) {
  const where = { ns: useNamespace(), db: useDatabase(), slug }
  const [values, setValues] = useState<Record<string, string>>({})
  const [userId, setUserId] = useState('1')
  const { mutate, data, isPending, error } = useApiMutation(
    'POST /api/namespaces/{ns}/databases/{db}/endpoints/{slug}/try',
  )
  const fields = (Array.isArray(draft.input) ? (draft.input as Field[]) : []).filter(
    ({ name }) => !name.startsWith('$'),
  )
  const isSession = draft.auth === 'session'
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const given = fields.filter(({ name }) => (values[name] ?? '') !== '')
    mutate({
      ...where,
      input: Object.fromEntries(given.map((field) => [field.name, parseInput(field, values[field.name] as string)])),
      ...(isSession && { session: { userId: /^\d+$/.test(userId) ? Number(userId) : userId } }),
      changes: diffDraft(spec, draft),
    })
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <p className="text-muted">Runs the spec as shown, saved or not. Writes are rolled back.</p>
      {fields.map((field) => (
        <Value
          key={field.name}
          field={field}
          value={values[field.name] ?? ''}
          onChange={(value) => setValues({ ...values, [field.name]: value })}
        />
      ))}
      {isSession && <TextField label="Signed-in user ID" value={userId} onChange={setUserId} required />}
      <div>
        <Button type="submit" look="primary" busy={isPending}>
          Run test
        </Button>
      </div>
      {error && <ErrorPanel error={error} />}
      {data && (
        <div role="status" className="grid gap-2">
          <p className="flex flex-wrap items-center gap-2">
            <Badge tone={data.status < 400 ? 'success' : 'danger'}>{data.status}</Badge>
            <span className="text-sm text-muted">
              {formatCount(data.rowsRead, 'row')} read, {formatCount(data.rowsWritten, 'row')} written
            </span>
          </p>
          {data.reason && <p className="break-words text-danger">{data.reason}</p>}
          <CodeBlock label="Response" code={JSON.stringify(data.body, null, 2)} />
        </div>
      )}
    </form>
  )
}

interface ValueProps {
  field: Field
  value: string
  onChange: (value: string) => void
}

function Value({ field, value, onChange }: ValueProps) {
  const common = { label: field.label ?? field.name, value, onChange, required: field.required ?? false }
  const choices = field.type === 'boolean' ? ['true', 'false'] : field.enum
  if (choices) return <SelectField {...common} options={['', ...choices].map((choice) => [choice, choice || '–'])} />
  if (field.type === 'json') return <CodeField {...common} />
  return <TextField {...common} hint={field.type} inputMode={isNumber(field) ? 'decimal' : undefined} />
}

const isNumber = ({ type }: Field) => type === 'integer' || type === 'number'

/** Converts typed text to the field's type. Invalid text is sent unchanged, so that the endpoint returns its error. */
function parseInput(field: Field, text: string) {
  if (!isNumber(field) && field.type !== 'boolean' && field.type !== 'json') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
