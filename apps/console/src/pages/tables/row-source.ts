import {
  type BlockEdges,
  blockSize,
  isPlain,
  MOST_ROWS,
  maxJump,
  planBlockRead,
  startWithoutGap,
  wantedBlocks,
} from './row-blocks.ts'
import type { RowIdentity } from './row-identity.ts'
import type { ReadStart, Row, TableView } from './row-queries.ts'

/** The reads of a source. `signal` aborts a read that isn't needed anymore. */
export interface Reader {
  rows(from: ReadStart, signal: AbortSignal): Promise<Row[]>
  /** Returns the last key as text, for a table with a numeric key. */
  lastKey(): Promise<string | undefined>
  /** Runs if the blocks don't fit together, because the table changed. */
  onStale(): void
  onError(error: unknown): void
}

const AT_ONCE = 2
/** The delay before a distant position is read, because a dragged scrollbar passes many positions. */
const SETTLED_MS = 80
const KEPT_BLOCKS = 120
/** A read in progress is billed, so it is only aborted if the view is farther away than this. */
const NEAR_BLOCKS = 8

/** The rows of a table by position. It reads the rows in view and those that scrolling will reach soon. */
export class RowSource {
  /** The sort order and filters. */
  readonly look: TableView
  readonly #reader: Reader
  readonly #size: number
  readonly #isPlain: boolean
  readonly #blocks = new Map<number, readonly Row[]>()
  readonly #edges = new Map<number, BlockEdges>()
  readonly #running = new Map<number, AbortController>()
  readonly #listeners = new Set<() => void>()
  /** The previous source, whose rows are shown until the new ones arrive. */
  #before: RowSource | undefined
  #total: number | undefined
  #start: bigint | undefined
  #end: number | undefined
  #lastKey: Promise<string | undefined> | undefined
  #wanted: readonly number[] = []
  #sight: readonly [first: number, last: number] = [0, 0]
  #settling: ReturnType<typeof setTimeout> | undefined
  #error: unknown
  #version = 0

  constructor(shape: RowIdentity, look: TableView, reader: Reader, before?: RowSource) {
    this.look = look
    this.#reader = reader
    this.#size = blockSize(shape, look)
    this.#isPlain = isPlain(shape, look)
    this.#before = before
    if (before) before.#before = undefined
  }

