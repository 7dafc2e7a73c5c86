import { RpcTarget } from 'cloudflare:workers'
import { now } from '../../clock.ts'
import type { WakeUpResult } from '../../database/object.ts'
import { retryDelayMs } from '../../storage/alarm.ts'
import type { Migration } from '../../storage/migrate.ts'
import type { IdentityStore } from '../identity.ts'

export const WAKE_UPS: Migration = {
  name: 'wake-ups of databases',
  sql: `
    -- When databases, snapshots and imports want to be woken. The name of their object, without the namespace.
    CREATE TABLE wake_up (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX wake_up_at ON wake_up (at);
  `,
}

/** The services that wake-ups depend on. */
export interface WakeUpsOptions {
  readonly sql: SqlStorage
  readonly identity: IdentityStore
  /** Returns an object by its name without the namespace. */
  readonly stub: (name: string) => { wake(): Promise<WakeUpResult> }
  /** Schedules a call of `run`. */
  readonly runAt: (atMs: number) => void
}

const AT_ONCE = 20
/** The time after which a wake-up that a crash interrupted is repeated. */
const REPEAT_MS = 60_000
/** The time limit for a response. It is less than `REPEAT_MS`, so a wake-up isn't repeated while it runs. */
const ANSWER_MS = 45_000
/** The time within which a database with a lease is woken: a crash can have lost an alarm that it set. */
const LEASED_MS = 60_000
/** The delay before the next attempt while all slots are taken. */
const BUSY_MS = 1_000

/**
 * The alarms of databases and their copies on a single machine, where other processes open the files of these objects
 * and would run native alarms again. An early or repeated wake-up does no harm: the response to each has the time of
 * the next one.
 */
export class WakeUps extends RpcTarget {
  readonly #options: WakeUpsOptions
  /** The wake-ups in progress, with the earliest time that was set since each started. */
  readonly #underWay = new Map<string, number>()
  readonly #failures = new Map<string, number>()

  constructor(options: WakeUpsOptions) {
    super()
    this.#options = options
  }

  /** Wakes the object at this time, or earlier. */
  set(name: string, timeMs: number): void {
    const { identity, sql, runAt } = this.#options
    // Before a namespace is created, it has no tables.
    if (!identity.known) return
    // Some timers have a random part of a millisecond.
    const atMs = Math.ceil(timeMs)
    const sinceStart = this.#underWay.get(name)
    if (sinceStart !== undefined) this.#underWay.set(name, Math.min(sinceStart, atMs))
    const known = this.#find(name)
    if (known !== undefined && (sinceStart !== undefined || known <= atMs)) return
    sql.exec('INSERT INTO wake_up VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at', name, atMs)
    runAt(atMs)
  }

  /** Makes sure that a database is woken soon after a crash. Call it in the transaction that gives it a lease. */
  leased(name: string): void {
    this.set(name, now() + LEASED_MS)
  }

  /**
   * Replaces the wake-up of a database that returned its lease, and so can set no timer unnoticed any more. `nextMs` is the
   * time of its next timer. Otherwise each use of a database would open its file again a minute later.
   */
  released(name: string, nextMs: number | undefined): void {
    // The response to a wake-up in progress has the time of the next one.
    if (this.#underWay.has(name)) return
    if (nextMs === undefined) this.clear(name)
    else {
      this.#options.sql.exec('UPDATE wake_up SET at = ? WHERE name = ?', Math.ceil(nextMs), name)
      this.#options.runAt(Math.ceil(nextMs))
    }
  }

  /** Forgets the object, because its data was deleted. */
  clear(name: string): void {
    this.#failures.delete(name)
    if (this.#options.identity.known) this.#options.sql.exec('DELETE FROM wake_up WHERE name = ?', name)
  }

  /** Starts due wake-ups, without waiting for them. */
  run(nowMs: number): void {
    const { sql, runAt } = this.#options
    const due = sql.exec<{ name: string }>(
      'SELECT name FROM wake_up WHERE at <= ? ORDER BY at LIMIT ?',
      nowMs,
      AT_ONCE + this.#underWay.size,
    )
    const names = due
      .toArray()
      .map(({ name }) => name)
      .filter((name) => !this.#underWay.has(name))
    for (const name of names.slice(0, Math.max(0, AT_ONCE - this.#underWay.size))) {
      // Until the response arrives, the row makes sure that a crash repeats the wake-up.
      sql.exec('UPDATE wake_up SET at = ? WHERE name = ?', nowMs + REPEAT_MS, name)
      this.#underWay.set(name, Number.POSITIVE_INFINITY)
      void this.#wake(name)
    }
    const { next } = sql.exec<{ next: number | null }>('SELECT min(at) AS next FROM wake_up').one()
    if (next !== null) runAt(next > nowMs ? next : nowMs + BUSY_MS)
  }

  async #wake(name: string): Promise<void> {
    let nextMs: number
    try {
      const result = await this.#call(name)
      this.#failures.delete(name)
      const leasedMs = result.isLeased ? now() + LEASED_MS : undefined
      nextMs = earliest(result.nextMs, leasedMs, this.#underWay.get(name))
    } catch (cause) {
      const failures = this.#failures.get(name) ?? 0
      this.#failures.set(name, failures + 1)
      nextMs = now() + retryDelayMs(failures)
      console.error(JSON.stringify({ level: 'warn', event: 'wake_up_failed', database: name, cause: String(cause) }))
    }
    this.#underWay.delete(name)
    this.#reschedule(name, nextMs)
    // Other wake-ups can wait for this slot.
    this.run(now())
  }

  async #call(name: string): Promise<WakeUpResult> {
    const result = await Promise.race([this.#options.stub(name).wake(), scheduler.wait(ANSWER_MS)])
    if (!result) throw new Error(`No response within ${ANSWER_MS / 1000} s.`)
    return result
  }

  /** Sets the next time, or none if it is infinite, unless the object was deleted during its wake-up. */
  #reschedule(name: string, nextMs: number): void {
    const { sql } = this.#options
    if (nextMs === Number.POSITIVE_INFINITY) this.clear(name)
    else sql.exec('UPDATE wake_up SET at = ? WHERE name = ?', Math.ceil(nextMs), name)
  }

  #find(name: string): number | undefined {
    return this.#options.sql.exec<{ at: number }>('SELECT at FROM wake_up WHERE name = ?', name).toArray()[0]?.at
  }
}

const earliest = (...times: (number | undefined)[]): number =>
  Math.min(...times.map((atMs) => atMs ?? Number.POSITIVE_INFINITY))
