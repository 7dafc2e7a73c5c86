import type { Api, Output } from '@persql/contract'
import type { StoredMigration } from '../../../sqlite/stored-migration.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import { forgetApplied, listStored } from './applied.ts'
import { NAMES, NUMBER, toKey } from './store.ts'

/** Set where migrations were copied: without it, an older snapshot has no information about them. */
const COPIED = 'migrations-copied'
const PAGE_CHARACTERS = 500_000

/** An applied migration without its text. */
export type AppliedMigration = Pick<StoredMigration, 'name' | 'checksum' | 'inherited'>

/** The migrations that only the branch has applied, compared with its parent. */
interface LedgerDifference<M> {
  readonly missing: readonly M[]
  /** Migrations whose name has a different text in the parent. */
  readonly diverged: readonly M[]
}

/** The applied migrations of a database, which are copied with its tables. */
export class Ledger {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  readonly #isDatabase: () => boolean

  /** @param isDatabase whether this object is a database and not only a copy of one */
  constructor({ kv }: DurableObjectStorage, ownPages: SystemStorage, isDatabase: () => boolean) {
    this.#kv = kv
    this.#ownPages = ownPages
    this.#isDatabase = isDatabase
  }

  /** Yields the applied migrations in pages, at least one; nothing if they are unknown. */
  *pages(isWanted: (stored: StoredMigration) => boolean = () => true): Generator<StoredMigration[]> {
    if (!this.#isDatabase() && this.#kv.get(COPIED) === undefined) return
    let page: StoredMigration[] = []
    let characters = 0
    for (const stored of listStored(this.#kv)) {
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
   * Returns a function that replaces the applied migrations by the pages of another ledger; migrations not applied
   * there become drafts. Call it in the transaction that replaces the tables.
   * @param inherited whether they were applied in another database
   */
  replace(inherited: boolean): (page: readonly StoredMigration[]) => void {
    let isFirst = true
    return (page) =>
      this.#ownPages.around(() => {
        if (isFirst) this.#retract()
        isFirst = false
        this.#kv.put(COPIED, true)
        forgetApplied(this.#kv)
        for (const stored of page) this.#take(inherited ? { ...stored, inherited } : stored)
      })
  }

  /**
   * Compares the applied migrations of a branch with this ledger: those missing here, and those with the same name but
   * different text.
   */
  compare<M extends AppliedMigration>(branch: readonly M[]): LedgerDifference<M> {
    const missing: M[] = []
    const diverged: M[] = []
    for (const stored of branch) {
      const number = this.#kv.get<number>(NAMES + stored.name)
      const own = number === undefined ? undefined : this.#kv.get<StoredMigration>(toKey(number))
      if (own && own.checksum !== stored.checksum) diverged.push(stored)
      else if (!own?.applied) missing.push(stored)
    }
    return { missing, diverged }
  }

  /** Returns the applied migrations, oldest first. */
  applied(): AppliedMigration[] {
    return [...listStored(this.#kv)].flatMap(({ name, checksum, applied, inherited }) =>
      applied ? [{ name, checksum, ...(inherited && { inherited }) }] : [],
    )
  }

  /** Returns the names that the applied migrations of a branch and of this database don't have in common. */
  difference(branch: readonly AppliedMigration[]): Output<Api['diff_branch']>['migrations'] {
    const { missing, diverged } = this.compare(branch.filter(({ inherited }) => !inherited))
    const theirs = new Set(branch.map(({ name }) => name))
    return {
      branch: missing.map(({ name }) => name),
      parent: this.applied().flatMap(({ name }) => (theirs.has(name) ? [] : [name])),
      diverged: diverged.map(({ name }) => name),
    }
  }

  /** Records migrations of a branch as applied by a merge, and returns them. Call it in a transaction. */
  record(missing: readonly StoredMigration[], by: string, atMs: number): StoredMigration[] {
    return this.#ownPages.around(() => {
      forgetApplied(this.#kv)
      return missing.map(({ applied, inherited: _inherited, failed: _failed, ...stored }) => {
        const number = this.#kv.get<number>(NAMES + stored.name) ?? (this.#kv.get<number>(NUMBER) ?? 0) + 1
        this.#kv.put(NUMBER, Math.max(this.#kv.get<number>(NUMBER) ?? 0, number))
        const durationMs = applied?.durationMs ?? 0
        const recorded = { ...stored, number, applied: { durationMs, bookmark: null, by, atMs } }
        this.#put(recorded)
        return recorded
      })
    })
  }

  #retract(): void {
    for (const { applied, inherited: _inherited, ...draft } of listStored(this.#kv)) {
      if (applied) this.#put(draft)
    }
  }

  /** Stores an applied migration in place of a draft with the same name or number. */
  #take(stored: StoredMigration): void {
    const sameName = this.#kv.get<number>(NAMES + stored.name)
    if (sameName !== undefined && sameName !== stored.number) this.#kv.delete(toKey(sameName))
    const other = this.#kv.get<StoredMigration>(toKey(stored.number))
    const last = Math.max(this.#kv.get<number>(NUMBER) ?? 0, stored.number)
    const isMoved = other !== undefined && other.name !== stored.name
    if (isMoved) this.#put({ ...other, number: last + 1 })
    this.#kv.put(NUMBER, isMoved ? last + 1 : last)
    this.#put(stored)
  }

  #put(stored: StoredMigration): void {
    this.#kv.put(NAMES + stored.name, stored.number)
    this.#kv.put(toKey(stored.number), stored)
  }
}
