import { restoreNames } from '../authorizer/bind.ts'
import type { SqlValue } from '../calls/values.ts'
import { collect } from '../engine/result.ts'
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

function runStatement(
  sql: SqlStorage,
  { sql: text, params: sent, cookie, checksIntegers, layout }: SentStatement,
  bytesLeft: number,
): StatementResult | ReadFailure {
  const params = sent.map(toSqlValue)
  try {
    if (cookie !== null && findCookie(sql, text, params) !== cookie) return { reason: 'schema_changed' }
    const cursor = sql.exec(text, ...params)
    const columns = restoreNames(cursor.columnNames, layout)
    const { rows, suspects, bytes } = collect(cursor.raw(), bytesLeft, () => {})
    if (bytes > bytesLeft) return { reason: 'too_large' }
    const { rowsRead } = cursor
    if (checksIntegers && suspects.size > 0 && hasRoundedIntegers(sql, text, params, columns.length, suspects)) {
      return { reason: 'rounded' }
    }
    const count = { rows: rows.length, rowsRead }
    return { count, text: JSON.stringify({ columns, rows, rowsRead, rowsWritten: 0 }), bytes }
  } catch (cause) {
    return { reason: 'error', message: cause instanceof Error ? cause.message : String(cause) }
  }
}

/** Returns the cookie of the schema that a statement compiles with here. */
function findCookie(sql: SqlStorage, text: string, params: readonly SqlValue[]): number | undefined {
  const explained = /^EXPLAIN\b/i.test(text) ? text.replace(/^EXPLAIN(\s+QUERY\s+PLAN)?\s+/i, '') : text
  for (const row of sql.exec(`EXPLAIN ${explained}`, ...params).raw())
    if (row[1] === 'Transaction') return row[4] as number
  return undefined
}
