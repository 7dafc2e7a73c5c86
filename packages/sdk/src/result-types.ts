/** The form of INTEGER values in results: `number`, which refuses integers outside ±(2^53 − 1), or `bigint`, which is exact. */
export type Int64 = 'number' | 'bigint'

/** The form of results, of a client or of `db.with()`. */
export interface ResultOptions<I extends Int64 = Int64> {
  /** The form of INTEGER values and of `lastInsertRowid`. Default: `number`. */
  int64?: I
}

/** A value in a row. Without `bigint`, integers outside ±(2^53 − 1) are refused, never rounded. */
export type Value<I extends Int64 = 'number'> = string | number | Exact<I, never> | null | Uint8Array
/** A row as an object with its column names as keys. */
export type Row<I extends Int64 = 'number'> = Record<string, Value<I>>
/** A bigint if integers are exact, or else another type. */
type Exact<I extends Int64, Otherwise> = I extends 'bigint' ? bigint : Otherwise

/** The cost of a call. */
export interface QueryMeta {
  rowsRead: number
  rowsWritten: number
  durationMs: number
  statementCount: number
  costUsd: number
  /** The automatic snapshot before a destructive statement. */
  snapshot?: { id: string; label: string }
  /** The reason for a missing automatic snapshot. */
  snapshotSkipped?: 'too_large' | 'copy_impossible' | 'storage_full' | 'quota_exceeded'
}

/** The result of a statement. */
export interface QueryResult<T extends object = Row, I extends Int64 = 'number'> {
  /** The rows as objects. */
  data: T[]
  columns: string[]
  rows: Value<I>[][]
  rowsRead: number
  rowsWritten: number
  /** Rows changed, without index entries; absent for reads. */
  changes?: number
  lastInsertRowid?: Exact<I, number>
  /** The cost of the whole call, also for a statement of a batch. */
  meta?: QueryMeta
}

/** The result of a statement of a script. */
export interface ScriptResult<T extends object = Row, I extends Int64 = 'number'> extends QueryResult<T, I> {
  /** The number of the statement, from 1. */
  number: number
  /** Its first line in the script, from 1. */
  line: number
}
