import { lower } from '../../../sqlite/tokenizer.ts'
import type { HighestId, Ids } from './highest.ts'

/** Ids between those that a parent and its branches assign. */
const GAP = 1_000_000
const MAX = Number.MAX_SAFE_INTEGER / 2
const PREFIX = 'id-range/'
/** The keys, or how they begin, of what is deleted with the rows and tables of a database. */
export const contentKeys = [PREFIX]

/** Returns a number with room for at least a million ids below it; nothing when numbers are used up. */
function floorAbove(highest: number): number | undefined {
  const floor = (Math.floor(highest / GAP) + 2) * GAP
  return floor <= MAX ? floor : undefined
}

/** Where the ids of each branch begin, kept in the parent: no two branches have the same range. */
export class IdRanges {
  readonly #kv: SyncKvStorage

  constructor(kv: SyncKvStorage) {
    this.#kv = kv
  }

  /** Gives a branch new ranges. To be called in a transaction. @param live the branches that exist */
  reserve(branchId: string, live: readonly string[], ids: readonly HighestId[]): Ids {
    for (const [key] of [...this.#kv.list({ prefix: PREFIX })]) {
      const id = key.slice(PREFIX.length)
      if (id === branchId || !live.includes(id)) this.#kv.delete(key)
    }
    return this.#put(branchId, {}, ids)
  }

  /**
   * Gives a branch new ranges where the parent has reached the old one, or there is none. To be called in a transaction.
   * @param ids of both sides
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