  /** The number of rows that can be scrolled to. */
  get count(): number {
    if (this.#end !== undefined) return this.#end
    const reach = maxJump({ total: this.#total, start: this.#start })
    return Math.min(MOST_ROWS, Math.max(this.#loadedEnd, reach, this.#before?.count ?? 0))
  }

  /** Whether the last row is known, so that `count` is exact. */
  get isWhole(): boolean {
    return this.#end !== undefined
  }

  get isReading(): boolean {
    return this.#running.size > 0
  }

  /** The error that stopped reading, until `retry`. */
  get error(): unknown {
    return this.#error
  }

  rowAt = (row: number): Row | undefined =>
    this.#blocks.get(Math.floor(row / this.#size))?.[row % this.#size] ?? this.#before?.rowAt(row)

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#stop()
    }
  }

  /** Returns a number that changes with every update. */
  version = (): number => this.#version

  /** Reads the first block. @throws the reader's errors */
  async begin(signal: AbortSignal, isShort: boolean): Promise<this> {
    const from = planBlockRead(0, this.#known())
    const rows = await this.#reader.rows(from, signal)
    this.#take(0, from, rows)
    if (isShort) this.#end = rows.length
    return this
  }

  /** Sets the number of rows in the table, which another route counted. */
  async expect(total: number | undefined): Promise<void> {
    if (!this.#isPlain || total === undefined || total === this.#total) return
    const first = this.#edges.get(0)?.first
    if (total > this.#size && first?.key.length === 1) {
      this.#lastKey ??= this.#reader.lastKey().catch(() => undefined)
      this.#start = startWithoutGap(first, await this.#lastKey, total)
    }
    this.#total = total
    this.#notify()
  }

  /** Sets the rows in view and how many rows ahead to load. */
  see(first: number, last: number, ahead: number): void {
    this.#sight = [first, last]
    clearTimeout(this.#settling)
    const wanted = wantedBlocks(first, last, ahead, this.#size)
    const [nearest = 0] = wanted
    const beside = [nearest - 1, nearest, nearest + 1]
    const isNear = beside.some((block) => this.#edges.has(block) || this.#running.has(block))
    this.#want(isNear ? wanted : [])
    if (!isNear) this.#settling = setTimeout(() => this.#want(wanted), SETTLED_MS)
  }

  retry = (): void => {
    this.#error = undefined
    this.#readOn()
    this.#notify()
  }

  #stop(): void {
    clearTimeout(this.#settling)
    this.#wanted = []
    for (const controller of this.#running.values()) controller.abort()
  }

  get #loadedEnd(): number {
    let end = 0
    for (const [block, rows] of this.#blocks) end = Math.max(end, block * this.#size + rows.length)
    return end
  }

  #known() {
    return { size: this.#size, edges: this.#edges, total: this.#total, start: this.#start }
  }

  #want(blocks: readonly number[]): void {
    this.#wanted = blocks
    const here = Math.floor(this.#sight[0] / this.#size)
    for (const [block, controller] of this.#running) if (Math.abs(block - here) > NEAR_BLOCKS) controller.abort()
    this.#readOn()
  }

  /** Returns whether a block has rows to read: counted ones, or those after the last block. */
  #isThere(block: number): boolean {
    const first = block * this.#size
    if (first >= (this.#end ?? MOST_ROWS)) return false
    return first < this.count || this.#edges.has(block - 1)
  }

  /** Reads the blocks 2 at a time if positions follow from the key, or else one after another: each finds the next. */
  #readOn(): void {
    if (this.#error !== undefined) return
    for (const block of this.#wanted) {
      if (this.#running.size >= AT_ONCE) return
      if (this.#blocks.has(block) || this.#running.has(block) || !this.#isThere(block)) continue
      if (this.#start === undefined && this.#running.size > 0) return
      void this.#read(block)
    }
  }

  async #read(block: number): Promise<void> {
    const controller = new AbortController()
    const from = planBlockRead(block, this.#known())
    this.#running.set(block, controller)
    this.#notify()
    try {
      const rows = await this.#reader.rows(from, controller.signal)
      this.#take(block, from, from.isBack ? rows.reverse() : rows)
    } catch (error) {
      if (!controller.signal.aborted) {
        this.#error = error
        this.#reader.onError(error)
      }
    } finally {
      this.#running.delete(block)
      this.#readOn()
      this.#notify()
    }
  }

  #take(block: number, from: ReadStart, rows: Row[]): void {
    const isShort = rows.length < from.size
    if (isShort && from.isBack) {
      this.#reader.onStale()
      return
    }
    const [first, last] = [rows[0], rows.at(-1)]
    if (first && last) this.#edges.set(block, { first, last })
    this.#blocks.set(block, rows)
    const end = block * this.#size + rows.length
    if (isShort || (from.isBack && end === this.#total)) this.#end = end
    this.#forgetFar()
  }

  /** Drops distant blocks. Their edges stay, so that they can be read again without skipping rows. */
  #forgetFar(): void {
    if (this.#blocks.size <= KEPT_BLOCKS) return
    const middle = (this.#sight[0] + this.#sight[1]) / 2 / this.#size
    const far = [...this.#blocks.keys()].sort((a, b) => Math.abs(b - middle) - Math.abs(a - middle))
    for (const block of far.slice(0, this.#blocks.size - KEPT_BLOCKS)) this.#blocks.delete(block)
  }

  #notify(): void {
    this.#version++
    for (const listener of this.#listeners) listener()
  }
}
