import { disk } from '../../disk-space.ts'
import { isApplied, type Migration, migrate } from '../../storage/migrate.ts'
import type { ExclusiveLock } from '../engine/exclusive-lock.ts'
import type { SystemStorage } from '../engine/system-storage.ts'
import type { IdentityStore } from '../identity.ts'

/** The query log is stored among the tenant's tables, so that SQL can read it; the authorizer denies all writes. */
const QUERY_LOG: Migration = {
  name: 'query log',
  sql: `
    CREATE TABLE _persql_query_log (
      id INTEGER PRIMARY KEY,
      ts INTEGER NOT NULL,
      token_id TEXT NOT NULL,
      operation TEXT NOT NULL,
      sql TEXT,
      statement_count INTEGER NOT NULL,
      rows_read INTEGER NOT NULL,
      rows_written INTEGER NOT NULL,
      duration_ms REAL NOT NULL,
      status INTEGER NOT NULL,
      error TEXT
    );
    CREATE VIEW _persql_meta_query_log AS SELECT * FROM _persql_query_log;
  `,
}

const TRANSACTIONS: Migration = {
  name: 'transactions in the query log',
  sql: 'ALTER TABLE _persql_query_log ADD COLUMN transaction_id TEXT;',
}

/** The tables of a database that its query log needs. Append only: never edit a released migration. */
export const DATABASE_SCHEMA: readonly Migration[] = [QUERY_LOG, TRANSACTIONS]

/** Returns the column with the transaction of a call, or NULL while a full disk prevents the step that adds it. */
export const transactionColumn = (storage: DurableObjectStorage): string =>
  isApplied(storage, TRANSACTIONS) ? 'transaction_id' : 'NULL'

export interface LogEntry {
  readonly ts: number
  readonly tokenId: string
  readonly operation: string
  readonly sql: string
  readonly statementCount: number
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly durationMs: number
  readonly status: number
  readonly error: string | null
  /** The ID of the interactive transaction that the call belongs to. */
  readonly transactionId?: string | undefined
}

const MAX_ROWS = 10_000
/** The number of buffered entries that triggers a write; more would delay the next call noticeably. */
const MAX_BUFFERED = 500
/** The maximum length of a logged statement; longer ones are truncated. */
export const MAX_LOGGED_SQL = 1_500
const MAX_ERROR = 500
const MAX_TRANSACTION_ID = 60

/** The entries of a log in memory. */
interface Buffer {
  entries: LogEntry[]
  /** Entries that were written but may not be on disk yet, with the highest ID of the table before them. */
  readonly flushed: { readonly afterId: number; readonly entries: readonly LogEntry[] }[]
}

/** Buffers by database ID. They belong to the process, so they survive when the runtime ends an object. */
const buffers = new Map<string, Buffer>()

/** The services that the query log uses. */
export interface QueryLogOptions {
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly ownPages: SystemStorage
  readonly exclusion: ExclusiveLock
}

/** Collects entries in memory and writes them in groups, so that a read doesn't cost a write. */
export class QueryLog {
  readonly #storage: DurableObjectStorage
  readonly #identity: IdentityStore
  readonly #ownPages: SystemStorage
  readonly #exclusion: ExclusiveLock
  readonly #buffer: Buffer
  #written = 0

  constructor({ storage, identity, ownPages, exclusion }: QueryLogOptions) {
    this.#storage = storage
    this.#identity = identity
    this.#ownPages = ownPages
    this.#exclusion = exclusion
    const left = buffers.get(identity.current?.id ?? '')
    this.#buffer = { entries: left ? [...this.#lost(left), ...left.entries] : [], flushed: [] }
    this.#keep()
  }

  /** Adds an entry. Returns whether the buffer is full and should be written. */
  add(entry: LogEntry): boolean {
    const { entries } = this.#buffer
    if (entries.push(entry) === 1) this.#keep()
    return entries.length >= MAX_BUFFERED
  }

