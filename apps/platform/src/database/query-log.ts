import type { Migration } from '../storage/migrate.ts'

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

/** Collects entries in memory and writes them many at a time, so that a read does not cost a write. */
export class QueryLog {
  readonly #storage: DurableObjectStorage
  #entries: LogEntry[] = []
  #written = 0

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** Whether there are so many by now that they should be written. */
  add(entry: LogEntry): boolean {
    return this.#entries.push(entry) >= MAX_BUFFERED
  }

  flush(): void {
    const entries = this.#entries
    if (entries.length === 0) return
    this.#entries = []
    const { sql } = this.#storage
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
