import { lower } from '../../../sqlite/identifiers.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { readHighestIds } from '../ids/highest.ts'
import type { Seeds } from '../ids/seeds.ts'
import type { ForkState } from './fork-state.ts'

/** Returns the tables, in lower case, to which SQLite assigns IDs. */
export const listTablesWithIds = (run: RunSql): ReadonlySet<string> =>
  new Set(readHighestIds(run).map(({ table }) => lower(table)))

/**
 * Starts the IDs of tables from the branch above its rows, so that those can be merged later. Call it in the transaction
 * of the merge.
 * @param had the tables that the parent had before
 */
export function seedNewTables(
  run: RunSql,
  seeds: Pick<Seeds, 'plant'>,
  had: ReadonlySet<string>,
  { ids }: Pick<ForkState, 'ids'>,
): void {
  const theirs = new Map(ids.map(({ table, highest }) => [lower(table), highest]))
  const floors = readHighestIds(run).flatMap(({ table, highest }) => {
    const floor = theirs.get(lower(table)) ?? 0
    return had.has(lower(table)) || highest > 0 || floor === 0 ? [] : [[lower(table), floor] as const]
  })
  if (floors.length > 0) seeds.plant(Object.fromEntries(floors))
}
