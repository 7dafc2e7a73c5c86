import type { Migration } from '../../storage/migrate.ts'
import type { Identity } from '../identity.ts'

/** The query log lives among the tenant's tables, where plain SQL reads it; the guard keeps everyone from writing it. */
export const QUERY_LOG: Migration = {
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
}

const MAX_ROWS = 10_000
/** More at once would be felt as a pause by whoever comes next. */
const MAX_BUFFERED = 500
/** Longer texts are cut off. */
export const MAX_LOGGED_SQL = 1_500
const MAX_ERROR = 500

/** What a log has in memory. */
interface Buffer {
  entries: LogEntry[]
  /** Written, but maybe not on disk yet: each with the highest id that the table had before. */
  readonly flushed: { readonly afterId: number; readonly entries: readonly LogEntry[] }[]
}

/** Buffers by database id: they belong to the process, so an object that the runtime ends does not take them along. */
const buffers = new Map<string, Buffer>()

/** Collects entries in memory and writes them many at a time, so that a read does not cost a write. */
export class QueryLog {
  readonly #storage: DurableObjectStorage
  readonly #identity: () => Identity | undefined
  readonly #buffer: Buffer
  #written = 0

  constructor(storage: DurableObjectStorage, identity: () => Identity | undefined) {
    this.#storage = storage
    this.#identity = identity
    const left = buffers.get(identity()?.id ?? '')
    this.#buffer = { entries: left ? [...this.#lost(left), ...left.entries] : [], flushed: [] }
    this.#keep()
  }

  get isEmpty(): boolean {
    return this.#buffer.entries.length === 0
  }

  /** Adds an entry. Returns whether there are so many by now that they should be written. */
  add(entry: LogEntry): boolean {
    const { entries } = this.#buffer
    if (entries.push(entry) === 1) this.#keep()
    return entries.length >= MAX_BUFFERED
  }

  flush(): void {
    const { entries, flushed } = this.#buffer
    if (entries.length === 0) return
    const { sql } = this.#storage
    flushed.push({ afterId: this.#highestId(), entries })
    this.#buffer.entries = []
    this.#storage.transactionSync(() => {
      for (let i = 0; i < entries.length; i += AT_ONCE) {
        const some = entries.slice(i, i + AT_ONCE)
        sql.exec(`${INSERT} ${Array(some.length).fill(PLACES)}`, ...some.flatMap(valuesOf))
      }
      this.#written += entries.length
      if (this.#written < MAX_ROWS / 10) return
      this.#written = 0
      sql.exec('DELETE FROM _persql_query_log WHERE id <= (SELECT max(id) FROM _persql_query_log) - ?', MAX_ROWS)
    })
    this.#confirm()
  }

  /** To be called when the database has ended. */
  forget(): void {
    this.#buffer.entries = []
    this.#buffer.flushed.length = 0
    buffers.delete(this.#identity()?.id ?? '')
  }

  #keep(): void {
    const { id } = this.#identity() ?? {}
    if (id !== undefined && this.#buffer.entries.length > 0) buffers.set(id, this.#buffer)
  }

  /** Drops what is on disk from the memory of the process. */
  #confirm(): void {
    const { flushed } = this.#buffer
    const count = flushed.length
    this.#storage.sync().then(
      () => {
        flushed.splice(0, count)
        const { id } = this.#identity() ?? {}
        if (id !== undefined && this.isEmpty && flushed.length === 0) buffers.delete(id)
      },
      () => {
        // The object was ended: the next one looks for what is missing.
      },
    )
  }

  /** Entries that were written in a transaction which was never committed. */
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
  (ts, token_id, operation, sql, statement_count, rows_read, rows_written, duration_ms, status, error) VALUES`
const PLACES = '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
/** As many rows as fit in the 100 parameters a statement may have. */
const AT_ONCE = 10

const valuesOf = (e: LogEntry) => [
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
]
