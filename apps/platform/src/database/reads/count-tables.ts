import { PerSQLError } from '@persql/contract'
import { quoteName } from '../../sqlite/identifiers.ts'
import type { DatabaseCall, StatementInput } from '../calls/call.ts'
import type { Result } from '../engine/result.ts'
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
type Caller = Pick<DatabaseCall, 'grant' | 'requestId' | 'span'>

/** The services that count tables. */
export interface CountServices {
  readonly storage: DurableObjectStorage
  readonly facts: TableFacts
  readonly reads: DatabaseReads
}

/** Returns the number of rows that all counts read. */
export const sumRowsRead = (counts: readonly { readonly rowsRead: number }[]): number =>
  counts.reduce((sum, { rowsRead }) => sum + rowsRead, 0)

/**
 * Counts the rows of tables: small tables in place, and others in a reader if there is one. Returns the counts in the same
 * order.
 */
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
    if (isSmall) counts.push(countRows(storage.sql, name))
    else counts.push(reads.areAvailable ? undefined : countAnnounced(name, caller, reads))
  }
  if (counts.every((count) => count !== undefined)) return counts
  const left = names.filter((_, i) => counts[i] === undefined)
  return countElsewhere(left, caller, reads).then((found) =>
    counts.map((count) => count ?? (found.shift() as TableCount)),
  )
}

/** Counts in place what can take any time, such as a full-text table over a view: the watchdog has to know the caller. */
function countAnnounced(name: string, { grant }: Caller, reads: DatabaseReads): TableCount {
  try {
    const { rows, rowsRead } = reads.runAnywhere(toCount(name), grant, grant.tokenId) as Result
    return { rowCount: rows[0]?.[0] as number, rowsRead }
  } catch (cause) {
    if (PerSQLError.from(cause).code !== 'sql_error') throw cause
    return { rowCount: null, rowsRead: 0 }
  }
}

const toCount = (name: string): StatementInput => ({ sql: `SELECT count(*) FROM ${quoteName(name)}`, params: [] })

async function countElsewhere(
  names: readonly string[],
  { grant, requestId, span }: Caller,
  reads: DatabaseReads,
): Promise<TableCount[]> {
  const found: TableCount[] = []
  while (found.length < names.length) {
    const statements = names.slice(found.length).map(toCount)
    const { results, counts, failure } = await reads.run({
      statements,
      permission: grant,
      tokenId: grant.tokenId,
      requestId,
      span,
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
