/** The formats of files that can be imported. */
export type FileFormat = 'sql' | 'sqlite' | 'csv' | 'ndjson'

const BY_TYPE: readonly (readonly [RegExp, FileFormat])[] = [
  [/^(application|text)\/(x-)?sql\b/i, 'sql'],
  [/^application\/(vnd\.|x-)sqlite3?\b/i, 'sqlite'],
  [/^(text|application)\/(x-)?csv\b/i, 'csv'],
  [/^application\/(x-)?(ndjson|jsonl|jsonlines|json-lines)\b/i, 'ndjson'],
]
const BY_NAME: readonly (readonly [RegExp, FileFormat])[] = [
  [/\.(sql|dump)$/i, 'sql'],
  [/\.(sqlite3?|db3?)$/i, 'sqlite'],
  [/\.csv$/i, 'csv'],
  [/\.(ndjson|jsonl)$/i, 'ndjson'],
]
const SQLITE = 'SQLite format 3\0'
const SQL = /^\s*(--|\/\*|(PRAGMA|BEGIN|CREATE|INSERT|REPLACE|UPDATE|DELETE|DROP|ALTER|WITH|SELECT)\s)/i

/** Returns the format of a file: the requested one, or the one that its name, its type or its first bytes indicate. */
export function detectFormat(
  given: FileFormat | undefined,
  { type, name }: { readonly type: string; readonly name: string },
  start: Uint8Array,
  table: string | undefined,
): FileFormat {
  const known =
    given ?? BY_NAME.find(([pattern]) => pattern.test(name)) ?? BY_TYPE.find(([pattern]) => pattern.test(type))
  if (known) return typeof known === 'string' ? known : known[1]
  if (String.fromCharCode(...start.subarray(0, SQLITE.length)) === SQLITE) return 'sqlite'
  const text = new TextDecoder().decode(start.subarray(0, 1_000))
  if (SQL.test(text) || table === undefined) return 'sql'
  return /^\s*\{/.test(text) ? 'ndjson' : 'csv'
}
