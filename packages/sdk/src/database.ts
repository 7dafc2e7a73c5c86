import { PerSQLError } from './errors.ts'
import { perform, resourcesOf, type Target, type TargetSource } from './perform.ts'
import type {
  ApprovalRules,
  Approvals,
  Branches,
  Endpoints,
  Migrations,
  OfDatabase,
  Proposals,
  Schedules,
  SettingsOf,
  Snapshots,
  Webhooks,
} from './resources.ts'
import { ofDatabase } from './routes.ts'
import type { Live, SubscribeOptions, Subscription } from './subscribe.ts'
import { tableTools } from './table-tools.ts'
import { type Tool, type Toolbox, type ToolOptions, type ToolResult, toolbox, toolOf } from './tools.ts'
import type {
  BatchOptions,
  CallOptions,
  Changes,
  DatabaseInfo,
  Described,
  Diagnosis,
  Docs,
  Explanation,
  FileFormat,
  Imported,
  ImportOptions,
  ImportProgress,
  Param,
  QueryLogEntry,
  QueryResult,
  Row,
  Schema,
  SearchHit,
  Session,
  Statement,
  Table,
  Validation,
  WriteOptions,
} from './types.ts'
import { encode } from './values.ts'

/** What a database needs of the client that opened it. */
export interface Client {
  readonly target: TargetSource
  /** The target of the namespace. */
  readonly root: Target
  /** Where and with what to subscribe; `undefined` in local mode. */
  readonly live: (() => Omit<Live, 'path' | 'ask'>) | undefined
}

/** What drizzle's sqlite-proxy calls. */
export interface Driver {
  // biome-ignore lint/suspicious/noExplicitAny: drizzle's own signature
  (sql: string, params: any[], method: 'run' | 'all' | 'values' | 'get'): Promise<{ rows: any[] }>
  /** The second argument of `drizzle()`, for `db.batch`. */
  batch(
    // biome-ignore lint/suspicious/noExplicitAny: drizzle's own signature
    statements: { sql: string; params: any[]; method: 'run' | 'all' | 'values' | 'get' }[],
    // biome-ignore lint/suspicious/noExplicitAny: drizzle's own signature
  ): Promise<{ rows: any[] }[]>
}

/** What surely writes nothing, and so may be sent twice without a key. */
const READS = /^\s*(select|values|explain)\b/i

/** One database: the handle that `persql.database(…)` returns. */
export class PerSQLDatabase {
  readonly namespace: string
  /** The slug, or `<slug>.<ref>` of a branch: as the database was opened. */
  readonly slug: string
  /** Copies of the schema without rows, for agents and pull requests. */
  declare readonly branches: Branches
  /** Writes that are proposed first and applied afterwards. */
  declare readonly proposals: Proposals
  /** Writes that are forbidden, or wait for a human. */
  declare readonly approvalRules: ApprovalRules
  /** What an `ApprovalRequiredError` asks for. */
  declare readonly approvals: Approvals
  declare readonly snapshots: Snapshots
  declare readonly migrations: Migrations
  /** Stored statements that anyone may call, once they are published. */
  declare readonly endpoints: Endpoints
  /** Where changes are posted. */
  declare readonly webhooks: Webhooks
  /** Statements that run by themselves. */
  declare readonly schedules: Schedules
  declare readonly settings: SettingsOf
  readonly #client: Client
  readonly #target: TargetSource

  constructor(namespace: string, slug: string, client: Client) {
    this.namespace = namespace
    this.slug = slug
    this.#client = client
    const { target } = client
    this.#target = target
    const resources = resourcesOf<Omit<OfDatabase, 'approvals'> & { approvals: Omit<Approvals, 'poll'> }>(
      target,
      ofDatabase,
    )
    const { approvals } = resources
    const poll: Approvals['poll'] = async (...args) => (await import('./poll.ts')).poll(approvals.get, ...args)
    Object.assign(this, resources, { approvals: { ...approvals, poll } })
  }

  /** Runs one statement. */
  query<T extends object = Row>(
    sql: string,
    params: readonly Param[] = [],
    options?: WriteOptions,
  ): Promise<QueryResult<T>> {
    return this.#do('POST= query', { sql, params }, options, { repeatable: READS.test(sql) || undefined })
  }

