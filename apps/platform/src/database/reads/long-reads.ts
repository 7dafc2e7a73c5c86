import type { Analysis } from '../authorizer/authorizer.ts'
import { type Bound, isReal, type Params } from '../calls/values.ts'
import type { LoopSource, Shape } from './shape.ts'
import { LARGE_ROWS, type TableFacts } from './table-facts.ts'

/** The cost of a read that may run in place, in instructions of SQLite: a few milliseconds. */
const BUDGET = 200_000
/** The assumed share of rows in a range of a small table, as in SQLite's planner. */
const ASSUMED_SHARE = 1 / 4
/** The assumed number of rows in a range of an index of a large table. */
const ASSUMED_RANGE = 50
/** The duration of a slow read. The machine can be the reason, so only `SLOW_RUNS` in a row count. */
const SLOW_MS = 25
const SLOW_RUNS = 3
/** The duration and the result size of a read that counts as slow after one run. */
const VERY_SLOW_MS = 250
const LARGE_BYTES = 1_000_000
/** The time for which a slow read doesn't run in place. */
const SLOW_FOR_MS = 600_000
/** The time in which ranges of large tables are read elsewhere after a slow read; it doubles with each. */
const WARY_MS = 30_000
const MAX_WARY_MS = 600_000
/** The time without a slow read after which the time starts over. */
const CALM_MS = 3_600_000
/** The number of fast runs after which a read of a huge table may run in place. */
const LEARNED_RUNS = 3
const LEARNED_ROWS = 1_000
/** In that time, functions count more. */
const WARY_CALL_WEIGHT = 500
const MAX_WILDCARDS = 2
const PAGE_BYTES = 4_096
/** The cost of counting the rows of a page. */
const PAGE_WEIGHT = 20
/** The cost of checking the rows of a page. */
const FILE_PAGE_WEIGHT = 2_000

/** Decides which reads could take long, so that they run in a reader and other callers don't wait for them. */
export class LongReads {
  readonly #facts: TableFacts
  readonly #pages: () => number
  /** Reads that were slow, with the time until which they don't run in place. */
  readonly #slow = new WeakMap<Analysis, number>()
  /** The number of slow runs in a row. */
  readonly #slowRuns = new WeakMap<Analysis, number>()
  /** The number of fast runs of reads of huge tables. */
  readonly #fastRuns = new WeakMap<Analysis, number>()
  #waryUntilMs = 0
  #surprises = 0

  /** @param pages returns the size of the file in pages */
  constructor(facts: TableFacts, pages: () => number) {
    this.#facts = facts
    this.#pages = pages
  }

