import type { JsonLayout } from '../authorizer/json-binding.ts'
import type { IntegerForm, SqlValue } from '../calls/values.ts'

// A reader is another process that opens the file of a database and runs one read in it. The process that serves the
// database authorizes and compiles the statements, and the reader checks that they compile to the same there.

/** A value as JSON: blobs in base64, and numbers that JSON can't represent as text. */
export type SentValue = string | number | null | { readonly base64: string } | { readonly number: string }

/** A statement for a reader, as it runs. */
export interface SentStatement {
  readonly sql: string
  readonly params: readonly SentValue[]
  /** The cookie of the schema that the statement was authorized with; `null` if it reads no table. */
  readonly cookie: number | null
  /** Whether integers of the result have to be checked, because the runtime rounds those beyond 2^53. */
  readonly checksIntegers: boolean
  /** How its result contains INTEGER values, exactly. A bigint becomes `{"int64": "…"}`. */
  readonly integers?: IntegerForm | undefined
  /** The names of its columns, if they are known. */
  readonly columns?: readonly string[] | undefined
  /** Whether the rows become objects. */
  readonly asObjects?: boolean | undefined
  /** How its parameters became JSON arrays, to restore the names of the result's columns. */
  readonly layout?: JsonLayout | undefined
}

/** A read: statements that see one state of a database. */
export interface SentRead {
  /** The name of the object. */
  readonly name: string
  /** The ID of the database in it. */
  readonly id: string
  readonly statements: readonly SentStatement[]
  /** The maximum size of all results together. */
  readonly maxBytes: number
}

/** The count of one result, whose JSON follows in the response. */
export interface ReadCount {
  readonly rows: number
  readonly rowsRead: number
}

/** Why a read returned no result for a statement. */
export type ReadFailure =
  /** The object holds another database, or none. */
  | { readonly reason: 'gone' }
  /** The schema differs from that of the authorization. */
  | { readonly reason: 'schema_changed' }
  | { readonly reason: 'too_large' }
  | { readonly reason: 'rounded' }
  | { readonly reason: 'duplicate_column'; readonly column: string }
  /** SQLite's message, or the runtime's. */
  | { readonly reason: 'error'; readonly message: string }

/** The header of a response with its `ReadHead`, as JSON in URL encoding. The body has the results, separated by commas. */
export const READ_HEADER = 'X-Read-Head'

/** The header of a request whose large results can be left in a file. */
export const STORE_HEADER = 'X-Read-Store'

/** The header with the name of the file that has the results instead of the body. */
export const FILE_HEADER = 'X-Read-File'

/** The part of a response that comes before the results. */
export interface ReadHead {
  readonly counts: readonly ReadCount[]
  /** The failure of the statement after the last result. */
  readonly failure?: ReadFailure
}

/** Converts a parameter to JSON. */
export function toSentValue(value: SqlValue): SentValue {
  if (value instanceof Uint8Array) return { base64: value.toBase64() }
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))) {
    return { number: Object.is(value, -0) ? '-0' : String(value) }
  }
  return value
}

/** Converts a parameter from JSON. */
export function toSqlValue(value: SentValue): SqlValue {
  if (value === null || typeof value !== 'object') return value
  return 'base64' in value ? Uint8Array.fromBase64(value.base64) : Number(value.number)
}
