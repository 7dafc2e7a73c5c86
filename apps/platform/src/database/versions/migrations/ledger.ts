import type { StoredMigration } from '../../../sqlite/stored-migration.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import { keyOf, NAMES, NUMBER, PREFIX } from './store.ts'

/** Noted where migrations were copied: a snapshot from before that was done says nothing about them. */
const COPIED = 'migrations-copied'
const PAGE_CHARACTERS = 500_000
const PAGE_ROWS = 50

/** What a branch has applied beyond its parent. */
interface LedgerDifference {
  readonly missing: readonly StoredMigration[]
  /** The parent has another text under the same name. */
  readonly diverged: readonly StoredMigration[]
}

/** Which migrations a database has applied, as that is copied with its tables. */
export class Ledger {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  readonly #isDatabase: () => boolean

  /** @param isDatabase whether this is a database, and not just a copy of one */
  constructor({ kv }: DurableObjectStorage, ownPages: SystemStorage, isDatabase: () => boolean) {
    this.#kv = kv
    this.#ownPages = ownPages
    this.#isDatabase = isDatabase
  }

  /** Yields the applied migrations in pages, at least one; nothing where they are not known. */
  *pages(isWanted: (stored: StoredMigration) => boolean = () => true): Generator<StoredMigration[]> {
    if (!this.#isDatabase() && this.#kv.get(COPIED) === undefined) return
    let page: StoredMigration[] = []
    let characters = 0
    for (const stored of this.#all()) {
      if (!stored.applied || !isWanted(stored)) continue
      page.push(stored)
      characters += stored.sql.length
      if (characters < PAGE_CHARACTERS) continue
      yield page
      page = []
      characters = 0
    }
    yield page
  }

  /**
   * Returns a function that takes the pages of another ledger in place of what is applied here: migrations that are not
   * applied there become drafts. To be called in the transaction that replaces the tables.
   * @param inherited they were applied in another database
   */
  replace(inherited: boolean): (page: readonly StoredMigration[]) => void {
    let isFirst = true
    return (page) =>
      this.#ownPages.around(() => {
        if (isFirst) this.#retract()
        isFirst = false
        this.#kv.put(COPIED, true)
        for (const stored of page) this.#take(inherited ? { ...stored, inherited } : stored)
      })
  }

  /** Tells what was applied in a branch and is not here, and what is another migration under the same name here. */
  compare(branch: readonly StoredMigration[]): LedgerDifference {
    const missing: StoredMigration[] = []
    const diverged: StoredMigration[] = []
    for (const stored of branch) {
      const number = this.#kv.get<number>(NAMES + stored.name)
      const own = number === undefined ? undefined : this.#kv.get<StoredMigration>(keyOf(number))
      if (own && own.checksum !== stored.checksum) diverged.push(stored)
      else if (!own?.applied) missing.push(stored)
    }
    return { missing, diverged }
  }

  /** Records migrations as applied, of which only the text came from a branch. To be called in a transaction. */
  record(missing: readonly StoredMigration[], by: string, atMs: number): void {
    this.#ownPages.around(() => {
      for (const { applied, inherited: _inherited, ...stored } of missing) {
        const number = this.#kv.get<number>(NAMES + stored.name) ?? (this.#kv.get<number>(NUMBER) ?? 0) + 1
        this.#kv.put(NUMBER, Math.max(this.#kv.get<number>(NUMBER) ?? 0, number))
        this.#put({ ...stored, number, applied: { durationMs: applied?.durationMs ?? 0, bookmark: null, by, atMs } })
      }
    })
  }

  #retract(): void {
    for (const { applied, inherited: _inherited, ...draft } of this.#all()) {
      if (applied) this.#put(draft)
    }
  }

  /** What was applied there takes the place of a draft with the same name or number. */
  #take(stored: StoredMigration): void {
    const sameName = this.#kv.get<number>(NAMES + stored.name)
    if (sameName !== undefined && sameName !== stored.number) this.#kv.delete(keyOf(sameName))
    const other = this.#kv.get<StoredMigration>(keyOf(stored.number))
    const last = Math.max(this.#kv.get<number>(NUMBER) ?? 0, stored.number)
    const isMoved = other !== undefined && other.name !== stored.name
    if (isMoved) this.#put({ ...other, number: last + 1 })
    this.#kv.put(NUMBER, isMoved ? last + 1 : last)
    this.#put(stored)
  }

  #put(stored: StoredMigration): void {
    this.#kv.put(NAMES + stored.name, stored.number)
    this.#kv.put(keyOf(stored.number), stored)
  }

  /** A few at a time: all of them may be more than fits into memory. */
  *#all(): Generator<StoredMigration> {
    let start = PREFIX
    for (;;) {
      const page = [...this.#kv.list<StoredMigration>({ prefix: PREFIX, start, limit: PAGE_ROWS })]
      for (const [, stored] of page) yield stored
      const last = page.at(-1)
      if (!last || page.length < PAGE_ROWS) return
      start = `${last[0]}\0`
    }
  }
}
