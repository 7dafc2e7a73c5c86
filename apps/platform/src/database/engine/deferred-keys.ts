import { PerSQLError } from '@persql/contract'
import type { SystemStorage } from './system-storage.ts'

/**
 * Finds foreign keys that are violated while their check waits for the end of the transaction. The runtime commits after
 * the call, and a commit that SQLite refuses would end the object with everything in its memory; so the check comes first.
 *
 * SQLite counts deferred violations but has no way to ask for the count. It looks at it when a row's deferred key
 * changes: only if anything is pending does it search the parent for the old value, and that search counts as a row read.
 * A table of one row that refers to itself is such a probe; it costs a few microseconds, however large the tables are.
 */
export class DeferredKeys {
  readonly #storage: DurableObjectStorage
  readonly #ownPages: SystemStorage
  /** Rows that the probe reads while nothing is pending. */
  #calmReads: number | undefined
  #isOpen = false
  #all = false

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage) {
    this.#storage = storage
    this.#ownPages = ownPages
  }

  /**
   * To be called before a statement runs that leaves keys to the end of the transaction; `all` for every key from here.
   * Returns whether it inserted a row.
   */
  open(all: boolean): boolean {
    const isNew = this.#calmReads === undefined
    this.#calmReads ??= this.#ownPages.around(() => this.#create())
    this.#isOpen = true
    this.#all ||= all
    return isNew
  }

  /**
   * To be called at the end of a transaction, in it. Returns whether it updated a row.
   * @throws PerSQLError `sql_error` when a key is violated
   */
  check(): boolean {
    if (!this.#isOpen) return false
    const isPending = this.#probe() > (this.#calmReads as number)
    this.close()
    if (isPending) throw violated()
    return true
  }

  /** To be called after a rollback. */
  forget(): void {
    this.close()
    this.#calmReads = undefined
  }

  /** The setting holds until the runtime commits, which may be after other callers' statements. */
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

  #probe(): number {
    return this.#storage.sql.exec('UPDATE _persql_deferred_keys SET parent = 1').rowsRead
  }
}

function violated(): PerSQLError {
  const message = 'FOREIGN KEY constraint failed'
  const hint = 'The foreign key is deferred. At the end of the transaction, the row it references is missing.'
  return new PerSQLError('sql_error', { message }, { extra: { errorDetail: { kind: 'fk_violation', message, hint } } })
}
