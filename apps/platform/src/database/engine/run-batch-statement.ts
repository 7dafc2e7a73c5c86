import { PerSQLError } from '@persql/contract'
import type { Grant, StatementInput } from '../calls/call.ts'
import type { Engine } from './engine.ts'
import type { Result } from './result.ts'
import { RetryRequired } from './retry-required.ts'

/** Runs the next statement of a batch. @throws PerSQLError with the index of the failed statement */
export function runBatchStatement(
  statement: StatementInput,
  grant: Grant,
  engine: Engine,
  results: Result[],
  inTransaction: boolean,
): void {
  try {
    results.push(engine.run(engine.prepare(statement, grant), statement, inTransaction))
  } catch (cause) {
    if (cause instanceof RetryRequired) throw cause
    const { code, details, extra } = PerSQLError.from(cause)
    const index = { statement: results.length }
    throw new PerSQLError(code, { ...details, ...index }, { cause, extra: { ...extra, ...index } })
  }
}
