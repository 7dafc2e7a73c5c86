import { quoteName } from '../../sqlite/identifiers.ts'
import type { DatabaseCall } from '../calls/call.ts'
import { countRows } from '../engine/schema.ts'
import type { DatabaseReads } from './database-reads.ts'
import { LARGE_ROWS, type TableFacts } from './table-facts.ts'

/** The number of rows that are counted in place, all tables together. */
const MAX_IN_PLACE = 5 * LARGE_ROWS

/** The number of rows of a table. */
export interface TableCount {
  /** `null` for a virtual table that can't be read. */
  readonly rowCount: number | null
  readonly rowsRead: number
}

/** Who asks, and the ID with which they can cancel it. */
type Caller = Pick<DatabaseCall, 'grant' | 'requestId'>

/** The services that count tables. */
export interface CountServices {
  readonly storage: DurableObjectStorage
  readonly facts: TableFacts
  readonly reads: DatabaseReads
}

/** Returns the number of rows that all counts read. */
export const sumRowsRead = (counts: readonly { readonly rowsRead: number }[]): number =>
  counts.reduce((sum, { rowsRead }) => sum + rowsRead, 0)

/** Counts the rows of tables: small tables in place, and others in a reader. Returns the counts in the same order. */
export function countTables(
  names: readonly string[],
  caller: Caller,
  { storage, facts, reads }: CountServices,
): TableCount[] | Promise<TableCount[]> {
  const counts: (TableCount | undefined)[] = []
  let inPlace = 0
  for (const name of names) {
    const { rows } = facts.of(name)
    inPlace += rows
    const isSmall = rows <= LARGE_ROWS && inPlace <= MAX_IN_PLACE
    counts.push(isSmall || !reads.areAvailable ? countRows(storage.sql, name) : undefined)
  }
  if (counts.every((count) => count !== undefined)) return counts
  const left = names.filter((_, i) => counts[i] === undefined)
  return countElsewhere(left, caller, reads).then((found) =>
    counts.map((count) => count ?? (found.shift() as TableCount)),
  )
}

async function countElsewhere(
  names: readonly string[],
  { grant, requestId }: Caller,
  reads: DatabaseReads,
): Promise<TableCount[]> {
  const found: TableCount[] = []
  while (found.length < names.length) {
    const statements = names
      .slice(found.length)
      .map((name) => ({ sql: `SELECT count(*) FROM ${quoteName(name)}`, params: [] }))
    const { results, counts, failure } = await reads.run({
      statements,
      permission: grant,
      tokenId: grant.tokenId,
      requestId,
    })
    const tables = JSON.parse(`[${results}]`) as { readonly rows: readonly (readonly number[])[] }[]
    for (const [i, { rows }] of tables.entries()) {
      found.push({ rowCount: rows[0]?.[0] ?? null, rowsRead: counts[i]?.rowsRead ?? 0 })
    }
    if (failure === undefined) return found
    // This table can't be read; those after it can.
    if (failure.code !== 'sql_error') throw failure
    found.push({ rowCount: null, rowsRead: 0 })
  }
  return found
}
