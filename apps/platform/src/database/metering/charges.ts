import { type ErrorCode, PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import { count } from '../../metrics/metrics.ts'
import { namespaceUse } from '../../metrics/namespace-use.ts'
import { NOTHING } from '../../money.ts'
import { toTransactionError } from '../../storage/runtime-error.ts'
import type { Access } from '../calls/access.ts'
import type { CurrentCaller } from '../calls/current-caller.ts'
import type { Engine } from '../engine/engine.ts'
import type { Result } from '../engine/result.ts'
import { DatabaseLocked } from '../engine/retry-required.ts'
import type { ChangeAnnouncer } from '../events/change-announcer.ts'
import type { IdentityStore } from '../identity.ts'
import type { Transactions } from '../transactions/transactions.ts'
import type { LeaseClient } from './lease.ts'
import type { QueryLog } from './query-log.ts'
import type { GrowthWatch } from './size/growth-watch.ts'

/** Console operations that members are charged a request for. */
const AD_HOC = new Set(['query', 'batch', 'script', 'propose', 'apply', 'redeem_approval', 'ask', 'generate_sql'])

/** Failures of the server's disk, which no caller pays for. */
export const OF_DISK: readonly ErrorCode[] = ['storage_full', 'database_damaged']

/** The executed operation, for the log. */
export interface ExecutedStatement {
  readonly operation: string
  readonly sql: string
  readonly statementCount: number
  readonly durationMs: number
  readonly transactionId?: string | undefined
}

interface Rows {
  readonly rowsRead: number
  readonly rowsWritten: number
}

interface ChargesOptions {
  readonly identity: IdentityStore
  readonly access: Access
  readonly caller: CurrentCaller
  readonly lease: LeaseClient
  readonly log: QueryLog
  readonly engine: Engine
  readonly announcer: ChangeAnnouncer
  readonly growthWatch: Pick<GrowthWatch, 'called'>
  readonly transactions: Transactions
}

/** Bills calls and logs them. */
export class CallBilling {
  readonly #options: ChargesOptions

  constructor(options: ChargesOptions) {
    this.#options = options
  }

  /** Sets the token or member for the next statements, until the next call. */
  begin(tokenId: string): void {
    this.#options.caller.tokenId = tokenId
  }

  /** Charges a call and adds it to the log. */
  charge(
    tokenId: string,
    ran: ExecutedStatement,
    { rowsRead, rowsWritten }: Rows,
    failure: unknown,
    nowMs: number,
  ): void {
    const { identity, lease, log, growthWatch } = this.#options
    // Members use the console for free, except for their own queries.
    const free = tokenId.startsWith('user:') && !AD_HOC.has(ran.operation)
    lease.charge({ requests: free ? 0 : 1, rowsRead, rowsWritten, aiTokens: 0 }, tokenId)
    const error = failure === undefined ? null : toTransactionError(failure)
    const full = log.add({
      ...ran,
      ts: nowMs,
      tokenId,
      rowsRead,
      rowsWritten,
      status: error?.status ?? 200,
      error: error?.message ?? null,
    })
    count('persql_rows_read_total', '', rowsRead)
    count('persql_rows_written_total', '', rowsWritten)
    if (identity.current) namespaceUse.add(identity.current.namespace, rowsRead + rowsWritten)
    if (full) log.flush()
    growthWatch.called(ran.durationMs)
  }

  /**
   * Runs a statement outside of a call and charges it in the turn, and so in the transaction, of its writes. A read that
   * runs in a reader is charged when its result is there. A write waits for open transactions.
   * @param resume runs after a wait, and waits for tasks with exclusive access
   * @throws PerSQLError `insufficient_balance`, `unavailable`, or the error of the statement
   */
  spend(
    tokenId: string,
    sql: string,
    run: () => Result | Promise<Result>,
    operation: string,
    resume?: () => Promise<void>,
  ): Result | Promise<Result> {
    const { access, engine, lease, log, announcer, transactions } = this.#options
    if (!access.canServe) throw new PerSQLError('insufficient_balance')
    this.begin(tokenId)
    const [startedMs, nowMs] = [performance.now(), now()]
    const charge = (used: Rows, failure?: unknown) => {
      const durationMs = performance.now() - startedMs
      this.charge(tokenId, { operation, sql, statementCount: 1, durationMs }, used, failure, nowMs)
    }
    if (sql.includes('_persql_')) log.flush()
    const finish = (result: Result): Result => {
      charge(result)
      announcer.announce()
      if (result.rowsWritten > 0) lease.save()
      return result
    }
    const wait = async (): Promise<Result> => {
      try {
        await lease.awaiting(() => transactions.waitToWrite())
      } catch (cause) {
        return fail(cause)
      }
      await resume?.()
      return this.spend(tokenId, sql, run, operation, resume)
    }
    const fail = (cause: unknown): never => {
      if (cause instanceof DatabaseLocked) throw new PerSQLError('unavailable')
      if (OF_DISK.includes(PerSQLError.from(cause).code)) throw cause
      charge(NOTHING, cause)
      throw cause
    }
    engine.begin()
    let result: Result | Promise<Result>
    try {
      result = run()
      if (!(result instanceof Promise)) return finish(result)
    } catch (cause) {
      const canWait = transactions.areBlocking || resume !== undefined
      return cause instanceof DatabaseLocked && canWait ? wait() : fail(cause)
    }
    const reading = result
    return lease.awaiting(() => reading.then(finish, fail))
  }
}
