import { PerSQLError } from '@persql/contract'

/** An INTEGER in the form that the statement asked for. */
export type ExactInteger = bigint | string | { readonly int64: string }

/** The result of one statement. */
export interface Result {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly changes?: number
  /** A number, unless the statement asked for exact integers. */
  readonly lastInsertRowid?: number | ExactInteger
}

/** Returns the result of a cursor that was read to its end. */
export const toResult = (
  { rowsRead, rowsWritten }: Pick<Result, 'rowsRead' | 'rowsWritten'>,
  columns: readonly string[],
  rows: Result['rows'],
): Result => ({ columns, rows, rowsRead, rowsWritten })

/** A result in a response, whose rows can be objects. */
export type ResponseResult = Omit<Result, 'rows'> & { readonly rows: readonly unknown[] }

/** Returns a result with its rows as objects, if its statement asked for them. */
export const toResponseResult = (
  result: Result,
  { asObjects }: { readonly asObjects?: boolean | undefined },
): ResponseResult => (asObjects ? { ...result, rows: toObjects(result) } : result)

/** Returns the results of several statements, each in the form that it asked for. */
export const toResponses = (
  results: readonly Result[],
  statements: readonly { readonly asObjects?: boolean | undefined }[],
): readonly ResponseResult[] =>
  statements.some(({ asObjects }) => asObjects)
    ? results.map((result, i) => toResponseResult(result, statements[i] ?? {}))
    : results

/** Returns rows as objects. */
export const toObjects = ({ columns, rows }: Pick<Result, 'columns' | 'rows'>): Record<string, unknown>[] =>
  rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])))

/** Checks that each column has its own name. @throws PerSQLError `duplicate_column` */
export function assertDistinct(columns: readonly string[]): void {
  const column = findDuplicate(columns)
  if (column !== undefined) throw new PerSQLError('duplicate_column', { column })
}

/** Returns the first name that several columns have. */
export const findDuplicate = (columns: readonly string[]): string | undefined =>
  columns.find((column, i) => columns.indexOf(column) < i)

/** The maximum size of a serialized result, so that it fits in memory and through an RPC call. */
export const MAX_RESULT_BYTES = 16 * 1024 * 1024

/** Collected rows. Values that JSON can't represent are converted to a form that it can. */
export interface Rows {
  readonly rows: unknown[][]
  /** Columns with a whole number beyond 2^53: the runtime has rounded an INTEGER among them. */
  readonly suspects: ReadonlySet<number>
  /** Approximate size in bytes; if it exceeds the limit, `rows` is incomplete. */
  readonly bytes: number
}

type Cursor = { next(): { done?: boolean; value?: unknown } }

/**
 * Reads a cursor to its end, because an open cursor blocks every later commit. `overtime` runs every 64 rows and can
 * throw, which is only safe if it ends the whole object.
 */
export function collect(cursor: Cursor, bytesLeft: number, overtime: () => void): Rows {
  const rows: unknown[][] = []
  const suspects = new Set<number>()
  let bytes = 0
  for (let count = 1; ; count++) {
    const { done, value } = cursor.next()
    if (done) return { rows, suspects, bytes }
    if (count % 64 === 0) overtime()
    if (bytes > bytesLeft) continue
    const row = value as unknown[]
    for (let i = 0; i < row.length; i++) {
      const cell = row[i]
      bytes += 8
      if (typeof cell === 'string') bytes += cell.length
      else if (typeof cell === 'number') {
        if (cell > Number.MAX_SAFE_INTEGER || cell < Number.MIN_SAFE_INTEGER) {
          // SQLite writes and reads infinity as 9e999, and so does JSON.parse.
          if (!Number.isFinite(cell)) row[i] = JSON.rawJSON(cell > 0 ? '9e999' : '-9e999')
          else if (Math.abs(cell) <= 2 ** 63) suspects.add(i)
        }
      } else if (cell !== null) {
        const blob = new Uint8Array(cell as ArrayBuffer)
        bytes += (blob.length * 4) / 3
        if (bytes <= bytesLeft) row[i] = { base64: blob.toBase64() }
      }
    }
    if (bytes > bytesLeft) rows.length = 0
    else rows.push(row)
  }
}

export const tooLarge = (): PerSQLError =>
  new PerSQLError('result_too_large', { limit: `${MAX_RESULT_BYTES / 1024 / 1024} MiB` })
