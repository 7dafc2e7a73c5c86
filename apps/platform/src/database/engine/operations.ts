import { PerSQLError } from '@persql/contract'
import { type Grant, parseBatch, parseQuery, type StatementInput } from '../calls/call.ts'
import type { Handlers } from '../calls/handler.ts'
import { done, type Outcome } from '../calls/outcome.ts'
import { readSchema } from '../insights/describe/schema.ts'
import { type ApprovalRequester, withApproval } from '../review/approvals/with-approval.ts'
import {
  type BatchWithoutForeignKeys,
  batchWithoutForeignKeys,
  turnsForeignKeysOff,
} from './batch-without-foreign-keys.ts'
import { type Engine, RetryRequired } from './engine.ts'
import type { Result } from './result.ts'
import { runBatchStatement } from './run-batch-statement.ts'
import { readTables } from './schema.ts'

/** The services that the statement operations use. */
interface StatementServices extends ApprovalRequester, BatchWithoutForeignKeys {}

/** Returns the handlers of the statement and schema operations. */
export function operations(services: StatementServices) {
  const { engine, approvals, storage } = services
  return {
    query: withApproval(
      services,
      ({ body }) => ({ statements: [parseQuery(body)], batch: false }),
      ({ body, grant }) => {
        const input = parseQuery(body)
        const result = engine.run(engine.prepare(input, grant), input)
        return outcome(result, [result], input.sql)
      },
    ),

    batch: withApproval(
      services,
      ({ body }) => ({ statements: parseBatch(body).statements, batch: true }),
      (call) => {
        const { grant } = call
        const input = parseBatch(call.body)
        const { statements, transaction } = input
        const sql = statements.map((statement) => statement.sql).join(';\n')
        if (/total_changes/i.test(sql)) engine.countTotal()
        if (turnsForeignKeysOff(input)) {
          return batchWithoutForeignKeys(call, services, input, (results) => outcome(results, results, sql))
        }
        if (!transaction && !approvals.gate.closed) return oneByOne(statements, grant, engine, sql)
        if (!transaction) return engine.transaction(() => oneByOne(statements, grant, engine, sql))
        const results: Result[] = []
        engine.transaction(() => {
          for (const statement of statements) runBatchStatement(statement, grant, engine, results, true)
        })
        return outcome(results, results, sql)
      },
    ),

    list_tables({ grant }) {
      const { tables, rowsRead } = readTables(storage.sql, grant.tableScope)
      return done(tables, { rowsRead })
    },

    get_schema({ grant }) {
      return done(readSchema(storage.sql, grant.tableScope))
    },

    validate({ body, grant }) {
      const input = parseQuery(body)
      return { ...outcome(verdict(input, grant, engine), [], input.sql), statementCount: 0 }
    },

    explain({ body, grant }) {
      const input = parseQuery(body)
      const { effect, statement } = engine.prepare(input, grant)
      const planned = { ...input, sql: `EXPLAIN QUERY PLAN ${statement.text}` }
      const result = engine.run(engine.prepare(planned, grant), planned)
      const plan = result.rows.map(([id, parent, , detail]) => ({ id, parent, detail }))
      const { kind, reads, writes } = effect
      return outcome({ plan, kind, reads, writes }, [result], input.sql)
    },
  } satisfies Handlers
}

/** Runs a batch without a transaction. Statements before a failure stay applied, and the response says how many. */
function oneByOne(statements: readonly StatementInput[], grant: Grant, engine: Engine, sql: string): Outcome {
  const results: Result[] = []
  engine.precheckDestructive(statements, grant)
  try {
    for (const statement of statements) runBatchStatement(statement, grant, engine, results, false)
    return outcome(results, results, sql)
  } catch (cause) {
    if (cause instanceof RetryRequired) throw cause
    const error = PerSQLError.from(cause)
    // A rule denies the whole batch, so no statement ran.
    if (error.code === 'approval_denied') throw error
    const failure = new PerSQLError(error.code, error.details, {
      cause,
      extra: { ...error.extra, applied: results.length },
    })
    return { ...outcome(undefined, results, sql), status: failure.status, failure }
  }
}

function verdict(
  input: StatementInput,
  grant: Grant,
  engine: Engine,
): { ok: boolean; error?: string; errorDetail?: unknown } {
  try {
    engine.prepareAlone(input, grant)
    return { ok: true }
  } catch (cause) {
    const error = PerSQLError.from(cause)
    if (error.code === 'internal') throw error
    return { ok: false, error: error.message, ...error.extra }
  }
}

function outcome(data: unknown, results: readonly Result[], sql: string): Outcome {
  let rowsRead = 0
  let rowsWritten = 0
  for (const result of results) {
    rowsRead += result.rowsRead
    rowsWritten += result.rowsWritten
  }
  return { data, status: 200, sql, statementCount: results.length, rowsRead, rowsWritten }
}
