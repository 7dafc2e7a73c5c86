import { quoteName } from '../../../../sqlite/identifiers.ts'
import type { Column, ForeignKey, Model, Table } from '../model.ts'
import { findOrphans } from './orphans.ts'
import { same } from './rule-types.ts'
import { type ColumnSample, namesJson, type Sample } from './sample.ts'

const MAX_ROWS = 1_000
/** Wide tables get fewer sample rows. */
const MAX_CELLS = 50_000
const MAX_TEXT = 100
/** Longer values are not read: a row can contain megabytes. */
const MAX_BYTES = 10_000
const LONG = '(long)'
/** The runtime limits results to this number of columns. */
const MAX_COLUMNS = 100

/** Reads the sample: at most 1,000 rows, and the same number of parents for each foreign key. */
export function readSample(sql: SqlStorage, table: Table, model: Model): Sample {
  // Generated columns can be expensive and only repeat other columns.
  const columns = table.columns.filter(({ generated }) => !generated).slice(0, MAX_COLUMNS)
  const rowidName = ['rowid', '_rowid_', 'oid'].find((word) => !table.columns.some(({ name }) => same(name, word)))
  const limit = Math.min(MAX_ROWS, Math.floor(MAX_CELLS / Math.max(1, columns.length)))
  const fits = columns.length < MAX_COLUMNS && table.hasRowid && rowidName !== undefined
  const samples = new Map(columns.map(({ name }) => [name, emptySample()]))
  let rowsRead = 0
  let rows = 0
  let last: unknown
  const read = (rest: string, ...params: unknown[]) => {
    const cursor = sql.exec(selectFrom(table, columns, fits ? rowidName : undefined, rest), ...params)
    let count = 0
    for (const row of cursor.raw()) {
      for (const [i, { name }] of columns.entries()) add(samples.get(name) as ColumnSample, row[i] as string | null)
      last = row[columns.length]
      count++
    }
    rowsRead += cursor.rowsRead
    rows += count
    return count
  }
  let complete: boolean
  if (fits) {
    const half = Math.ceil(limit / 2)
    complete = read(`ORDER BY ${rowidName} LIMIT ${half}`) < half
    if (!complete) {
      const after = `WHERE ${rowidName} > CAST(? AS INTEGER) ORDER BY ${rowidName} DESC LIMIT ${half}`
      complete = read(after, last) < half
    }
  } else complete = read(`LIMIT ${limit}`) < limit
  const orphans = new Map<ForeignKey, number>()
  for (const key of table.foreignKeys) {
    const found = findOrphans(sql, table, key, model, limit)
    if (!found) continue
    orphans.set(key, found.count)
    rowsRead += found.rowsRead
  }
  return { rows, complete, columns: samples, orphans, rowsRead }
}

/** Returns the query that prefixes each value, as text, with a letter for its type; the rowid, as text, comes last. */
function selectFrom(table: Table, columns: readonly Column[], rowidName: string | undefined, rest: string): string {
  const inner = columns.map(({ name }, i) => {
    const value = quoteName(name)
    const long = `CASE typeof(${value}) WHEN 'text' THEN '${LONG}' ELSE x'' END`
    // SQLite computes octet_length and typeof of a column without reading the value.
    return `CASE WHEN octet_length(${value}) > ${MAX_BYTES} THEN ${long} ELSE ${value} END AS c${i}`
  })
  const outer = columns.map(({ name, type }, i) => {
    const c = `c${i}`
    const looksLikeJson = namesJson(name, type) ? '1' : `substr(ltrim(${c}), 1, 1) IN ('{', '[')`
    return `CASE typeof(${c}) WHEN 'null' THEN NULL WHEN 'blob' THEN 'b' WHEN 'text' THEN
      CASE WHEN ${c} = '${LONG}' OR NOT ${looksLikeJson} THEN 't' WHEN json_valid(${c}) THEN 'j' ELSE 'J' END
      || substr(${c}, 1, ${MAX_TEXT}) ELSE substr(typeof(${c}), 1, 1) || ${c} END`
  })
  if (rowidName !== undefined) {
    inner.push(`${rowidName} AS r`)
    outer.push('CAST(r AS TEXT)')
  }
  return `SELECT ${outer.join(', ') || 'NULL'} FROM (SELECT ${inner.join(', ') || 'NULL'} FROM ${quoteName(table.name)} ${rest})`
}

const emptySample = (): ColumnSample => ({
  nulls: 0,
  integers: [],
  reals: [],
  texts: [],
  blobs: 0,
  json: { checked: 0, invalid: 0 },
})

function add(sample: ColumnSample, cell: string | null): void {
  const value = cell?.slice(1) ?? ''
  switch (cell?.[0]) {
    case undefined:
      sample.nulls++
      return
    case 'i':
      sample.integers.push(value)
      return
    case 'r':
      sample.reals.push(value)
      return
    case 'b':
      sample.blobs++
      return
    case 'J':
      sample.json.invalid++
      sample.json.checked++
      break
    case 'j':
      sample.json.checked++
  }
  sample.texts.push(value)
}
