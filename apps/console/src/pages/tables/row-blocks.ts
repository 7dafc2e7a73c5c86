import type { RowIdentity } from './row-identity.ts'
import type { ReadStart, Row, TableView } from './row-queries.ts'

/** The first and last row of a block, from which the adjacent blocks are read. */
export interface BlockEdges {
  first: Row
  last: Row
}

/** The facts about a table that block reads are planned with. */
export interface TableFacts {
  size: number
  edges: ReadonlyMap<number, BlockEdges>
  /** The number of rows, if positions can be counted from both ends. */
  total: number | undefined
  /** The first key, if the keys are consecutive integers. */
  start: bigint | undefined
}

/** A jump reads the rows that it skips, up to half of the table. This is the maximum number of them. */
const MOST_PASSED = 100_000
/** Browsers limit the height of an element to about 17 million pixels. */
export const MOST_ROWS = 440_000

/** Returns the rows per block. Without an index, sorting reads all rows for each block, so those blocks are larger. */
export const blockSize = (shape: RowIdentity, look: TableView): number =>
  look.sort || shape.key.length === 0 ? 1000 : 500

/** Returns whether the row count of the table locates rows from both ends: no sorting and no filters. */
export const isPlain = (shape: RowIdentity, look: TableView): boolean =>
  shape.key.length > 0 && !look.sort && Object.keys(look.filters).length === 0

/** Returns how far a jump can go: the whole table, unless its middle would cost too many reads. */
export const maxJump = ({ total = 0, start }: Pick<TableFacts, 'total' | 'start'>): number =>
  start !== undefined || total <= 2 * MOST_PASSED ? Math.min(total, MOST_ROWS) : 0

/** Returns the first key if the keys are consecutive, that is if `total` keys fit between the first and the last. */
export function startWithoutGap(first: Row, last: string | undefined, total: number): bigint | undefined {
  const [key] = first.key
  if (last === undefined || first.key.length !== 1 || key?.type !== 'integer') return undefined
  const start = BigInt(String(key.value))
  return BigInt(last) - start + 1n === BigInt(total) ? start : undefined
}

/** Returns the way to read a block that skips the fewest rows. */
export function planBlockRead(block: number, { size, edges, total, start }: TableFacts): ReadStart {
  const before = edges.get(block - 1)
  if (block === 0 || before) return { ...(before && { row: before.last }), isBack: false, skip: 0, size }
  const after = total === undefined ? undefined : edges.get(block + 1)
  if (after) return { row: after.first, isBack: true, skip: 0, size }
  if (total !== undefined && (block + 1) * size >= total) {
    return { isBack: true, skip: 0, size: Math.max(1, total - block * size) }
  }
  if (start !== undefined) return { key: String(start + BigInt(block * size)), isBack: false, skip: 0, size }
  const roads: ReadStart[] = [{ isBack: false, skip: block * size, size }]
  for (const [at, { first, last }] of edges) {
    if (at < block) roads.push({ row: last, isBack: false, skip: (block - at - 1) * size, size })
    else if (at > block && total !== undefined)
      roads.push({ row: first, isBack: true, skip: (at - block - 1) * size, size })
  }
  if (total !== undefined) roads.push({ isBack: true, skip: total - (block + 1) * size, size })
  return roads.reduce((best, road) => (road.skip < best.skip ? road : best))
}

/** Returns the blocks in view, then the blocks ahead. Faster scrolling needs more of them. */
export function wantedBlocks(first: number, last: number, ahead: number, size: number): number[] {
  const from = Math.max(0, Math.floor(first / size))
  const to = Math.floor(last / size)
  const seen = Array.from({ length: to - from + 1 }, (_, at) => from + at)
  const next = Math.floor((ahead < 0 ? first + ahead : last + ahead) / size)
  const coming: number[] = []
  for (let block = to + 1; block <= next; block++) coming.push(block)
  for (let block = from - 1; block >= Math.max(0, next); block--) coming.push(block)
  return [...seen, ...coming]
}
