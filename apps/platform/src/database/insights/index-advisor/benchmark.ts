import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import { parseStatement } from '../../../sqlite/tokenizer.ts'
import type { Candidate } from './candidates.ts'
import { analyzeColumnUsage } from './column-usage.ts'
import { parseAccess } from './compiled-access.ts'
import { indexSql } from './index-sql.ts'
import { Samples, type Value } from './sample-parameters.ts'
import type { Shapes, Trial } from './trial-result.ts'
import { bound } from './workload.ts'

/** Slower statements are measured with one set of parameters only. */
const SLOW_MS = 250

/** A statement with several sets of parameters. */
export interface Prepared {
  readonly trial: number
  readonly kind: Trial['kind']
  /** SQL and parameters of each sample. */
  readonly runs: readonly (readonly [string, readonly Value[]])[]
  /** Average number of rows that a run reads without candidates. */
  readonly baseline: number
}

/** Creates indexes on the copy and measures statements. All writes of the statements are rolled back. */
export class IndexBenchmark {
  readonly #storage: DurableObjectStorage
  readonly #candidates: readonly Candidate[]
  readonly #samples: Samples
  /** Root pages of the created candidates. */
  readonly #roots = new Map<number, number>()
  readonly #pause: () => Promise<void>

  constructor(storage: DurableObjectStorage, candidates: readonly Candidate[], pause: () => Promise<void>) {
    this.#storage = storage
    this.#candidates = candidates
    this.#samples = new Samples((sql, ...params) => this.#run(bound(sql, params), ...params))
    this.#pause = pause
  }

  /** Prepares the copy like the original: with foreign key checks, and with the same information for the planner. */
  begin(statistics: boolean): void {
    this.#run('PRAGMA foreign_keys = ON')
    if (statistics) this.#run('ANALYZE')
  }

  /** Finds parameters and measures a statement without candidates; `undefined` if it fails with all parameters. */
  async prepare(
    trial: number,
    { sql, kind, tables, candidates }: Trial,
    shapes: Shapes,
  ): Promise<Prepared | undefined> {
    const first = this.#candidates[candidates[0] ?? -1]
    const fallback = first && { table: first.table, column: first.terms[0]?.column as string }
    const { names } = parseStatement(sql)
    // An unqualified column belongs to a named table rather than to a table that a foreign key references.
    const own = (name: string) => (names.has(lower(name)) ? 0 : 1)
    const concerned = shapes.filter(({ name }) => tables.includes(name)).sort((a, b) => own(a.name) - own(b.name))
    const runs: Prepared['runs'][number][] = []
    let rowsRead = 0
    for (const params of this.#samples.of(analyzeColumnUsage(sql), concerned, fallback)) {
      await this.#pause()
      const run = [bound(sql, params), params] as const
      const startedMs = Date.now()
      const read = this.#measure(kind, run)
      if (read === undefined) continue
      rowsRead += read
      runs.push(run)
      if (Date.now() - startedMs > SLOW_MS) break
    }
    return runs.length > 0 ? { trial, kind, runs, baseline: rowsRead / runs.length } : undefined
  }

  /** Returns the average number of rows that the statement reads now, or `undefined` if it fails now. */
  async measure({ kind, runs }: Prepared): Promise<number | undefined> {
    let sum = 0
    for (const run of runs) {
      await this.#pause()
      const rowsRead = this.#measure(kind, run)
      if (rowsRead === undefined) return undefined
      sum += rowsRead
    }
    return sum / runs.length
  }

  /** Returns the created candidates that the planner uses for the statement. */
  taken({ runs }: Prepared): number[] {
    const [sql, params] = runs[0] as (typeof runs)[number]
    const { opened } = parseAccess(this.#run(`EXPLAIN ${sql}`, ...params))
    return [...this.#roots].filter(([, root]) => opened.has(root)).map(([candidate]) => candidate)
  }

  isMade(candidate: number): boolean {
    return this.#roots.has(candidate)
  }

  async make(candidate: number): Promise<void> {
    await this.#pause()
    this.#run(indexSql(toIndexName(candidate), this.#candidates[candidate] as Candidate))
    const [row] = this.#run('SELECT rootpage FROM sqlite_master WHERE name = ?', toIndexName(candidate))
    this.#roots.set(candidate, row?.[0] as number)
  }

  drop(candidate: number): void {
    this.#run(`DROP INDEX ${quoteName(toIndexName(candidate))}`)
    this.#roots.delete(candidate)
  }

  #measure(kind: Trial['kind'], [sql, params]: Prepared['runs'][number]): number | undefined {
    let rowsRead: number | undefined
    const run = () => {
      const cursor = this.#storage.sql.exec(sql, ...params)
      for (const _ of cursor.raw());
      rowsRead = cursor.rowsRead
    }
    try {
      if (kind === 'read') run()
      else {
        this.#storage.transactionSync(() => {
          // Rows of a sample can reference missing rows. With deferred checks that fails only at the commit, which
          // never happens.
          this.#run('PRAGMA defer_foreign_keys = ON')
          run()
          throw UNDONE
        })
      }
    } catch {
      // The measured writes are rolled back, or the statement fails with these parameters.
    }
    return rowsRead
  }

  #run(sql: string, ...params: Value[]): Value[][] {
    return [...this.#storage.sql.exec(sql, ...params).raw()]
  }
}

const UNDONE = new Error('undone')
const toIndexName = (candidate: number) => `#advisor ${candidate}`
