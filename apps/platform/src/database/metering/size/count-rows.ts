import { lower, quoteName } from '../../../sqlite/tokenizer.ts'

/** Rows of a database, in all its tables. */
export interface RowCount {
  readonly rows: number
  /** Whether that is worked out from samples, for counting takes too long. */
  readonly isEstimate: boolean
}

/** A table as the catalog has it. */
export interface CountedTable {
  readonly name: string
  readonly sql: string
}

/** Reads rows of numbers and text. */
export type Read = (sql: string, ...params: number[]) => unknown[][]

/** Of a file up to this size every table is counted: SQLite walks the leaves of the smallest tree, some 2 µs a page. */
const COUNTED_BYTES = 8_000_000
/** Rows that are stepped through, in all, to count the small tables of a larger file. */
const STEPS = 4_000
/** Tables that are looked at; the rest are taken to be like them. */
const MAX_TABLES = 200
/** Large tables are looked at in so many places in all, in so many each at most, and at so many rows there. */
const ALL_PLACES = 256
const PLACES = 16
const ROWS_AT_PLACE = 32

/** How many rows there are, in a few milliseconds whatever the size: exactly in a small file or small tables. */
export function countRows(read: Read, tables: readonly CountedTable[], fileBytes: number): RowCount {
  const looked = tables.slice(0, MAX_TABLES)
  const places = Math.min(PLACES, Math.max(2, Math.floor(ALL_PLACES / Math.max(1, looked.length))))
  let rows = 0
  let isEstimate = looked.length < tables.length
  let stepsLeft = fileBytes <= COUNTED_BYTES ? Number.POSITIVE_INFINITY : STEPS
  for (const table of looked) {
    const counted = countTable(read, table, stepsLeft, places)
    rows += counted.rows
    isEstimate ||= counted.isEstimate
    stepsLeft -= Math.min(counted.rows, stepsLeft)
  }
  return { rows: Math.round((rows * tables.length) / Math.max(1, looked.length)), isEstimate }
}

function countTable(read: Read, { name, sql }: CountedTable, stepsLeft: number, places: number): RowCount {
  const table = quoteName(name)
  try {
    if (!Number.isFinite(stepsLeft)) return { rows: one(read(`SELECT count(*) FROM ${table}`)), isEstimate: false }
    const rows = one(read(`SELECT count(*) FROM (SELECT 1 FROM ${table} LIMIT ?)`, stepsLeft + 1))
    if (rows <= stepsLeft) return { rows, isEstimate: false }
    const rowid = /^\s*create\s+virtual\b/i.test(sql) ? undefined : rowidOf(read, name)
    // Without rowids nothing tells how much there is: at least as many as were seen.
    return { rows: Math.max(rows, rowid ? estimate(read, table, rowid, places) : 0), isEstimate: true }
  } catch {
    // A virtual table whose content is gone has no rows that anybody could read.
    return { rows: 0, isEstimate: true }
  }
}

/** A name of the rowid that no column has; none where there is no rowid. */
function rowidOf(read: Read, name: string): string | undefined {
  const text = name.replaceAll("'", "''")
  if (one(read(`SELECT wr FROM pragma_table_list('${text}') WHERE schema = 'main'`)) === 1) return undefined
  const columns = new Set(read(`SELECT name FROM pragma_table_xinfo('${text}')`).map(([column]) => lower(`${column}`)))
  return ['rowid', '_rowid_', 'oid'].find((word) => !columns.has(word))
}

/** Cuts the span of rowids into equal parts and takes each to be as dense as its first rows are. */
function estimate(read: Read, table: string, rowid: string, places: number): number {
  const first = one(read(`SELECT min(${rowid}) FROM ${table}`))
  const last = one(read(`SELECT max(${rowid}) FROM ${table}`))
  const width = (last - first + 1) / places
  let rows = 0
  for (let place = 0; place < places; place++) {
    const [from, to] = [first + place * width, first + (place + 1) * width]
    const [[found, low, high] = []] = read(
      `SELECT count(*), min(r), max(r) FROM (SELECT ${rowid} AS r FROM ${table}
       WHERE ${rowid} >= ? AND ${rowid} < ? ORDER BY ${rowid} LIMIT ${ROWS_AT_PLACE})`,
      from,
      to,
    ) as [number, number, number][]
    if (found === undefined || low === undefined || high === undefined) continue
    const isWhole = found < ROWS_AT_PLACE || high <= low
    rows += isWhole ? found : Math.round(((found - 1) * (to - low)) / (high - low))
  }
  return rows
}

const one = (rows: unknown[][]): number => rows[0]?.[0] as number
