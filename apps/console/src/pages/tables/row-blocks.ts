import type { RowIdentity } from './row-identity.ts'
import type { ReadStart, Row, TableView } from './row-queries.ts'

/** Rows are read in blocks of one size; the first and the last row of a block lead to those beside it. */
export interface BlockEdges {
  first: Row
  last: Row
}

/** What is known of a table, apart from its rows. */
export interface TableFacts {
  size: number
  edges: ReadonlyMap<number, BlockEdges>
  /** All rows there are, where places can be told from either end. */
  total: number | undefined
  /** The first key, where keys are numbers without a gap. */
  start: bigint | undefined
}

/** A jump reads what it passes over, up to half of a table: as many rows as that is worth at most. */
const MOST_PASSED = 100_000
/** A box higher than some 17 million pixels is cut off by browsers. */
export const MOST_ROWS = 440_000

/** Rows of a block. To sort reads all rows for each block, unless there is an index: so there are fewer then. */
export const blockSize = (shape: RowIdentity, look: TableView): number =>
  look.sort || shape.key.length === 0 ? 1000 : 500

/** Whether places in the order of a look can be told from both ends, by the rows there are in all. */
export const isPlain = (shape: RowIdentity, look: TableView): boolean =>
  shape.key.length > 0 && !look.sort && Object.keys(look.filters).length === 0

/** How far one can jump at once: over the whole table, unless finding the middle of it would cost too much. */
export const maxJump = ({ total = 0, start }: Pick<TableFacts, 'total' | 'start'>): number =>
  start !== undefined || total <= 2 * MOST_PASSED ? Math.min(total, MOST_ROWS) : 0

/** Keys are without a gap when there are as many as fit between the first and the last. */
export function startWithoutGap(first: Row, last: string | undefined, total: number): bigint | undefined {
  const [key] = first.key
  if (last === undefined || first.key.length !== 1 || key?.type !== 'integer') return undefined
  const start = BigInt(String(key.value))
  return BigInt(last) - start + 1n === BigInt(total) ? start : undefined
}

/** How a block is read by looking at as few rows as can be. */
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

/** The blocks for rows in sight, then those ahead: the farther, the faster one goes there. */
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
