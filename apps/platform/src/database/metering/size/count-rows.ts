import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import { getFullTextContent } from '../../../sqlite/table-shape.ts'

/** The number of rows in all tables of a database. */
export interface RowCount {
  readonly rows: number
  /** Whether the number is estimated from samples because counting takes too long. */
  readonly isEstimate: boolean
}

/** A table as the catalog lists it. */
export interface CountedTable {
  readonly name: string
  readonly sql: string
}

/** A function that reads rows of numbers and text. */
export type Read = (sql: string, ...params: number[]) => unknown[][]

/**
 * In a file up to this size, every table is counted: SQLite walks the leaves of the smallest tree, at about 2 µs per
 * page.
 */
const COUNTED_BYTES = 8_000_000
/** The total number of rows that are read to count the small tables of a larger file. */
const STEPS = 4_000
/** The number of tables that are counted; the rest are assumed to have the same average size. */
const MAX_TABLES = 200
/** The samples of large tables: the total number, the maximum per table, and the rows in each. */
const ALL_PLACES = 256
const PLACES = 16
const ROWS_AT_PLACE = 32

/** Returns the number of rows, in a few milliseconds at any size. It is exact in a small file and in small tables. */
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
  // The content of a full-text table can be a view, which can run for any time. Its index has an entry for each row.
  const table = quoteName(getFullTextContent(sql) ? `${name}_docsize` : name)
  try {
    if (!Number.isFinite(stepsLeft)) return { rows: one(read(`SELECT count(*) FROM ${table}`)), isEstimate: false }
    const rows = one(read(`SELECT count(*) FROM (SELECT 1 FROM ${table} LIMIT ?)`, stepsLeft + 1))
    if (rows <= stepsLeft) return { rows, isEstimate: false }
    const rowid = /^\s*create\s+virtual\b/i.test(sql) ? undefined : findRowid(read, name)
    // Without rowids the size can't be estimated: the count so far is the minimum.
    return { rows: Math.max(rows, rowid ? estimate(read, table, rowid, places) : 0), isEstimate: true }
  } catch {
    // A virtual table whose content is missing has no readable rows.
    return { rows: 0, isEstimate: true }
  }
}

/** Returns a name of the rowid that no column has; `undefined` for a table without rowids. */
function findRowid(read: Read, name: string): string | undefined {
  const text = name.replaceAll("'", "''")
  if (one(read(`SELECT wr FROM pragma_table_list('${text}') WHERE schema = 'main'`)) === 1) return undefined
  const columns = new Set(read(`SELECT name FROM pragma_table_xinfo('${text}')`).map(([column]) => lower(`${column}`)))
  return ['rowid', '_rowid_', 'oid'].find((word) => !columns.has(word))
}

/**
 * Estimates the rows of a table: divides its range of rowids into equal parts and assumes that each part is as dense as
 * its first rows.
 */
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
