import { PerSQLError } from '@persql/contract'
import type { SystemStorage } from './system-storage.ts'

/** A state of the check. */
export interface KeysMark {
  readonly calmReads: number | undefined
  readonly isOpen: boolean
  readonly all: boolean
}

/**
 * Finds violated foreign keys whose check is deferred to the end of the transaction. The runtime commits after the
 * call, and a commit that SQLite refuses would end the object and lose its memory, so PerSQL checks first. SQLite
 * counts deferred violations but has no way to read the count. It uses the count when a row's deferred key changes:
 * only if a violation is pending does it search the parent for the old value, and that search counts as a row read. A
 * table with one row that references itself is the probe; it costs a few microseconds at any table size.
 */
export class DeferredKeys {
  readonly #storage: DurableObjectStorage
  readonly #ownPages: SystemStorage
  /** The number of rows that the probe reads while no violation is pending. */
  #calmReads: number | undefined
  #isOpen = false
  #all = false

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage) {
    this.#storage = storage
    this.#ownPages = ownPages
  }

  /**
   * Prepares the check. Call it before a statement that defers keys; `all` defers every key from here. Returns whether
   * it inserted a row.
   */
  open(all: boolean): boolean {
    const isNew = this.#calmReads === undefined
    this.#calmReads ??= this.#ownPages.around(() => this.#create())
    this.#isOpen = true
    this.#all ||= all
    return isNew
  }

  /**
   * Checks the deferred keys. Call it at the end of a transaction, inside it. Returns whether it updated a row.
   * @throws PerSQLError `sql_error` if a key is violated
   */
  check(): boolean {
    if (!this.#isOpen) return false
    const isPending = this.#isPending()
    this.close()
    if (isPending) throw violated()
    return true
  }

  /**
   * Checks the deferred keys of a transaction that stays open if a key is violated. Ending the check would make SQLite forget the
   * violation. @throws PerSQLError `sql_error`
   */
  checkToCommit(): void {
    if (!this.#isOpen) return
    if (this.#isPending()) throw violated()
    this.close()
  }

  /** The state to which `restore` returns. */
  get mark(): KeysMark {
    return { calmReads: this.#calmReads, isOpen: this.#isOpen, all: this.#all }
  }

  /** Returns to an earlier state, after the statements since then were rolled back in a transaction that is still open. */
  restore({ calmReads, isOpen, all }: KeysMark): void {
    if (this.#all && !all) this.#storage.sql.exec('PRAGMA defer_foreign_keys = OFF')
    this.#calmReads = calmReads
    this.#isOpen = isOpen
    this.#all = all
  }

  /** Resets the state after a rollback. */
  forget(): void {
    this.close()
    this.#calmReads = undefined
  }

  /** Ends the check. The setting would last until the runtime commits, which can be after other callers' statements. */
  close(): void {
    this.#isOpen = false
    if (!this.#all) return
    this.#all = false
    this.#storage.sql.exec('PRAGMA defer_foreign_keys = OFF')
  }

  #create(): number {
    const { sql } = this.#storage
    sql.exec(
      `CREATE TABLE IF NOT EXISTS _persql_deferred_keys (
         id INTEGER PRIMARY KEY,
         parent INTEGER REFERENCES _persql_deferred_keys (id) DEFERRABLE INITIALLY DEFERRED
       )`,
    )
    sql.exec('INSERT OR REPLACE INTO _persql_deferred_keys VALUES (1, 1)')
    return this.#probe()
  }

  #isPending(): boolean {
    return this.#probe() > (this.#calmReads as number)
  }

  #probe(): number {
    return this.#storage.sql.exec('UPDATE _persql_deferred_keys SET parent = 1').rowsRead
  }
}

function violated(): PerSQLError {
  const message = 'FOREIGN KEY constraint failed'
  const hint = 'The foreign key is deferred. At the end of the transaction, the row it references is missing.'
  return new PerSQLError('sql_error', { message }, { extra: { errorDetail: { kind: 'fk_violation', message, hint } } })
}
