import { PerSQLError } from '@persql/contract'
import type { Remote } from '../remote.ts'
import type { LongTransaction } from '../storage/long-transaction.ts'
import type { Advised } from './advisor/advise.ts'
import type { Assistant } from './ai/assistant.ts'
import type { DocsStore } from './ai/docs.ts'
import { assistantOperations } from './ai/operations.ts'
import type { Approvals } from './approvals/approvals.ts'
import { asking } from './approvals/asking.ts'
import { approvalOperations } from './approvals/operations.ts'
import type { Deed } from './audit-outbox.ts'
import { batchWithoutForeignKeys, turnsForeignKeysOff } from './batch-without-foreign-keys.ts'
import { type DatabaseCall, type Grant, parseBatch, parseQuery, type StatementInput } from './call.ts'
import { describeOperations } from './describe/operations.ts'
import { readSchema } from './describe/schema.ts'
import { endpointOperations } from './endpoints/operations.ts'
import type { RunAsk, Spend } from './endpoints/run.ts'
import type { Sessions } from './endpoints/sessions.ts'
import type { Endpoints } from './endpoints/store.ts'
import { type Engine, Postponed } from './engine.ts'
import type { Feed } from './feed/feed.ts'
import { feedOperations } from './feed/operations.ts'
import type { Sockets } from './feed/sockets.ts'
import type { Waiting } from './feed/waiting.ts'
import type { History } from './history/history.ts'
import type { Keeper } from './history/keeper.ts'
import { historyOperations } from './history/operations.ts'
import { insightsOperations } from './insights/operations.ts'
import type { Merger } from './merge/merger.ts'
import { mergeOperations } from './merge/operations.ts'
import { migrationOperations } from './migrations/operations.ts'
import type { Migrations } from './migrations/store.ts'
import { done, type Outcome } from './outcome.ts'
import { proposalOperations } from './proposals/operations.ts'
import type { Proposals } from './proposals/store.ts'
import type { Result } from './result.ts'
import { runNext } from './run-next.ts'
import { savedQueryOperations } from './saved/operations.ts'
import type { SavedQueries } from './saved/store.ts'
import { scheduleOperations } from './schedules/operations.ts'
import type { Schedules } from './schedules/store.ts'
import { readTables } from './schema.ts'
import type { SchemaChanges } from './schema-changes.ts'
import type { Imports } from './transfer/imports.ts'
import { transferOperations } from './transfer/operations.ts'
import type { Stage } from './transfer/stage.ts'
import { webhookOperations } from './webhooks/operations.ts'
import type { WebhookStore } from './webhooks/store.ts'
import type { Webhooks } from './webhooks/webhooks.ts'

/** What operations find in their database. */
export interface Parts {
  readonly engine: Engine
  readonly storage: DurableObjectStorage
  readonly inTransaction: LongTransaction
  readonly endpoints: Endpoints
  readonly sessions: Sessions
  readonly now: () => number
  /** Notes for the namespace who did what. */
  readonly audit: (actor: string, action: string, target: string, detail: Deed['detail']) => void
  readonly assistant: Assistant
  readonly docs: DocsStore
  readonly history: History
  readonly keeper: Keeper
  readonly proposals: Proposals
  readonly approvals: Approvals
  /** Asks the model in somebody's name, for an endpoint. */
  readonly ask: (tokenId: string, spend: Spend) => RunAsk
  /** Looks for indexes that logged statements lack. @throws PerSQLError `advice_under_way` */
  readonly advise: (tableScope: Grant['tableScope']) => Promise<Advised>
  readonly migrations: Migrations
  readonly schemaChanges: SchemaChanges
  readonly merger: Merger
  /** Asks for a name of this moment to come back to; absent where the runtime has none. `null`: not to be had now. */
  readonly bookmark: (() => Promise<string | null>) | undefined
  readonly feed: Feed
  readonly waiting: Waiting
  readonly sockets: Sockets
  readonly webhookStore: WebhookStore
  readonly webhooks: Webhooks
  /** Why nothing may be posted to a URL. */
  readonly webhookProblem: (url: string) => string | undefined
  readonly schedules: Schedules
  readonly savedQueries: SavedQueries
  /** Whether a caller is still one, after something was awaited. */
  readonly admits: (grant: Grant) => boolean
  readonly imports: Imports
  /** What has arrived of an import. */
  readonly stageOf: (importId: string) => Remote<Stage>
  /** Does something while nobody else is served, and foreign keys are not enforced; whether it `changes` something. */
  readonly alone: <T>(work: () => Promise<T>, changes?: boolean) => Promise<T>
  /** Charges, and keeps the answer: to be called at the end of the transaction in which something was done alone. */
  readonly settle: (call: DatabaseCall, outcome: Outcome, startedMs: number) => void
}

