import { PerSQLError } from '@persql/contract'
import { toIso } from '../../clock.ts'
import { type DatabaseCall, parseTransactionCall, type StatementInput } from '../calls/call.ts'
import type { Handlers } from '../calls/handler.ts'
import type { IdempotencyStore } from '../calls/idempotency.ts'
import { done, type Outcome } from '../calls/outcome.ts'
import { type ResponseResult, type Result, toResponseResult } from '../engine/result.ts'
import { RetryRequired } from '../engine/retry-required.ts'
import type { AutoSnapshotter } from '../versions/snapshots/auto-snapshotter.ts'
import { toCommitKey } from './commit-key.ts'
import { type Control, parseControl } from './control.ts'
import { isLongRead, type LongReadServices, readInReader } from './long-read.ts'
import { type OpenTransaction, TOTAL_MS } from './open-transaction.ts'
import { Session } from './session.ts'
import type { SessionServices } from './session-options.ts'

/** The services that the operations of transactions use. */
interface TransactionServices extends SessionServices, LongReadServices {
  readonly replays: IdempotencyStore
  readonly keeper: AutoSnapshotter
}

const COMMIT: StatementInput = { sql: 'COMMIT', params: [] }
const BEGIN = { deferred: 'BEGIN', write: 'BEGIN IMMEDIATE', read: 'BEGIN READONLY' } as const

/** Returns the handlers of interactive transactions. */
export function operations(services: TransactionServices) {
  const { transactions, keeper } = services

  /** Returns the open transaction of a call. @throws PerSQLError if it isn't open */
  const find = (call: DatabaseCall): OpenTransaction => {
    const id = toId(call)
    try {
      return transactions.find(id, call.grant)
    } catch (cause) {
      if (PerSQLError.from(cause).code === 'transaction_expired') assertNotCommitted(call, id)
      throw cause
    }
  }

  const assertNotCommitted = ({ grant }: DatabaseCall, id: string): void => {
    const { replays, now } = services
    let isCommitted = true
    try {
      isCommitted = replays.find(grant.tokenId, toCommitKey(id), now()) !== undefined
    } catch {
      // Only its response is gone.
    }
    if (isCommitted) throw new PerSQLError('transaction_committed', { id })
  }

  const rollBack = (call: DatabaseCall): Outcome => {
    const id = toId(call)
    assertNotCommitted(call, id)
    transactions.assertRemembered(id)
    if (transactions.isOpen(id)) transactions.end(transactions.find(id, call.grant))
    return done({ rolledBack: true })
  }

  const openWithLongRead = async (
    call: DatabaseCall,
    transaction: OpenTransaction,
    statements: readonly StatementInput[],
    data: object,
  ): Promise<Outcome> => {
    try {
      const outcome = await readOutcome(call, transaction, statements, data)
      if (outcome.failure) transactions.end(transaction)
      return outcome.failure ? outcome : { ...outcome, status: 201, transactionId: transaction.id }
    } catch (cause) {
      transactions.end(transaction)
      throw cause
    }
  }

  const runLongStep = async (
    call: DatabaseCall,
    transaction: OpenTransaction,
    statements: readonly StatementInput[],
    step: number,
  ): Promise<Outcome> => {
    const outcome = await readOutcome(call, transaction, statements, { step })
    assertNext(transaction, step)
    transaction.keepAnswer(step, outcome)
    return outcome
  }

  /** Returns the outcome of reads in a reader, with their results added to `data`. */
  const readOutcome = async (
    call: DatabaseCall,
    transaction: OpenTransaction,
    statements: readonly StatementInput[],
    data: object,
  ): Promise<Outcome> => {
    try {
      const { results, failure, ...used } = await readInReader(transaction, statements, call, services)
      const outcome = done(undefined, { ...used, sql: statements.map(({ sql }) => sql).join(';\n') })
      const dataText = `${JSON.stringify(data).slice(0, -1)},"results":[${results}]}`
      if (!failure) return { ...outcome, dataText }
      const error = toFailure(failure, JSON.parse(`[${results}]`) as ResponseResult[])
      return { ...outcome, status: error.status, failure: error }
    } finally {
      if (transaction.isDoomed) transactions.end(transaction, 'conflict')
    }
  }

  return {
    begin_transaction(call) {
      const { statements, mode } = parseTransactionCall(call.body, ['statements', 'mode'])
      const session = new Session(services, { ...call, canContinue: true })
      const results: ResponseResult[] = []
      const isLong = !call.inside && isLongRead(undefined, statements, call, services)
      const end = (failure?: PerSQLError): Outcome | Promise<Outcome> => {
        const { transaction } = session
        if (failure || !transaction) {
          if (transaction) transactions.end(transaction)
          return toOutcome(session, undefined, failure, transaction && statements[results.length])
        }
        const data = { id: transaction.id, expiresAt: toIso(transaction.openedMs + TOTAL_MS) }
        if (isLong) return openWithLongRead(call, transaction, statements, data)
        const outcome = toOutcome(session, { ...data, ...(statements.length > 0 && { results }) })
        return { ...outcome, status: 201, transactionId: transaction.id }
      }
      const program = begin(BEGIN[mode], isLong ? [] : statements, results)
      return session.perform(
        program,
        () => end(),
        (cause) => end(toFailure(cause, results)),
      )
    },

    run_in_transaction(call) {
      const transaction = find(call)
      const { statements, step } = parseTransactionCall(call.body, ['statements', 'step'])
      const { step: last, outcome: kept } = transaction.answer
      if (step === last) {
        if (!kept) throw new PerSQLError('replay_dropped', { header: 'step' })
        return kept
      }
      assertNext(transaction, step)
      if (!call.inside && isLongRead(transaction, statements, call, services))
        return runLongStep(call, transaction, statements, step)
      const session = new Session(services, { ...call, transaction, canContinue: true })
      const results: ResponseResult[] = []
      const end = (failure?: PerSQLError): Outcome => {
        if (transaction.isDoomed) transactions.end(transaction, 'conflict')
        const outcome = toOutcome(session, { step, results }, failure, statements[results.length])
        transaction.keepAnswer(step, outcome)
        return outcome
      }
      return session.perform(
        run(statements, results),
        () => end(),
        (cause) => end(toFailure(cause, results)),
      )
    },

    commit_transaction(call) {
      const transaction = find(call)
      const { statements } = parseTransactionCall(call.body, ['statements'])
      const session = new Session(services, { ...call, transaction, endsAll: true })
      const results: ResponseResult[] = []
      return session.perform(
        commit(statements, results),
        (): Outcome => {
          const { rowsWritten } = transaction
          const data = { committed: true, results, rowsWritten, ...keeper.kept }
          return { ...toOutcome(session, data), commits: true }
        },
        (cause) => {
          const failure = toFailure(cause, results)
          if (transaction.isDoomed) transactions.end(transaction, 'conflict')
          return toOutcome(session, undefined, failure, statements[results.length])
        },
      )
    },

    rollback_transaction(call) {
      parseTransactionCall(call.body, [])
      return rollBack(call)
    },

    delete_transaction: rollBack,
  } satisfies Handlers
}

