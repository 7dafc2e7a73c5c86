import { RpcTarget } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import { now } from '../../../clock.ts'
import type { Alarm } from '../../../storage/alarm.ts'
import { MAX_PAUSES_MS, Turns } from '../../../turns.ts'
import { IndexBenchmark } from './benchmark.ts'
import type { Candidate } from './candidates.ts'
import type { Shapes, Trial, TrialResult } from './trial-result.ts'
import { TrialRunner } from './trial-runner.ts'

const WIPE_AFTER_MS = 10 * 60 * 1000
/** Length limit of an INSERT statement; the runtime allows 100 KB. */
const MAX_INSERT = 80_000

interface Parts {
  readonly storage: DurableObjectStorage
  readonly alarm: Alarm
  /** Returns whether this object contains a user database, which the advisor must not change. */
  readonly occupied: () => boolean
  /** Schedules `wipe`, even if the object restarts before. */
  readonly wipeAt: (atMs: number) => void
}

/** A copy of some tables, in its own object, for tests of indexes. It is deleted afterwards. */
export class ScratchDatabase extends RpcTarget {
  readonly #parts: Parts
  /** Number of the current copy; work on an earlier copy is stopped. */
  #copy = 0

  constructor(parts: Parts) {
    super()
    this.#parts = parts
  }

  /** Creates a copy with these tables, indexes and views. */
  async begin(schema: readonly string[]): Promise<void> {
    await this.wipe()
    const { storage, wipeAt } = this.#parts
    wipeAt(now() + WIPE_AFTER_MS)
    for (const text of schema) storage.sql.exec(text)
  }

  /**
   * Adds rows to a table; rows that violate a constraint are skipped.
   * @param into the statement up to its values
   * @param isWide whether rows have too many values for a statement with several rows
   */
  load(into: string, rows: readonly string[], isWide: boolean): void {
    this.#refuseOccupied()
    const { sql } = this.#parts.storage
    // Rows of a sample can reference missing rows.
    sql.exec('PRAGMA foreign_keys = OFF')
    let values = ''
    for (const row of rows) {
      if (values && (isWide || into.length + values.length + row.length > MAX_INSERT)) {
        sql.exec(into + values)
        values = ''
      }
      values += (values && ',') + row
    }
    if (values) sql.exec(into + values)
  }

  /** Returns the rows that each statement reads without candidates; `undefined` for statements that fail. */
  async probe(
    trials: readonly Trial[],
    candidates: readonly Candidate[],
    tables: Shapes,
  ): Promise<(number | undefined)[]> {
    const bench = this.#bench(candidates, false)
    const rowsRead: (number | undefined)[] = []
    for (const [i, trial] of trials.entries()) rowsRead.push((await bench.prepare(i, trial, tables))?.baseline)
    return rowsRead
  }

  /** Tests candidates on the copy. @param statistics whether the original has been analyzed with ANALYZE */
  prove(
    trials: readonly Trial[],
    candidates: readonly Candidate[],
    tables: Shapes,
    statistics: boolean,
  ): Promise<TrialResult[]> {
    return new TrialRunner(this.#bench(candidates, statistics), trials, candidates).prove(tables)
  }

  /** Deletes the copy. */
  async wipe(): Promise<void> {
    this.#refuseOccupied()
    this.#copy++
    const { storage, alarm } = this.#parts
    await alarm.clear()
    await storage.deleteAll()
  }

  #bench(candidates: readonly Candidate[], statistics: boolean): IndexBenchmark {
    this.#refuseOccupied()
    const copy = this.#copy
    const turns = new Turns(MAX_PAUSES_MS)
    const bench = new IndexBenchmark(this.#parts.storage, candidates, async () => {
      await turns.next()
      if (copy !== this.#copy) throw new PerSQLError('unavailable')
    })
    bench.begin(statistics)
    return bench
  }

  #refuseOccupied(): void {
    if (this.#parts.occupied()) throw new PerSQLError('internal')
  }
}

/** Returns the timer that deletes a copy if its advisor doesn't return. */
export const timers = (services: { readonly scratch: ScratchDatabase }) => ({
  scratch: () => services.scratch.wipe(),
})