  /** Returns whether a statement could take long. Writes never count: they run in place. */
  isLong(analysis: Analysis, given: Params): boolean {
    const { shape, effect, parameters } = analysis
    if (shape === undefined || effect.kind !== 'read') return false
    const params = parameters.inOrder(given)
    if (shape.isUnbounded || (this.#slow.get(analysis) ?? 0) > Date.now()) return true
    if (hasWildPattern(shape, params)) return true
    const inputSize = analysis.statement.text.length + getSize(params)
    return (
      new Cost({ shape, params, inputSize, facts: this.#facts, pages: this.#pages, trust: this.#trust(analysis) })
        .total > BUDGET
    )
  }

  /** Records how long a read ran in place. */
  ranInPlace(analysis: Analysis, ms: number, bytes: number): void {
    const nowMs = Date.now()
    if (bytes >= LARGE_BYTES) this.#slow.set(analysis, nowMs + SLOW_FOR_MS)
    if (ms < SLOW_MS) {
      this.#slowRuns.delete(analysis)
      return
    }
    const slowRuns = (this.#slowRuns.get(analysis) ?? 0) + 1
    this.#slowRuns.set(analysis, slowRuns)
    if (ms < VERY_SLOW_MS && slowRuns < SLOW_RUNS) return
    this.#slow.set(analysis, nowMs + SLOW_FOR_MS)
    if (nowMs - this.#waryUntilMs > CALM_MS) this.#surprises = 0
    const waryMs = Math.min(MAX_WARY_MS, WARY_MS * 2 ** this.#surprises)
    this.#surprises++
    this.#waryUntilMs = nowMs + waryMs
  }

  /** Records how many rows a read of a reader read. A few fast runs show that it may run in place. */
  ranElsewhere(analysis: Analysis, rowsRead: number): void {
    if (rowsRead > LEARNED_ROWS) this.#fastRuns.delete(analysis)
    else this.#fastRuns.set(analysis, (this.#fastRuns.get(analysis) ?? 0) + 1)
  }

  #trust(analysis: Analysis): Trust {
    if (Date.now() < this.#waryUntilMs) return 'none'
    return (this.#fastRuns.get(analysis) ?? 0) >= LEARNED_RUNS ? 'learned' : 'default'
  }
}

type TableSource = Extract<LoopSource, { kind: 'table' }>

/** How far ranges of large tables are trusted to be short. */
type Trust = 'none' | 'default' | 'learned'

interface CostOptions {
  readonly shape: Shape
  readonly params: readonly Bound[]
  /** The size of the statement and its parameters. */
  readonly inputSize: number
  readonly facts: TableFacts
  /** Returns the size of the file in pages. Asking takes time. */
  readonly pages: () => number
  readonly trust: Trust
}

/** Estimates the cost of one run. */
class Cost {
  readonly #options: CostOptions
  readonly #rows: (number | undefined)[] = []
  /** Ranges of large tables whose length is only assumed: nested ones could take any time. */
  #assumed = 0
  /** Whether a range of a small table counts as a share. Nested shares would underestimate a join without bound. */
  #hasShare = false

  constructor(options: CostOptions) {
    this.#options = options
  }

  get total(): number {
    let total = 0
    const { shape, facts, pages, trust, inputSize } = this.#options
    const callWeight = trust === 'none' ? WARY_CALL_WEIGHT : 0
    // Functions can go through each argument.
    const inputWeight = inputSize / 100
    for (const { loops, weight, calls } of shape.groups) {
      total += this.#runs(loops) * (weight + calls * (callWeight + inputWeight))
    }
    if (shape.isOfFile) total += pages() * FILE_PAGE_WEIGHT
    if (this.#assumed > 1) return Number.POSITIVE_INFINITY
    for (const table of shape.counted) {
      const { rows } = facts.of(table)
      total += rows > LARGE_ROWS ? pages() * PAGE_WEIGHT : rows
    }
    return total
  }

  #runs(loops: readonly number[]): number {
    return loops.reduce((runs, index) => runs * Math.max(1, this.#findRows(index)), 1)
  }

  #findRows(index: number): number {
    const known = this.#rows[index]
    if (known !== undefined) return known
    // A loop over rows that it inserts itself goes through more than these.
    this.#rows[index] = Number.POSITIVE_INFINITY
    const { shape, params } = this.#options
    const loop = shape.loops[index] as Shape['loops'][number]
    const limit = loop.limit && ('value' in loop.limit ? loop.limit.value : toNumber(params[loop.limit.parameter]))
    const isLimited = limit !== undefined && limit >= 0
    const rows = isLimited ? Math.min(limit, this.#sourceRows(loop.source, limit)) : this.#sourceRows(loop.source)
    this.#rows[index] = rows
    return rows
  }

  #sourceRows(source: LoopSource, limit = Number.POSITIVE_INFINITY): number {
    switch (source.kind) {
      case 'table':
        return this.#tableRows(source, limit)
      case 'collected':
        return source.inserts.reduce((sum, loops) => sum + this.#runs(loops), 0)
      case 'coroutines':
        return source.loops.reduce((sum, loops) => sum + this.#runs(loops), 0)
      case 'json':
        return 10 + (this.#options.inputSize + (source.isInput ? 0 : this.#options.pages() * PAGE_BYTES)) / 2
      case 'schema':
        return 500
    }
  }

  #tableRows({ table, isRange, isHalfRange }: TableSource, limit: number): number {
    const { facts, trust } = this.#options
    const { rows, isHuge } = facts.of(table)
    if (rows <= LARGE_ROWS) {
      if (!(isRange || isHalfRange) || trust === 'none' || this.#hasShare) return rows
      this.#hasShare = true
      return rows * ASSUMED_SHARE
    }
    if (limit <= LARGE_ROWS) return rows
    if (!isRange || trust === 'none') return Number.POSITIVE_INFINITY
    if (trust === 'learned') return ASSUMED_RANGE
    this.#assumed++
    return isHuge ? Number.POSITIVE_INFINITY : ASSUMED_RANGE
  }
}

const toNumber = (value: Bound | undefined): number | undefined =>
  typeof value === 'number' || typeof value === 'bigint' ? Number(value) : isReal(value) ? value.value : undefined

/** Returns the number of characters and bytes of all parameters. */
function getSize(params: readonly Bound[]): number {
  let size = 0
  for (const value of params) {
    if (typeof value === 'string') size += value.length
    else if (value instanceof Uint8Array) size += value.byteLength
  }
  return size
}

/** Returns whether a pattern has more wildcards than `MAX_WILDCARDS`, so that a match can take exponential time. */
function hasWildPattern({ patterns: { texts, parameters } }: Shape, params: readonly Bound[]): boolean {
  const isWild = (value: Bound | undefined) =>
    typeof value === 'string' ? (value.match(/[%*]/g)?.length ?? 0) > MAX_WILDCARDS : value instanceof Uint8Array
  return texts.some(isWild) || parameters.some((index) => isWild(params[index]))
}
