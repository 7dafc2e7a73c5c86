import { PerSQLError } from '@persql/contract'
import { now, toIso } from '../../clock.ts'
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
}

/** Refuses writes of a database for some time after one of its statements had to be stopped with the whole process. */
export class WriteSuspension {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  #known: Suspension | undefined

  constructor(kv: SyncKvStorage, ownPages: SystemStorage) {
    this.#kv = kv
    this.#ownPages = ownPages
    this.#known = kv.get<Suspension>(KEY)
  }

  /** @throws PerSQLError `database_suspended` */
  assertWritable(): void {
    if (this.#known === undefined) return
    const { untilMs, seconds } = this.#known
    const leftMs = untilMs - now()
    if (leftMs <= 0) return
    const [until, left] = [toIso(untilMs), Math.ceil(leftMs / 1000)]
    throw new PerSQLError('database_suspended', { until, seconds: left, held: seconds }, { extra: { until } })
  }

  /** Records a statement that held the process for `seconds` and was stopped. */
  add(seconds: number): void {
    const nowMs = now()
    const isRepeated = this.#known !== undefined && nowMs - this.#known.untilMs < FORGOTTEN_MS
    const stopped = isRepeated ? (this.#known as Suspension).stopped + 1 : 1
    const waitMs = WAITS_MS[Math.min(stopped, WAITS_MS.length) - 1] as number
    const suspension = { stopped, untilMs: nowMs + waitMs, seconds }
    this.#known = suspension
    this.#ownPages.around(() => this.#kv.put(KEY, suspension))
  }

  /** Forgets all stopped statements, because the database was deleted. */
  forget(): void {
    this.#known = undefined
  }
}