  /** Writes the entries. While a task holds the exclusive lock, they stay in memory. Call it before the log is read. */
  flush(): void {
    // Without room, the upgrade would fail, and every report of usage with it.
    if (disk.level <= 1) this.#upgrade()
    const { entries } = this.#buffer
    if (entries.length === 0 || this.#exclusion.held) return
    if (disk.level > 1) {
      // The last room is for the bill. The log keeps its newest entries in memory.
      if (entries.length > MAX_BUFFERED) entries.splice(0, entries.length - MAX_BUFFERED)
      return
    }
    this.#ownPages.around(() => this.#write())
  }

  /** Adds the columns that the log of an earlier version doesn't have. */
  #upgrade(): void {
    if (this.#identity.current) this.#ownPages.around(() => migrate(this.#storage, DATABASE_SCHEMA))
  }

  #write(): void {
    const { entries, flushed } = this.#buffer
    const group = { afterId: this.#highestId(), entries }
    flushed.push(group)
    this.#buffer.entries = []
    try {
      this.#insert(entries)
    } catch (cause) {
      flushed.splice(flushed.indexOf(group), 1)
      this.#buffer.entries = entries
      throw cause
    }
    this.#confirm()
  }

  #insert(entries: readonly LogEntry[]): void {
    const { sql } = this.#storage
    this.#storage.transactionSync(() => {
      for (let i = 0; i < entries.length; i += AT_ONCE) {
        const some = entries.slice(i, i + AT_ONCE)
        sql.exec(`${INSERT} ${Array(some.length).fill(PLACES)}`, ...some.flatMap(toValues))
      }
      this.#written += entries.length
      if (this.#written < MAX_ROWS / 10) return
      this.#written = 0
      sql.exec('DELETE FROM _persql_query_log WHERE id <= (SELECT max(id) FROM _persql_query_log) - ?', MAX_ROWS)
    })
  }

  /** Deletes the buffer after the database was deleted. */
  forget(): void {
    this.#buffer.entries = []
    this.#buffer.flushed.length = 0
    buffers.delete(this.#identity.current?.id ?? '')
  }

  #keep(): void {
    const { id } = this.#identity.current ?? {}
    if (id !== undefined && this.#buffer.entries.length > 0) buffers.set(id, this.#buffer)
  }

  /** Deletes entries that are on disk from the memory of the process. */
  #confirm(): void {
    const { flushed } = this.#buffer
    const count = flushed.length
    this.#storage.sync().then(
      () => {
        flushed.splice(0, count)
        const { id } = this.#identity.current ?? {}
        if (id !== undefined && this.#buffer.entries.length === 0 && flushed.length === 0) buffers.delete(id)
      },
      () => {
        // The object was ended: the next one restores the missing entries.
      },
    )
  }

  /** Returns the entries of transactions that were never committed. */
  #lost({ flushed }: Buffer): readonly LogEntry[] {
    if (flushed.length === 0) return []
    const highestId = this.#highestId()
    return flushed.flatMap(({ afterId, entries }) => (highestId > afterId ? [] : entries))
  }

  #highestId(): number {
    return this.#storage.sql.exec<{ id: number }>('SELECT coalesce(max(id), 0) AS id FROM _persql_query_log').one().id
  }
}

const INSERT = `INSERT INTO _persql_query_log
  (ts, token_id, operation, sql, statement_count, rows_read, rows_written, duration_ms, status, error, transaction_id) VALUES`
const PLACES = '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
/** The number of rows that fit in the 100 parameters of a statement. */
const AT_ONCE = 9

const toValues = (e: LogEntry) => [
  e.ts,
  e.tokenId,
  e.operation,
  e.sql.slice(0, MAX_LOGGED_SQL),
  e.statementCount,
  e.rowsRead,
  e.rowsWritten,
  e.durationMs,
  e.status,
  e.error?.slice(0, MAX_ERROR) ?? null,
  e.transactionId?.slice(0, MAX_TRANSACTION_ID) ?? null,
]
