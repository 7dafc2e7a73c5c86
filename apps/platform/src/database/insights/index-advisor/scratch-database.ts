import { RpcTarget } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import { now } from '../../../clock.ts'
import { IndexBenchmark } from './benchmark.ts'
import type { Candidate } from './candidates.ts'
import type { Shapes, Trial, TrialResult } from './trial-result.ts'
import { TrialRunner } from './trial-runner.ts'

const WIPE_AFTER_MS = 10 * 60 * 1000
/** A statement may have 100 KB. */
const MAX_INSERT = 80_000

interface Parts {
  readonly storage: DurableObjectStorage
  /** Whether this object is somebody's database: then nothing is done here. */
  readonly occupied: () => boolean
  /** Sees to it that `wipe` is called at that moment, whatever happens until then. */
  readonly wipeAt: (atMs: number) => void
}

/** A copy of some tables, in an object of its own, on which indexes are tried out. What it holds is gone afterwards. */
export class ScratchDatabase extends RpcTarget {
  readonly #parts: Parts
  /** Which copy this is: whoever still works on an earlier one is stopped. */
  #copy = 0

  constructor(parts: Parts) {
    super()
    this.#parts = parts
  }

  /** Begins a copy with these tables, indexes and views. */
  async begin(schema: readonly string[]): Promise<void> {
    await this.wipe()
    const { storage, wipeAt } = this.#parts
    wipeAt(now() + WIPE_AFTER_MS)
    for (const text of schema) storage.sql.exec(text)
  }

  /**
   * Adds rows to a table; `into` is the statement up to its values. What breaks a constraint is left out.
   * @param isWide whether rows have more values than a statement of several rows may have
   */
  load(into: string, rows: readonly string[], isWide: boolean): void {
    this.#refuseOccupied()
    const { sql } = this.#parts.storage
    // Of a sample, rows refer to rows that are not there.
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

  /** Rows that each statement reads of the copy as it is; nothing for those that do not run. */
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

  /** Tries candidates on the copy. `statistics`: the original has been ANALYZEd. */
  prove(
    trials: readonly Trial[],
    candidates: readonly Candidate[],
    tables: Shapes,
    statistics: boolean,
  ): Promise<TrialResult[]> {
    return new TrialRunner(this.#bench(candidates, statistics), trials, candidates).prove(tables)
  }

  /** Forgets everything. */
  async wipe(): Promise<void> {
    this.#refuseOccupied()
    this.#copy++
    const { storage } = this.#parts
    await storage.deleteAlarm()
    await storage.deleteAll()
  }

  #bench(candidates: readonly Candidate[], statistics: boolean): IndexBenchmark {
    this.#refuseOccupied()
    const copy = this.#copy
    const bench = new IndexBenchmark(this.#parts.storage, candidates, async () => {
      // Others of this process are waiting for their turn.
      await scheduler.wait(0)
      if (copy !== this.#copy) throw new PerSQLError('unavailable')
    })
    bench.begin(statistics)
    return bench
  }

  #refuseOccupied(): void {
    if (this.#parts.occupied()) throw new PerSQLError('internal')
  }
}

/** Returns the timer that deletes a copy, should its advisor not come back. */
export const timers = (services: { readonly scratch: ScratchDatabase }) => ({
  scratch: () => services.scratch.wipe(),
})
