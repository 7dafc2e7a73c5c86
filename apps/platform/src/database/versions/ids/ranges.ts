import { lower } from '../../../sqlite/identifiers.ts'
import type { HighestId, Ids } from './highest.ts'

/** The size of the gap between the IDs of a parent and of its branches. */
const GAP = 1_000_000
const MAX = Number.MAX_SAFE_INTEGER / 2
const PREFIX = 'id-range/'
/** The storage keys, or their prefixes, that are deleted with the rows and tables of a database. */
export const contentKeys = [PREFIX]

/** Returns a start with at least a million unused IDs below it; `undefined` if the range is exhausted. */
function floorAbove(highest: number): number | undefined {
  const floor = (Math.floor(highest / GAP) + 2) * GAP
  return floor <= MAX ? floor : undefined
}

/** The start of each branch's IDs, stored in the parent: no two branches share a range. */
export class IdRanges {
  readonly #kv: SyncKvStorage

  constructor(kv: SyncKvStorage) {
    this.#kv = kv
  }

  /**
   * Assigns new ranges to a branch. Call it in a transaction.
   * @param live the IDs of the existing branches
   */
  reserve(branchId: string, live: readonly string[], ids: readonly HighestId[]): Ids {
    for (const [key] of [...this.#kv.list({ prefix: PREFIX })]) {
      const id = key.slice(PREFIX.length)
      if (id === branchId || !live.includes(id)) this.#kv.delete(key)
    }
    return this.#put(branchId, {}, ids)
  }

  /**
   * Assigns a new range to a branch for each table without one, or whose range the parent has reached. Call it in a
   * transaction.
   * @param ids the highest IDs of both sides
   */
  renew(branchId: string, ids: readonly HighestId[]): Ids {
    const known = this.#kv.get<Ids>(PREFIX + branchId) ?? {}
    return this.#put(
      branchId,
      known,
      ids.filter(({ table, highest }) => (known[lower(table)] ?? 0) <= highest),
    )
  }

  #put(branchId: string, known: Ids, ids: readonly HighestId[]): Ids {
    const others = [...this.#kv.list<Ids>({ prefix: PREFIX })].map(([, floors]) => floors)
    const given: Record<string, number> = {}
    for (const { table, highest } of ids) {
      const name = lower(table)
      const floor = floorAbove(Math.max(highest, ...others.map((floors) => floors[name] ?? 0)))
      if (floor !== undefined) given[name] = floor
    }
    this.#kv.put(PREFIX + branchId, { ...known, ...given })
    return given
  }
}