  /** Runs up to 100 statements one by one, or as one transaction. */
  async batch<T extends object = Row>(
    statements: readonly Statement[],
    options?: BatchOptions,
  ): Promise<QueryResult<T>[]> {
    const encoded = statements.map(({ params = [], ...rest }) => ({ ...rest, params: params.map(encode) }))
    const repeatable = statements.every(({ sql }) => READS.test(sql)) || undefined
    return this.#do('POST= batch statements', encoded, options, { repeatable })
  }

  /** Runs all statements or none. */
  transaction<T extends object = Row>(
    statements: readonly Statement[],
    options?: WriteOptions,
  ): Promise<QueryResult<T>[]> {
    return this.batch<T>(statements, { ...options, transaction: true })
  }

  tables(options?: CallOptions): Promise<Table[]> {
    return this.#do('GET tables', options)
  }

  /** The query plan of a statement and the tables it would read and write; nothing runs. */
  explain(sql: string, params: readonly Param[] = [], options?: CallOptions): Promise<Explanation> {
    return this.#do('POST? explain', { sql, params }, options)
  }

  /** Whether a statement with these parameters would compile; nothing runs. */
  validate(sql: string, params: readonly Param[] = [], options?: CallOptions): Promise<Validation> {
    return this.#do('POST? validate', { sql, params }, options)
  }

  schema(options?: CallOptions): Promise<Schema> {
    return this.#do('GET schema', options)
  }

  /** The whole schema with what is written about it. */
  describe(options?: CallOptions): Promise<Described> {
    return this.#do('GET describe', options)
  }