export type Run = (call: DatabaseCall, parts: Parts) => Outcome | Promise<Outcome>

/** The operations of a database, by their name in the contract. */
export const databaseOperations: Record<DatabaseCall['operation'], Run> = {
  ...endpointOperations,
  ...assistantOperations,
  ...historyOperations,
  ...proposalOperations,
  ...migrationOperations,
  ...describeOperations,
  ...approvalOperations,
  ...mergeOperations,
  ...transferOperations,
  ...feedOperations,
  ...webhookOperations,
  ...scheduleOperations,
  ...savedQueryOperations,
  ...insightsOperations,

  query: asking(
    ({ body }) => ({ statements: [parseQuery(body)], batch: false }),
    ({ body, grant }, { engine }) => {
      const input = parseQuery(body)
      const result = engine.run(engine.prepare(input, grant), input)
      return outcome(result, [result], input.sql)
    },
  ),

  batch: asking(
    ({ body }) => ({ statements: parseBatch(body).statements, batch: true }),
    (call, parts) => {
      const { grant } = call
      const { engine, approvals } = parts
      const input = parseBatch(call.body)
      const { statements, transaction } = input
      const sql = statements.map((statement) => statement.sql).join(';\n')
      if (/total_changes/i.test(sql)) engine.countTotal()
      if (turnsForeignKeysOff(input)) {
        return batchWithoutForeignKeys(call, parts, input, (results) => outcome(results, results, sql))
      }
      if (!transaction && !approvals.gate.closed) return oneByOne(statements, grant, engine, sql)
      if (!transaction) return engine.transaction(() => oneByOne(statements, grant, engine, sql))
      const results: Result[] = []
      engine.transaction(() => {
        for (const statement of statements) runNext(statement, grant, engine, results, true)
      })
      return outcome(results, results, sql)
    },
  ),

  list_tables({ grant }, { storage }) {
    const { tables, rowsRead } = readTables(storage.sql, grant.tableScope)
    return done(tables, { rowsRead })
  },

  get_schema({ grant }, { storage }) {
    return done(readSchema(storage.sql, grant.tableScope))
  },

  validate({ body, grant }, { engine }) {
    const input = parseQuery(body)
    return { ...outcome(verdict(input, grant, engine), [], input.sql), statementCount: 0 }
  },

  explain({ body, grant }, { engine }) {
    const input = parseQuery(body)
    const { effect, statement } = engine.prepare(input, grant)
    const planned = { ...input, sql: `EXPLAIN QUERY PLAN ${statement.text}` }
    const result = engine.run(engine.prepare(planned, grant), planned)
    const plan = result.rows.map(([id, parent, , detail]) => ({ id, parent, detail }))
    const { kind, reads, writes } = effect
    return outcome({ plan, kind, reads, writes }, [result], input.sql)
  },
}

/** Outside a transaction each statement stands alone: what ran before a failure stays, and the answer says how much. */
function oneByOne(statements: readonly StatementInput[], grant: Grant, engine: Engine, sql: string): Outcome {
  const results: Result[] = []
  engine.foresee(statements, grant)
  try {
    for (const statement of statements) runNext(statement, grant, engine, results, false)
    return outcome(results, results, sql)
  } catch (cause) {
    if (cause instanceof Postponed) throw cause
    const error = PerSQLError.from(cause)
    // A rule stops the whole batch, which has not done anything then.
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
