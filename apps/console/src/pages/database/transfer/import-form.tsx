import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useRef, useState } from 'react'
import { useApiQuery } from '../../../api/hooks.ts'
import { queryClient } from '../../../api/query-client.ts'
import { Button } from '../../../ui/button.tsx'
import { Field } from '../../../ui/field.tsx'
import { formatBytes } from '../../../ui/format.ts'
import { Checkbox, Input, Select } from '../../../ui/input.tsx'
import { FileDrop } from './file-drop.tsx'
import { ImportFailure, ImportResult } from './import-result.tsx'
import { ProgressBar } from './progress-bar.tsx'
import { formatOf, type ImportRequest, tableOf, upload } from './upload.ts'

const FORMATS = [
  ['sql', 'SQL dump'],
  ['sqlite', 'SQLite file'],
  ['csv', 'CSV'],
  ['ndjson', 'NDJSON'],
] as const

/** A form that chooses a file and its format, and imports it. */
export function ImportForm(place: { ns: string; db: string }) {
  const [file, setFile] = useState<File>()
  const [format, setFormat] = useState('sql')
  const [table, setTable] = useState('')
  const [chosenCreate, setCreate] = useState<boolean>()
  const tables = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/tables', place).data
  // Missing tables are created by default.
  const isThere = tables?.some(({ name }) => name.toLowerCase() === table.toLowerCase()) ?? true
  const create = chosenCreate ?? !isThere
  const [sent, setSent] = useState(0)
  const stop = useRef<AbortController>(null)
  const { mutate, isPending, data, error, reset } = useMutation<
    Awaited<ReturnType<typeof upload>>,
    Error,
    ImportRequest
  >({
    mutationFn: (request) => {
      stop.current = new AbortController()
      return upload(request, setSent, stop.current.signal)
    },
    // The import may have changed rows, tables and the schema.
    onSettled: () => queryClient.invalidateQueries(),
  })
  const isTable = format === 'csv' || format === 'ndjson'
  const choose = (chosen: File) => {
    reset()
    setSent(0)
    setFile(chosen)
    setFormat(formatOf(chosen.name))
    setTable(tableOf(chosen.name))
    setCreate(undefined)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (file) mutate({ ...place, file, format, table, create })
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <FileDrop file={file} onFile={choose} disabled={isPending} />
      {file && (
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
      )}
      {file && isPending && (
        <ProgressBar
          label={sent < file.size ? 'Uploading…' : 'Importing…'}
          value={sent}
          max={file.size}
          text={`${formatBytes(sent)} of ${formatBytes(file.size)}`}
        />
      )}
      {data && <ImportResult result={data} />}
      {error && <ImportFailure error={error} />}
      {file && (
        <div className="flex flex-wrap gap-2">
          <Button type="submit" look="primary" busy={isPending} className="max-w-full min-w-0">
            <span className="truncate">Import {file.name}</span>
          </Button>
          {isPending && sent < file.size && <Button onClick={() => stop.current?.abort()}>Cancel import</Button>}
        </div>
      )}
    </form>
  )
}
