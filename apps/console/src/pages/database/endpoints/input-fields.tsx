import { Plus, Trash2 } from 'lucide-react'
import { Button } from '../../../ui/button.tsx'
import { Checkbox } from '../../../ui/input.tsx'
import { SelectField, TextField } from '../../../ui/text-field.tsx'
import type { Field } from './spec-draft.ts'

const TYPES = (['text', 'email', 'url', 'integer', 'number', 'boolean', 'json'] as const).map(
  (type) => [type, type] as const,
)

interface InputFieldsProps {
  fields: readonly Field[]
  onChange: (fields: readonly Field[]) => void
  /** Finds the problem of a path such as `input[2].name`. */
  findProblem: (field: string) => string | undefined
}

/** The input fields of an endpoint, in the order of the placeholders. */
export function InputFields({ fields, onChange, findProblem }: InputFieldsProps) {
  const set = (at: number, more: Partial<Field>) =>
    onChange(fields.map((field, index) => (index === at ? { ...field, ...more } : field)))
  return (
    <fieldset className="grid gap-3">
      <legend className="pb-1 text-sm font-medium">Inputs</legend>
      <p className="text-sm text-muted">
        One input per ? in the statement, in order. $user_id and $user_email come from the caller's session.
      </p>
      {fields.map((field, at) => (
        <div
          // biome-ignore lint/suspicious/noArrayIndexKey: a field is bound by its position
          key={at}
          className="grid items-end gap-3 rounded-field border border-line p-3 sm:grid-cols-[1fr_auto_auto_auto]"
        >
          <TextField
            label={`Input ${at + 1} name`}
            value={String(field.name ?? '')}
            onChange={(name) => set(at, { name })}
            autoCapitalize="none"
            spellCheck={false}
            className="font-mono"
            error={findProblem(`input[${at}].name`)}
          />
          <SelectField
            label={`Input ${at + 1} type`}
            value={field.type}
            onChange={(type) => set(at, { type: type as Field['type'] })}
            options={TYPES}
          />
          <Checkbox
            className="h-10 items-center"
            label="Required"
            checked={field.required ?? false}
            onChange={({ target }) => set(at, { required: target.checked })}
          />
          <Button
            look="quiet"
            size="icon"
            aria-label={`Remove input ${at + 1}`}
            onClick={() => onChange(fields.filter((_, index) => index !== at))}
          >
            <Trash2 aria-hidden className="size-4" />
          </Button>
        </div>
      ))}
      <div>
        <Button size="small" onClick={() => onChange([...fields, { name: '', type: 'text', required: true }])}>
          <Plus aria-hidden className="size-3.5" />
          Add input
        </Button>
      </div>
    </fieldset>
  )
}
