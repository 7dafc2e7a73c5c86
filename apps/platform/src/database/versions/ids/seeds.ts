import type { ObjectChange } from '../../../sqlite/schema-diff.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { lower, quoteName } from '../../../sqlite/tokenizer.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import { type Ids, raiseSequences } from './highest.ts'
import { placeRow } from './placeholder.ts'

const KEY = 'id-seeds'

/** Where the ids of a database begin, by table: above those of its parent in a branch. */
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

  /** Drops what is cached: the tables may be others now. */
  forget(): void {
    this.#known = undefined
  }

  /** Has ids assigned above these from now on. To be called in a transaction. */
  plant(floors: Ids): void {
    const seeds = { ...this.#all.ids, ...floors }
    this.#ownPages.around(() => this.#kv.put(KEY, seeds))
    this.#known = known(seeds)
    raiseSequences(this.#run, seeds)
  }

  /** Forgets all. To be called in a transaction, and followed by `forget` when that is rolled back. */
  clear(): void {
    this.#ownPages.around(() => this.#kv.delete(KEY))
    this.#known = known({})
  }

  /** A table that was created again has lost its counter, and a renamed one its name. To be called in that transaction. */
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

  /** The tables among these whose next id would be too low. */
  lacking(tables: readonly string[]): readonly string[] {
    if (tables.length === 0) return NONE
    const { ids, isEmpty } = this.#all
    if (isEmpty) return NONE
    return tables.filter((table) => {
      const floor = ids[lower(table)]
      return floor !== undefined && this.#highestOf(table) < floor
    })
  }

  /** Runs a statement that assigns ids in these tables. To be called in a transaction. */
  around<T>(tables: readonly string[], work: () => T): T {
    const [table, ...rest] = tables
    if (table === undefined) return work()
    const takeOut = this.#place(table)
    const result = this.around(rest, work)
    takeOut?.()
    return result
  }

  /** A table that takes no such row, by an index over an expression say, assigns ids as SQLite does. */
  #place(table: string): (() => void) | undefined {
    try {
      return this.#storage.transactionSync(() => placeRow(this.#run, table, this.#all.ids[lower(table)] as number))
    } catch {
      return undefined
    }
  }

  #highestOf(table: string): number {
    const found = this.#run(`SELECT CAST(max(rowid) AS TEXT) FROM ${quoteName(table)}`)
    return Number(found[0]?.[0] ?? 0)
  }

  get #all(): Known {
    this.#known ??= known(this.#kv.get<Ids>(KEY) ?? {})
    return this.#known
  }
}

/** Asked before each write. */
interface Known {
  readonly ids: Ids
  readonly isEmpty: boolean
}

const known = (ids: Ids): Known => ({ ids, isEmpty: Object.keys(ids).length === 0 })

const NONE: readonly string[] = []
