import { PerSQLError } from '@persql/contract'
import { now, toIso } from '../../clock.ts'
import type { Settings } from '../../settings.ts'
import type { IdentityStore } from '../identity.ts'
import type { StoppedStatement, StopReason } from './stopped-statement.ts'
import type { SystemStorage } from './system-storage.ts'

/** The times for which writes are refused after stopped statements, by their number. */
const WAITS_MS = [10_000, 60_000, 600_000]
/** The time without a stopped statement after which the times start over. */
const FORGOTTEN_MS = 24 * 60 * 60 * 1000
const KEY = 'writeSuspension'

interface Suspension {
  /** The number of stopped statements. */
  readonly stopped: number
  readonly untilMs: number
  readonly seconds: number
  /** Missing in data of versions that stopped statements because of their time only. */
  readonly reason?: StopReason
}

/** The effect of a stopped statement, by the reason why it was stopped. */
const PROBLEMS: Readonly<Record<StopReason, (seconds: number) => string>> = {
  time: (seconds) => `blocked the server for ${seconds} s`,
  quota: () => 'needed more storage than the quota allows',
  disk: () => "filled the server's disk",
}

/**
 * Checks that a namespace can run writes whose time has no known bound. Two statements of it that were stopped within an hour
 * end that for an hour, in all its databases.
 * @param refused the times in milliseconds until which such writes are refused, by namespace
 * @throws PerSQLError `long_writes_suspended`
 */
export function assertLongWrites(refused: Settings['longWritesRefused'], namespace: string | undefined): void {
  if (refused.size === 0 || namespace === undefined) return
  const untilMs = refused.get(namespace) ?? 0
  const leftMs = untilMs - now()
  if (leftMs <= 0) return
  const until = toIso(untilMs)
  throw new PerSQLError('long_writes_suspended', { until, seconds: Math.ceil(leftMs / 1000) }, { extra: { until } })
}

/** Refuses writes of a database for some time after one of its statements had to be stopped with the whole process. */
export class WriteSuspension {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  readonly #identity: Pick<IdentityStore, 'current'>
  readonly #refused: Settings['longWritesRefused']
  #known: Suspension | undefined

  constructor(
    kv: SyncKvStorage,
    ownPages: SystemStorage,
    identity: Pick<IdentityStore, 'current'>,
    { longWritesRefused }: Pick<Settings, 'longWritesRefused'>,
  ) {
    this.#identity = identity
    this.#refused = longWritesRefused
    this.#kv = kv
    this.#ownPages = ownPages
    this.#known = kv.get<Suspension>(KEY)
  }

  /**
   * Checks that a write can run.
   * @param mayRunLong whether its run time has no known bound
   * @throws PerSQLError `database_suspended`, `long_writes_suspended`
   */
  assertWritable(mayRunLong: boolean): void {
    if (mayRunLong) assertLongWrites(this.#refused, this.#identity.current?.namespace)
    if (this.#known === undefined) return
    const { untilMs, seconds, reason = 'time' } = this.#known
    const leftMs = untilMs - now()
    if (leftMs <= 0) return
    const [until, left] = [toIso(untilMs), Math.ceil(leftMs / 1000)]
    const details = { until, seconds: left, problem: PROBLEMS[reason](seconds) }
    throw new PerSQLError('database_suspended', details, { extra: { until, reason } })
  }

  /** Records a stopped statement. */
  add({ seconds, reason }: Pick<StoppedStatement, 'seconds' | 'reason'>): void {
    const nowMs = now()
    const isRepeated = this.#known !== undefined && nowMs - this.#known.untilMs < FORGOTTEN_MS
    const stopped = isRepeated ? (this.#known as Suspension).stopped + 1 : 1
    const waitMs = WAITS_MS[Math.min(stopped, WAITS_MS.length) - 1] as number
    const suspension = { stopped, untilMs: nowMs + waitMs, seconds, reason }
    this.#known = suspension
    this.#ownPages.around(() => this.#kv.put(KEY, suspension))
  }

  /** Forgets all stopped statements, because the database was deleted. */
  forget(): void {
    this.#known = undefined
  }
}
