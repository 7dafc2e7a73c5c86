import { Field } from '../../../ui/field.tsx'
import { Checkbox, Input, Select } from '../../../ui/input.tsx'
import type { ImportState } from './use-import.ts'

const FORMATS = [
  ['sql', 'SQL dump'],
  ['sqlite', 'SQLite file'],
  ['csv', 'CSV'],
  ['ndjson', 'NDJSON'],
] as const

type ImportOptionsProps = Pick<ImportState, 'options' | 'setFormat' | 'setTable' | 'setCreate'>

/** The format of a file and, for rows, the table that they are imported into. */
export function ImportOptions({ options, setFormat, setTable, setCreate }: ImportOptionsProps) {
  const { format, table, create } = options
  const isTable = format === 'csv' || format === 'ndjson'
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <Field label="Format">
        {(control) => (
          <Select {...control} value={format} onChange={({ target }) => setFormat(target.value)}>
            {FORMATS.map(([key, name]) => (
              <option key={key} value={key}>
                {name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {isTable && (
        <Field label="Import into table">
          {(control) => (
            <Input
              {...control}
              value={table}
              onChange={({ target }) => setTable(target.value)}
              required
              maxLength={200}
              autoComplete="off"
              spellCheck={false}
            />
          )}
        </Field>
      )}
      {isTable && (
        <Checkbox
          label="Create table"
          hint="Column types are detected from the data."
          checked={create}
          onChange={({ target }) => setCreate(target.checked)}
        />
      )}
    </div>
  )
}
