import { PerSQLError } from '@persql/contract'
import {
  type BatchInput,
  type DatabaseCall,
  type Grant,
  parseBatch,
  parseQuery,
  parseStatementBody,
  type StatementInput,
} from '../calls/call.ts'
import { type Handlers, parseInput } from '../calls/handler.ts'
import { done, type Outcome } from '../calls/outcome.ts'
import { readSchema } from '../insights/describe/schema.ts'
import { type CountServices, countTables, sumRowsRead, type TableCount } from '../reads/count-tables.ts'
import { type ApprovalRequester, withApproval } from '../review/approvals/with-approval.ts'
import {
  type BatchWithoutForeignKeys,
  batchWithoutForeignKeys,
  turnsForeignKeysOff,
} from './batch-without-foreign-keys.ts'
import type { Engine } from './engine.ts'
import { type Result, toResponseResult, toResponses } from './result.ts'
import { RetryRequired } from './retry-required.ts'
import { runBatchStatement } from './run-batch-statement.ts'
import { userTables } from './schema.ts'

/** The services that the statement operations use. */
interface StatementServices extends ApprovalRequester, BatchWithoutForeignKeys, CountServices {
  readonly storage: DurableObjectStorage
  /** Returns whether the caller still has access. */
  readonly admits: (grant: Grant) => boolean
}

/** Returns the handlers of the statement and schema operations. */
export function operations(services: StatementServices) {
  const { engine, reads, approvals, storage } = services
  return {
    query: withApproval(
      services,
      ({ body }) => ({ statements: [parseQuery(body)], batch: false }),
      (call) => {
        const { body, grant } = call
        const input = parseQuery(body)
        const analysis = engine.prepare(input, grant)
        if (reads.isLong(analysis, input.params)) return readElsewhere(call, [input], services)
        const result = engine.run(analysis, input)
        return outcome(toResponseResult(result, input), [result], input.sql)
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
        if (reads.areLong(statements, grant)) return readElsewhere(call, statements, services, input)
        if (turnsForeignKeysOff(input)) {
          return batchWithoutForeignKeys(call, services, input, (results) =>
            outcome(toResponses(results, statements), results, sql),
          )
        }
        if (!transaction && !approvals.gate.closed) return oneByOne(statements, grant, engine, sql)
        if (!transaction) return engine.transaction(() => oneByOne(statements, grant, engine, sql))
        const results: Result[] = []
        engine.transaction(() => {
          for (const statement of statements) runBatchStatement(statement, grant, engine, results, true)
        })
        return outcome(toResponses(results, statements), results, sql)
      },
    ),

    cancel_query(call) {
      const { id, allowMissing } = parseInput<'cancel_query'>(call)
      const { tokenId, role } = call.grant
      const canceled = reads.cancel(id, (of) => of === tokenId || role === 'admin')
      if (!canceled && !allowMissing) throw new PerSQLError('query_not_found', { id })
      return done({ canceled })
    },

    list_tables(call) {
      const { grant } = call
      const names = userTables(storage.sql, grant.tableScope).map(({ name }) => name)
      const toOutcome = (counts: readonly TableCount[]) =>
        done(
          names.map((name, i) => ({ name, rowCount: counts[i]?.rowCount })),
          { rowsRead: sumRowsRead(counts) },
        )
      const counts = countTables(names, call, services)
      return counts instanceof Promise ? counts.then(toOutcome) : toOutcome(counts)
    },

    get_schema({ grant }) {
      return done(readSchema(storage.sql, grant.tableScope))
    },

    validate({ body, grant }) {
      const input = parseStatementBody(body)
      return { ...outcome(verdict(input, grant, engine), [], input.sql), statementCount: 0 }
    },

    explain({ body, grant }) {
      const input = parseStatementBody(body)
      const { effect, statement } = engine.prepare(input, grant)
      const planned = { ...input, sql: `EXPLAIN QUERY PLAN ${statement.text}` }
      const result = engine.run(engine.prepare(planned, grant), planned)
      const plan = result.rows.map(([id, parent, , detail]) => ({ id, parent, detail }))
      const { kind, reads, writes } = effect
      return outcome({ plan, kind, reads, writes }, [result], input.sql)
    },
  } satisfies Handlers
}

/** Runs reads in a reader: one statement, or those of a batch. */
async function readElsewhere(
  { grant, requestId, span, replayKeys }: DatabaseCall,
  statements: readonly StatementInput[],
  { reads, admits }: StatementServices,
  batch?: BatchInput,
): Promise<Outcome> {
  const { tokenId } = grant
  // A response that can be replayed is stored as text.
  const canStream = replayKeys.length === 0
  const { results, counts, failure } = await reads.run({
    ...{ statements, permission: grant, tokenId, requestId, span, canStream },
  })
  // The token can have been revoked in that time.
  if (!admits(grant)) throw new PerSQLError('token_unknown')
  const rowsRead = sumRowsRead(counts)
  const sql = statements.map((statement) => statement.sql).join(';\n')
  const done = { status: 200, sql, statementCount: counts.length, rowsRead, rowsWritten: 0, data: undefined }
  const [before, after] = batch ? ['[', ']'] : ['', '']
  if (!failure && typeof results === 'string') return { ...done, dataText: before + results + after }
  if (!failure) return { ...done, dataStream: { before, stream: results as ReadableStream<Uint8Array>, after } }
  if (typeof results !== 'string') await results.cancel()
  if (!batch) throw failure
  const { code, details, extra } = failure
  const at = { statement: counts.length, ...(!batch.transaction && { applied: counts.length }) }
  const error = new PerSQLError(
    code,
    { ...details, statement: counts.length },
    { cause: failure, extra: { ...extra, ...at } },
  )
  if (batch.transaction) throw error
  return { ...done, status: error.status, failure: error }
}

/** Runs a batch without a transaction. Statements before a failure stay applied, and the response says how many. */
function oneByOne(statements: readonly StatementInput[], grant: Grant, engine: Engine, sql: string): Outcome {
  const results: Result[] = []
  engine.precheckDestructive(statements, grant)
  try {
    for (const statement of statements) runBatchStatement(statement, grant, engine, results, false)
    return outcome(toResponses(results, statements), results, sql)
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
