import { restoreNames } from '../authorizer/bind.ts'
import type { SqlValue } from '../calls/values.ts'
import { readExactly, replaceAllNumbers } from '../engine/exact-integers.ts'
import { collect, findDuplicate, type Rows, toObjects } from '../engine/result.ts'
import { hasRoundedIntegers } from '../engine/rounded-integers.ts'
import type { Identity } from '../identity.ts'
import {
  type ReadCount,
  type ReadFailure,
  type ReadHead,
  type SentRead,
  type SentStatement,
  toSqlValue,
} from './protocol.ts'

/** The outcome of a read: its counts, and the results as JSON, separated by commas. */
export interface ReadOutcome {
  readonly head: ReadHead
  readonly results: string
}

/** Runs the statements in one read transaction. */
export function runRead(storage: DurableObjectStorage, { id, statements, maxBytes }: SentRead): ReadOutcome {
  const counts: ReadCount[] = []
  const results: string[] = []
  let failure: ReadFailure | undefined
  let bytesLeft = maxBytes
  storage.transactionSync(() => {
    // This read begins the transaction's snapshot, which all statements share.
    if (storage.kv.get<Identity>('identity')?.id !== id) {
      failure = { reason: 'gone' }
      return
    }
    for (const statement of statements) {
      const result = runStatement(storage.sql, statement, bytesLeft)
      if ('reason' in result) {
        failure = result
        return
      }
      bytesLeft -= result.bytes
      counts.push(result.count)
      results.push(result.text)
    }
  })
  return { head: failure ? { counts, failure } : { counts }, results: results.join(',') }
}

interface StatementResult {
  readonly count: ReadCount
  readonly text: string
  readonly bytes: number
}

function runStatement(sql: SqlStorage, statement: SentStatement, bytesLeft: number): StatementResult | ReadFailure {
  const values = statement.params.map(toSqlValue)
  try {
    if (statement.cookie !== null && findCookie(sql, statement.sql, values) !== statement.cookie) {
      return { reason: 'schema_changed' }
    }
    const read = readRows(sql, statement, values, bytesLeft)
    if ('reason' in read) return read
    const { columns, rows, rowsRead, bytes } = read
    if (bytes > bytesLeft) return { reason: 'too_large' }
    const column = statement.asObjects ? findDuplicate(columns) : undefined
    if (column !== undefined) return { reason: 'duplicate_column', column }
    const result = { columns, rows: statement.asObjects ? toObjects(read) : rows, rowsRead, rowsWritten: 0 }
    const text = statement.integers === 'bigint' ? JSON.stringify(result, replaceBigint) : JSON.stringify(result)
    return { count: { rows: rows.length, rowsRead }, text, bytes }
  } catch (cause) {
    return { reason: 'error', message: cause instanceof Error ? cause.message : String(cause) }
  }
}

/** The rows of a result with the names of their columns. */
interface NamedRows extends Pick<Rows, 'rows' | 'bytes'> {
  readonly columns: readonly string[]
  readonly rowsRead: number
}

function readRows(
  sql: SqlStorage,
  { sql: text, columns, checksIntegers, integers, layout }: SentStatement,
  values: readonly SqlValue[],
  bytesLeft: number,
): NamedRows | ReadFailure {
  if (integers !== undefined && checksIntegers) {
    const read = readExactly(sql, { sql: text, values }, columns?.length, integers, bytesLeft, () => {})
    return { ...read, columns: columns ?? restoreNames(read.columnNames ?? [], layout) }
  }
  const cursor = sql.exec(text, ...values)
  const names = restoreNames(cursor.columnNames, layout)
  const { rows, suspects, bytes } = collect(cursor.raw(), bytesLeft, () => {})
  const { rowsRead } = cursor
  if (integers !== undefined) replaceAllNumbers(rows, integers)
  else if (checksIntegers && suspects.size > 0 && bytes <= bytesLeft) {
    if (hasRoundedIntegers(sql, text, values, names.length, suspects)) return { reason: 'rounded' }
  }
  return { columns: names, rows, rowsRead, bytes }
}

const replaceBigint = (_key: string, value: unknown) => (typeof value === 'bigint' ? { int64: `${value}` } : value)

/** Returns the cookie of the schema that a statement compiles with here. */
function findCookie(sql: SqlStorage, text: string, params: readonly SqlValue[]): number | undefined {
  const explained = /^EXPLAIN\b/i.test(text) ? text.replace(/^EXPLAIN(\s+QUERY\s+PLAN)?\s+/i, '') : text
  for (const row of sql.exec(`EXPLAIN ${explained}`, ...params).raw())
    if (row[1] === 'Transaction') return row[4] as number
  return undefined
}