  /** The same as a short text for a prompt. */
  async describeCompact(options?: CallOptions): Promise<string> {
    return (await this.#do<{ text: string }>('GET describe format', 'compact', options)).text
  }

  /** Writes what the database and its tables are for, in place of what was written. */
  setDescription(docs: Docs, options?: WriteOptions): Promise<Docs> {
    return this.#do('PUT describe', docs, options)
  }

  /** Finds tables, columns and views by words, the best first. */
  search(q: string, options?: { limit?: number } & CallOptions): Promise<{ hits: SearchHit[] }> {
    return this.#do('GET search q', q, options)
  }

  /** What in the schema confuses people and models. */
  doctor(options?: CallOptions): Promise<Diagnosis> {
    return this.#do('GET doctor', options)
  }

  /** The latest calls, the newest first. */
  async queryLog({ limit = 100, ...options }: { limit?: number } & CallOptions = {}): Promise<QueryLogEntry[]> {
    const sql = 'SELECT * FROM _persql_query_log ORDER BY id DESC LIMIT ?'
    return (await this.query<QueryLogEntry>(sql, [limit], options)).data
  }

  /** Asks in words: a model writes one SELECT, and it runs. */
  ask(
    question: string,
    options?: { allowedTables?: string[]; context?: string; maxRows?: number } & CallOptions,
  ): Promise<QueryResult & { sql: string; explanation: string }> {
    return this.#do('POST?= ask question', question, options)
  }

  /** Opens a session for a user of your app, for endpoints that ask for one. */
  async createSession(
    user: { userId: string | number; email?: string; expiresIn?: number },
    options?: CallOptions,
  ): Promise<Session> {
    const [, , , namespaceSlug, databaseSlug] = (await this.#find()).path.split('/')
    return perform(this.#client.root, 'POST! sessions', [{ namespaceSlug, databaseSlug }, user, options])
  }

  /** Makes a database of its own with the schema and all rows, as they are now. */
  fork(slug: string, options?: { name?: string; ttlDays?: number } & CallOptions): Promise<DatabaseInfo> {
    return this.#do('POST! fork slug', slug, options)
  }

  /** The database as an SQL dump or an SQLite file, or a table as CSV or NDJSON: `.text()`, `.blob()`, or `.body`. */
  export(options?: { format?: FileFormat; table?: string } & CallOptions): Promise<Response> {
    return this.#do('GET export', { timeoutMs: 0, raw: true }, options)
  }

  /** Imports an SQL dump or an SQLite file, or CSV or NDJSON into a table; whole or not at all. */
  async import(file: string | Blob | Uint8Array, options: ImportOptions = {}): Promise<Imported> {
    return (await import('./import-file.ts')).importFile(this.#target, file, options)
  }

  /** How far the import is that is under way, or how the last one ended. */
  async importProgress(options?: CallOptions): Promise<ImportProgress | null> {
    return (await this.#do<{ import: ImportProgress | null }>('GET import', options)).import
  }

  /** Waits until tables change, at most `timeoutSec` (25); with the cursor of the last answer nothing is missed. */
  waitForChanges(
    options?: { tables?: readonly string[]; cursor?: string; timeoutSec?: number } & CallOptions,
  ): Promise<Changes> {
    return this.#do('GET wait_for_changes', options)
  }

  /** Tells when rows change. Call what it returns to stop. */
  subscribe(options: SubscribeOptions): Subscription {
    const live = this.#client.live?.()
    if (!live?.WebSocket) {
      const message = live
        ? 'There is no WebSocket here: give one to new PerSQL({ WebSocket }).'
        : 'Local mode has no subscriptions: that takes a server.'
      throw new PerSQLError({ status: 0, code: live ? 'no_websocket' : 'not_available_locally', message })
    }
    let { tables } = options
    let ended = false
    // Loaded when it is wanted: most pages do not subscribe.
    const running = Promise.all([import('./subscribe.ts'), this.#find()]).then(([{ subscribe }, { path }]) =>
      ended
        ? undefined
        : subscribe(
            { ...live, path: `${path}subscribe`, ask: () => this.waitForChanges({ timeoutSec: 0, maxRetries: 0 }) },
            { ...options, tables },
          ),
    )
    running.catch(options.onError ?? (() => {}))
    const each = (act: (subscription: Subscription) => void) =>
      void running.then(
        (one) => one && act(one),
        () => {},
      )
    const off = () => {
      ended = true
      each((subscription) => subscription())
    }
    const setTables = (names?: readonly string[]) => {
      tables = names
      each((subscription) => subscription.setTables(names))
    }
    return Object.assign(off, { setTables })
  }

  /** For drizzle: `drizzle(db.driver())`, or with transactional batches `drizzle(driver, driver.batch)`. */
  driver(): Driver {
    // drizzle takes rows as arrays, for `get` the one row.
    const shaped = ({ rows }: QueryResult, method: string) =>
      ({ rows: method === 'get' ? rows[0] : rows }) as { rows: unknown[] }
    const run = async (sql: string, params: Param[], method: string) => shaped(await this.query(sql, params), method)
    const batch = async (statements: { sql: string; params: Param[]; method: string }[]) => {
      const results = await this.transaction(statements.map(({ sql, params }) => ({ sql, params })))
      return results.map((result, i) => shaped(result, statements[i]?.method as string))
    }
    return Object.assign(run, { batch })
  }

  /** Runs what a model sends. Errors that a model can mend are answered, not thrown. */
  async runTool(
    { sql, params }: { sql: string; params?: readonly Param[] },
    options?: ToolOptions,
  ): Promise<ToolResult> {
    return (await import('./run-table-tool.ts')).toolResult(() => this.query(sql, params), options)
  }

  /** One tool that runs SQL, in the form of each framework. */
  asTool<const Name extends string = 'query'>(name = 'query' as Name, options: ToolOptions = {}): Tool<Name> {
    const { description = `Run one SQLite statement on the database ${this.slug}. Use ? for values.` } = options
    const properties = {
      sql: { type: 'string', description: 'One SQLite statement.' },
      params: { type: 'array', items: {}, description: 'Values for the placeholders, in order.' },
    }
    return toolOf(name, description, properties, ['sql'], (input) => this.#runTool(options, 'run_sql', input))
  }

  /** A tool for each operation on tables, and some to look before leaping. */
  asTools(options: ToolOptions = {}): Toolbox {
    return toolbox(tableTools((name, input) => this.#runTool(options, name, input)))
  }

  async #runTool(options: ToolOptions, name: string, input: object): Promise<unknown> {
    return (await import('./run-table-tool.ts')).runTableTool(this, options, name, input)
  }

  async #find(): Promise<Target> {
    return typeof this.#target === 'function' ? this.#target() : this.#target
  }

  #do<T>(route: string, ...args: unknown[]): Promise<T> {
    return perform(this.#target, route, args)
  }
}