/** Returns whether the fee of a call was reserved when its transaction was opened: a commit or a rollback of it alone. */
export function isPrepaid(
  { operation, transactionId, grant, body }: DatabaseCall,
  { transactions }: Pick<SessionServices, 'transactions'>,
): boolean {
  if (!ENDS.has(operation) || !transactionId || !transactions.has(transactionId, grant.tokenId)) return false
  return operation !== 'commit_transaction' || !/"statements"/.test(body)
}

const ENDS: ReadonlySet<string> = new Set(['commit_transaction', 'rollback_transaction', 'delete_transaction'])

/** @throws PerSQLError `transaction_step` */
function assertNext({ answer: { step: last } }: OpenTransaction, step: number): void {
  if (step !== last + 1) throw new PerSQLError('transaction_step', { step, last, next: last + 1 })
}

/** The ID in the path. */
const toId = ({ transactionId }: DatabaseCall): string => transactionId ?? ''

function* begin(sql: string, statements: readonly StatementInput[], results: ResponseResult[]) {
  yield { sql, params: [] }
  yield* run(statements, results)
}

function* commit(statements: readonly StatementInput[], results: ResponseResult[]) {
  yield* run(statements, results)
  yield COMMIT
}

function* run(
  statements: readonly StatementInput[],
  results: ResponseResult[],
): Generator<StatementInput, void, Result> {
  for (const statement of statements) {
    assertInside(parseControl(statement.sql))
    results.push(toResponseResult(yield statement, statement))
  }
}

/** @throws PerSQLError `statement_not_allowed` for a statement that begins or ends the transaction */
function assertInside(control: Control | undefined): void {
  if (control === undefined || !OPERATION_FOR.has(control.kind)) return
  const instead = `Call ${OPERATION_FOR.get(control.kind)}.`
  throw new PerSQLError('statement_not_allowed', { what: `${control.kind.toUpperCase()} in a transaction`, instead })
}

const OPERATION_FOR: ReadonlyMap<Control['kind'], string> = new Map([
  ['begin', 'POST …/transactions'],
  ['commit', 'POST …/transactions/{id}/commit'],
  ['rollback', 'POST …/transactions/{id}/rollback'],
])

/**
 * Returns the failure of a statement, with its number and the results of those before it.
 * @throws what isn't the failure of a statement
 */
function toFailure(cause: unknown, results: readonly ResponseResult[]): PerSQLError {
  if (cause instanceof RetryRequired) throw cause
  const error = PerSQLError.from(cause)
  if (error.code === 'internal') throw cause
  const { code, details, extra } = toTransactionError(error)
  const statement = results.length + 1
  return new PerSQLError(code, { ...details, statement }, { cause, extra: { ...extra, statement, results } })
}

/** Returns the error of a rule: inside of a transaction, nothing can be approved. */
function toTransactionError(error: PerSQLError): PerSQLError {
  const { code, details, extra } = error
  if (code !== 'approval_denied') return error
  return new PerSQLError('approval_in_transaction', { table: details.table ?? '' }, { extra, cause: error })
}

/** Returns the outcome of a session. `failed` is the statement that failed, which the session doesn't count. */
function toOutcome({ used }: Session, data: unknown, failure?: PerSQLError, failed?: StatementInput): Outcome {
  const { rowsRead, rowsWritten, statementCount } = used
  const sql = failure && failed ? [...used.sql, failed.sql] : used.sql
  const outcome = done(data, { sql: sql.join(';\n'), statementCount, rowsRead, rowsWritten })
  return failure ? { ...outcome, status: failure.status, failure } : { ...outcome, dataText: JSON.stringify(data) }
}
