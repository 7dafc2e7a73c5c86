import { PerSQLError } from '@persql/contract'
import { now } from '../../../clock.ts'
import type { Access } from '../../calls/access.ts'
import { parseStatementBody, type StatementInput } from '../../calls/call.ts'
import type { ExclusiveAccess } from '../../calls/exclusive-access.ts'
import type { Result } from '../../engine/result.ts'
import { DatabaseLocked } from '../../engine/retry-required.ts'
import type { IdentityStore } from '../../identity.ts'
import type { CallBilling } from '../../metering/charges.ts'
import type { LeaseClient } from '../../metering/lease.ts'
import type { DatabaseReads } from '../../reads/database-reads.ts'
import { withResult } from '../../reads/reader-result.ts'
import type { Transactions } from '../../transactions/transactions.ts'
import type { LastRun, Schedules, StoredSchedule } from './store.ts'

/** Returns the statement of a schedule, with its parameters in their bound form. @throws PerSQLError */
export function bindStatement({ sql, params }: Pick<StoredSchedule, 'sql' | 'params'>): StatementInput {
  return parseStatementBody(JSON.stringify({ sql, params }))
}

/** Runs the statement with the permissions that it was saved with. @throws PerSQLError */
export function runStatement(schedule: StoredSchedule, reads: DatabaseReads): Result | Promise<Result> {
  return reads.runAnywhere(bindStatement(schedule), schedule.rights, `schedule:${schedule.id}`)
}

/** The database services that run schedules. */
export interface DueOptions {
  readonly schedules: Schedules
  readonly reads: DatabaseReads
  readonly now: () => number
  /** Resolves when all writes are on disk. */
  readonly sync: () => Promise<void>
  /** Requests a credit lease. @throws PerSQLError */
  readonly credit: () => Promise<void>
  /** Resolves when no copy in progress and no transaction blocks writes. @throws PerSQLError `transaction_busy` */
  readonly unfrozen: () => Promise<void>
  /** Runs a statement and charges it, in one turn. */
  readonly spend: (tokenId: string, sql: string, run: () => Result | Promise<Result>) => Result | Promise<Result>
}

/** Starts without a recorded end after which a due run fails: the run crashed the object each time. */
const MAX_BEGUN = 2
const STOPPED_TWICE = 'Skipped, because the statement stopped the database twice. Add an index, or process fewer rows.'

/** Runs all due schedules, one after another. The changes of a run and its record are written in one transaction. */
export async function runDue(options: DueOptions): Promise<void> {
  const { schedules, now } = options
  for (const { id } of schedules.list()) {
    const known = schedules.find(id)
    if (known && isDue(known, now())) await runOne(known, options)
  }
}

async function runOne(known: StoredSchedule, options: DueOptions): Promise<void> {
  const { schedules, now, credit, sync, unfrozen } = options
  let refused: unknown = known.begun >= MAX_BEGUN ? STOPPED_TWICE : undefined
  try {
    if (refused === undefined) await credit()
    if (refused === undefined) await unfrozen()
  } catch (cause) {
    refused = cause
  }
  if (refused === undefined) {
    const latest = schedules.find(known.id)
    if (latest) schedules.put({ ...latest, begun: latest.begun + 1 })
    await sync()
    await unfrozen().catch((cause) => {
      refused = cause
    })
  }
  // Other calls can have changed or deleted the schedule during the awaits above.
  const schedule = schedules.find(known.id)
  if (!schedule || !isDue(schedule, now())) return
  if (refused !== undefined) return schedules.recordRun(schedule, failed(refused, now()))
  const ran = runNow(schedule, options)
  if (!(ran instanceof Promise)) return schedules.recordRun(schedule, ran)
  const last = await ran
  // A read in a reader changes nothing, so its record can follow later.
  const latest = schedules.find(known.id)
  if (latest && isDue(latest, now())) schedules.recordRun(latest, last)
}

function runNow(schedule: StoredSchedule, { reads, spend, now }: DueOptions): LastRun | Promise<LastRun> {
  const [startedMs, atMs] = [performance.now(), now()]
  const end = (cause: unknown): LastRun => {
    if (cause instanceof DatabaseLocked) return failed(new PerSQLError('unavailable'), atMs)
    return { ...failed(cause, atMs), durationMs: performance.now() - startedMs }
  }
  try {
    const run = () => runStatement(schedule, reads)
    const last = withResult(spend(`schedule:${schedule.id}`, schedule.sql, run), (result) =>
      lastRun(result, atMs, startedMs),
    )
    return last instanceof Promise ? last.catch(end) : last
  } catch (cause) {
    return end(cause)
  }
}

/** Returns the record of a successful run. */
export const lastRun = ({ rowsRead, rowsWritten }: Result, atMs: number, startedMs: number): LastRun => ({
  atMs,
  status: 'ok',
  error: null,
  durationMs: performance.now() - startedMs,
  rowsRead,
  rowsWritten,
})

/** Returns the record of a failed run. A text is the reason itself. */
export const failed = (cause: unknown, atMs: number): LastRun => ({
  atMs,
  status: 'error',
  error: typeof cause === 'string' ? cause : PerSQLError.from(cause).message,
  durationMs: 0,
  rowsRead: 0,
  rowsWritten: 0,
})

const isDue = ({ nextAtMs, enabled }: StoredSchedule, nowMs: number) =>
  enabled && nextAtMs !== null && nextAtMs <= nowMs

/** The services that run schedules. */
interface ScheduleTimerServices {
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly schedules: Schedules
  readonly reads: DatabaseReads
  readonly lease: LeaseClient
  readonly access: Access
  readonly exclusive: ExclusiveAccess
  readonly charges: CallBilling
  readonly transactions: Transactions
}

/** Returns the timer that runs schedules. */
export const timers = (services: ScheduleTimerServices) => ({
  schedules: async () => {
    const { storage, identity, schedules, reads, lease, access, exclusive, charges, transactions } = services
    if (!identity.current) return undefined
    await runDue({
      schedules,
      reads,
      now,
      sync: () => storage.sync(),
      credit: async () => {
        if (!lease.canServe()) await access.requestCredit()
      },
      unfrozen: async () => {
        for (;;) {
          if (exclusive.busy) await exclusive.busy
          else if (transactions.areBlocking) await transactions.waitToWrite()
          else return
        }
      },
      spend: (tokenId, sql, run) => charges.spend(tokenId, sql, run, 'schedule'),
    })
    const next = schedules.list().flatMap(({ nextAtMs }) => nextAtMs ?? [])
    return next.length > 0 ? Math.min(...next) : undefined
  },
})
