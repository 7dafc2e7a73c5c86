import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import type { ObjectChange } from '../../../sqlite/schema-diff.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import { type Ids, raiseSequences } from './highest.ts'
import { placeRow } from './placeholder.ts'

const KEY = 'id-seeds'

/** The start of a database's IDs by table: in a branch, above those of its parent. */
export class Seeds {
  readonly #storage: DurableObjectStorage
  readonly #kv: SyncKvStorage
  readonly #run: RunSql
  readonly #ownPages: SystemStorage
  #known: Known | undefined

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage) {
    this.#storage = storage
    this.#kv = storage.kv
    this.#run = createRunSql(storage.sql)
    this.#ownPages = ownPages
  }

  /** Clears the cache, because the tables can differ. */
  forget(): void {
    this.#known = undefined
  }

  /** Assigns IDs above these from now on. Call it in a transaction. */
  plant(floors: Ids): void {
    const seeds = { ...this.#all.ids, ...floors }
    this.#ownPages.around(() => this.#kv.put(KEY, seeds))
    this.#known = known(seeds)
    raiseSequences(this.#run, seeds)
  }

  /** Deletes all seeds. Call it in a transaction, and call `forget` if it is rolled back. */
  clear(): void {
    this.#ownPages.around(() => this.#kv.delete(KEY))
    this.#known = known({})
  }

  /**
   * Updates the seeds after a schema change, in its transaction: a recreated table has lost its counter, and a renamed
   * table its name.
   */
  follow(changes: readonly ObjectChange[]): void {
    const { ids: seeds, isEmpty } = this.#all
    if (isEmpty) return
    const moved = changes.flatMap(({ name, from }) => {
      const floor = from === undefined || lower(name) in seeds ? undefined : seeds[lower(from)]
      return floor === undefined ? [] : [[lower(name), floor] as const]
    })
    if (moved.length > 0) this.plant(Object.fromEntries(moved))
    else raiseSequences(this.#run, seeds)
  }

  /** Returns the tables whose next ID would be too low. */
  lacking(tables: readonly string[]): readonly string[] {
    if (tables.length === 0) return NONE
    const { ids, isEmpty } = this.#all
    if (isEmpty) return NONE
    return tables.filter((table) => {
      const floor = ids[lower(table)]
      return floor !== undefined && this.#readHighest(table) < floor
    })
  }

  /** Runs a statement that assigns IDs in these tables. Call it in a transaction. */
  around<T>(tables: readonly string[], work: () => T): T {
    const [table, ...rest] = tables
    if (table === undefined) return work()
    const takeOut = this.#place(table)
    const result = this.around(rest, work)
    takeOut?.()
    return result
  }

  /**
   * Inserts the placeholder row. A table that rejects it, for example because of an index on an expression, keeps the
   * IDs of SQLite.
   */
  #place(table: string): (() => void) | undefined {
    try {
      return this.#storage.transactionSync(() => placeRow(this.#run, table, this.#all.ids[lower(table)] as number))
    } catch {
      return undefined
    }
  }

  #readHighest(table: string): number {
    const found = this.#run(`SELECT CAST(max(rowid) AS TEXT) FROM ${quoteName(table)}`)
    return Number(found[0]?.[0] ?? 0)
  }

  get #all(): Known {
    this.#known ??= known(this.#kv.get<Ids>(KEY) ?? {})
    return this.#known
  }
}

/** The seeds in memory, because each write reads them. */
interface Known {
  readonly ids: Ids
  readonly isEmpty: boolean
}

const known = (ids: Ids): Known => ({ ids, isEmpty: Object.keys(ids).length === 0 })

const NONE: readonly string[] = []
