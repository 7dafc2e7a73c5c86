import type { Api, Output } from '@persql/contract'
import { PerSQLError } from '@persql/sdk'

/** The input of an import. */
export interface ImportRequest {
  ns: string
  db: string
  file: File
  format: string
  table: string
  create: boolean
}

const TYPES: Readonly<Record<string, string>> = {
  sql: 'application/sql',
  sqlite: 'application/vnd.sqlite3',
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
}

const ENDS: readonly (readonly [RegExp, string])[] = [
  [/\.(sql|dump)$/i, 'sql'],
  [/\.(sqlite3?|db3?)$/i, 'sqlite'],
  [/\.csv$/i, 'csv'],
  [/\.(ndjson|jsonl)$/i, 'ndjson'],
]

/** Guesses the format from the file name. The default is an SQL dump. */
export const detectFormat = (name: string): string => ENDS.find(([end]) => end.test(name))?.[1] ?? 'sql'

/** Suggests a table name for a file: `Users 2024.csv` becomes `users_2024`. */
export const suggestTableName = (name: string): string =>
  name
    .replace(/\.[^.]*$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, '_')
    .replace(/^_+|_+$/g, '')

/**
 * Uploads a file and reports the progress. `XMLHttpRequest`, because `fetch` doesn't report upload progress.
 * @throws PerSQLError as the SDK does
 */
export function upload(
  { ns, db, file, format, table, create }: ImportRequest,
  onSent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Output<Api['import_database']>> {
  const isTable = format === 'csv' || format === 'ndjson'
  const query = new URLSearchParams({ format, ...(isTable && { table, create: create ? '1' : '0' }) })
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', `/api/namespaces/${ns}/databases/${db}/import?${query}`)
    request.setRequestHeader('Content-Type', TYPES[format] ?? 'application/octet-stream')
    request.responseType = 'json'
    request.upload.onprogress = ({ loaded }) => onSent(loaded)
    request.onerror = () =>
      reject(new PerSQLError({ status: 0, code: 'network', message: 'The upload failed. Nothing was imported.' }))
    request.onabort = () =>
      reject(new PerSQLError({ status: 0, code: 'stopped', message: 'Import canceled. Nothing was imported.' }))
    request.onload = () => {
      const body = request.response as { success?: boolean; data: never; error?: string; code?: string } | null
      if (body?.success) return resolve(body.data)
      const { error = 'Unexpected response from the server.', code = 'internal' } = body ?? {}
      reject(new PerSQLError({ status: request.status, code, message: error, body: { ...body } }))
    }
    signal.addEventListener('abort', () => request.abort())
    request.send(file)
  })
}
