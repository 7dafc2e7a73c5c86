import { Field } from '../../ui/field.tsx'
import { Select, Textarea } from '../../ui/input.tsx'
import type { Value } from '../results/values.ts'
import type { InputValue } from './parse-value.ts'

const KINDS = { text: 'Text', number: 'Number', null: 'NULL', default: 'Default' } as const

interface ValueFieldProps {
  label: string
  hint?: string | undefined
  value: InputValue
  /** Whether the column can keep its default, as in a new row. */
  hasDefault?: boolean
  onChange: (value: InputValue) => void
  problem: string | undefined
  rows?: number
}

/** A field for a value of any type except bytes. */
export function ValueField({ label, hint, value, hasDefault = false, onChange, problem, rows = 1 }: ValueFieldProps) {
  const isWritten = value.kind === 'text' || value.kind === 'number'
  return (
    <Field label={label} hint={hint} error={problem}>
      {(control) => (
        <div className="grid gap-2 grid-cols-[minmax(0,1fr)_7rem]">
          <Textarea
            {...control}
            rows={rows}
            value={isWritten ? value.text : ''}
            placeholder={isWritten ? '' : KINDS[value.kind]}
            onChange={({ target }) =>
              onChange({ kind: isWritten ? value.kind : value.typedAs, text: target.value, typedAs: value.typedAs })
            }
            autoCapitalize="none"
            spellCheck={false}
            className="font-mono text-sm"
          />
          <Select
            aria-label={`Type of ${label}`}
            value={value.kind}
            onChange={({ target }) => onChange({ ...value, kind: target.value as InputValue['kind'] })}
          >
            {Object.entries(KINDS).map(
              ([kind, name]) =>
                (kind !== 'default' || hasDefault) && (
                  <option key={kind} value={kind}>
                    {name}
                  </option>
                ),
            )}
          </Select>
        </div>
      )}
    </Field>
  )
}

/** Converts a value to typed text. */
export const toInputValue = (value: Value, typedAs: InputValue['typedAs']): InputValue =>
  value === null
    ? { kind: 'null', text: '', typedAs }
    : { kind: typeof value === 'number' ? 'number' : 'text', text: String(value), typedAs }
