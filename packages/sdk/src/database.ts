import { bindResources, callRoute, type Target, type TargetSource } from './bind-routes.ts'
import type { Driver } from './driver.ts'
import { PerSQLError } from './errors.ts'
import type {
  ApprovalRules,
  Approvals,
  Branches,
  DatabaseResources,
  Endpoints,
  Migrations,
  Proposals,
  Schedules,
  SettingsResource,
  Snapshots,
  Webhooks,
} from './resources.ts'
import { ofDatabase } from './routes.ts'
import type { Live, SubscribeOptions, Subscription } from './subscribe.ts'
import { sqlInput, tableTools } from './table-tools.ts'
import {
  createTool,
  type RunTool,
  type Tool,
  type Toolbox,
  type ToolOptions,
  type ToolResult,
  toolbox,
} from './tools.ts'
import type { OpenTransaction, Transaction, TransactionOptions } from './transaction-types.ts'
import type {
  BatchOptions,
  CallOptions,
  Changes,
  DatabaseInfo,
  Docs,
  DoctorReport,
  Explanation,
  FileFormat,
  ImportOptions,
  ImportProgress,
  ImportResult,
  Int64,
  Param,
  Params,
  QueryLogEntry,
  QueryResult,
  ResultOptions,
  Row,
  Schema,
  SchemaDescription,
  ScriptResult,
  SearchHit,
  Session,
  Statement,
  Table,
  Validation,
  WriteOptions,
} from './types.ts'
import { encodeParams, toWireForm } from './values.ts'

/** The dependencies of a database on its client. */
export interface Client {
  readonly target: TargetSource
  /** The target of the namespace. */
  readonly root: Target
  /** The settings for subscriptions; `undefined` in local mode. */
  readonly live: (() => Omit<Live, 'path' | 'ask'>) | undefined
  readonly int64?: Int64 | undefined
}

/** Statements that can't write, and so can be retried without a key. */
const READS = /^\s*(select|values|explain)\b/i

/** One database: the handle that `persql.database(…)` returns. `I` is the form of INTEGER values in its results. */
export class PerSQLDatabase<I extends Int64 = 'number'> {
  /** The slug of the namespace. */
  readonly namespace: string
  /** The slug, or `<slug>.<ref>` for a branch, as passed to `persql.database()`. */
  readonly slug: string
  /** Copies of the schema without rows, for agents and pull requests. */
  declare readonly branches: Branches
  /** Dry runs of writes that can be applied afterwards. */
  declare readonly proposals: Proposals
  /** Rules that deny writes to some tables or require approval. */
  declare readonly approvalRules: ApprovalRules
  /** The approvals of writes that threw an `ApprovalRequiredError`. */
  declare readonly approvals: Approvals
  /** Copies of all tables and rows at one time. */
  declare readonly snapshots: Snapshots
  /** Drafts of schema changes, each applied in one transaction. */
  declare readonly migrations: Migrations
  /** Stored statements that anyone can call once they are published. */
  declare readonly endpoints: Endpoints
  /** URLs to which changes are delivered. */
  declare readonly webhooks: Webhooks
  /** Statements that run at an interval. */
  declare readonly schedules: Schedules
  /** The settings of the database. */
  declare readonly settings: SettingsResource
  readonly #client: Client
  readonly #target: TargetSource
  /** The form of results, as calls contain it. */
  readonly #format: object

  constructor(namespace: string, slug: string, client: Client) {
    this.namespace = namespace
    this.slug = slug
    this.#client = client
    const { target } = client
    this.#target = target
    this.#format = { int64: toWireForm(client.int64) }
    const resources = bindResources<Omit<DatabaseResources, 'approvals'> & { approvals: Omit<Approvals, 'poll'> }>(
      target,
      ofDatabase,
    )
    const { approvals } = resources
    const poll: Approvals['poll'] = async (...args) => (await import('./poll.ts')).poll(approvals.get, ...args)
    Object.assign(this, resources, { approvals: { ...approvals, poll } })
  }

  /** Returns this database with another form of INTEGER values in the results of `query`, `batch`, `script` and transactions. */
  with<F extends Int64>({ int64 }: Required<ResultOptions<F>>): PerSQLDatabase<F> {
    return new PerSQLDatabase(this.namespace, this.slug, { ...this.#client, int64 })
  }

  /** Runs one statement. */
  query<T extends object = Row<I>>(
    sql: string,
    params: Params = [],
    options?: WriteOptions,
  ): Promise<QueryResult<T, I>> {
    const repeatable = READS.test(sql) || undefined
    return this.#do('POST= query', { sql, params, ...this.#format }, options, { repeatable })
  }

  /** Runs up to 100 statements, one by one or in one transaction. */
  async batch<T extends object = Row<I>>(
    statements: readonly Statement[],
    options?: BatchOptions,
  ): Promise<QueryResult<T, I>[]> {
    const encoded = statements.map(({ params = [], ...rest }) => ({ ...rest, params: encodeParams(params) }))
    const repeatable = statements.every(({ sql }) => READS.test(sql)) || undefined
    return this.#do('POST= batch statements', encoded, this.#format, options, { repeatable })
  }

  /**
   * Runs a function in a transaction, which commits when the function's promise resolves and rolls back when it throws.
   * Runs the function again after `transaction_busy` and `transaction_conflict`.
   */
  transaction<R>(run: (tx: Transaction<I>) => Promise<R> | R, options?: TransactionOptions): Promise<R>
  /** Runs up to 100 statements in one transaction and one call. */
  transaction<T extends object = Row<I>>(
    statements: readonly Statement[],
    options?: WriteOptions,
  ): Promise<QueryResult<T, I>[]>
  async transaction(work: readonly Statement[] | ((tx: never) => unknown), options?: object): Promise<unknown> {
    if (typeof work !== 'function') return this.batch(work, { ...options, transaction: true })
    return (await import('./transaction.ts')).run(this.#target, this.#format, work, options)
  }

  /** Returns a transaction for adapters, which end it themselves. It opens with its first statement. */
  async begin(options?: TransactionOptions): Promise<OpenTransaction<I>> {
    return (await import('./transaction.ts')).begin(this.#target, this.#format, options)
  }

  /**
   * Runs the statements of one text, one by one or in one transaction. One by one, it can contain BEGIN and COMMIT. It has no
   * parameters.
   */
  script<T extends object = Row<I>>(sql: string, options?: BatchOptions): Promise<ScriptResult<T, I>[]> {
    return this.#do('POST= script sql', sql, this.#format, options)
  }

  /** Lists the tables with their row counts. */
  tables(options?: CallOptions): Promise<Table[]> {
    return this.#do('GET tables', options)
  }

  /** Returns the query plan of a statement and the tables it would read and write, without running it. */
  explain(sql: string, params: Params = [], options?: CallOptions): Promise<Explanation> {
    return this.#do('POST? explain', { sql, params }, options)
  }

  /** Checks a statement and its parameters without running it. */
  validate(sql: string, params: Params = [], options?: CallOptions): Promise<Validation> {
    return this.#do('POST? validate', { sql, params }, options)
  }

  /** Returns the tables with columns, indexes and foreign keys, the views and the triggers. */
  schema(options?: CallOptions): Promise<Schema> {
    return this.#do('GET schema', options)
  }

  /** Returns the schema with its descriptions. */
  describe(options?: CallOptions): Promise<SchemaDescription> {
    return this.#do('GET describe', options)
  }

  /** Returns the schema with its descriptions as compact text for a prompt. */
  async describeCompact(options?: CallOptions): Promise<string> {
    return (await this.#do<{ text: string }>('GET describe format', 'compact', options)).text
  }

  /** Replaces the descriptions of the database and its tables. */
  setDescription(docs: Docs, options?: WriteOptions): Promise<Docs> {
    return this.#do('PUT describe', docs, options)
  }

  /** Searches tables, columns and views, best match first. */
  search(q: string, options?: { limit?: number } & CallOptions): Promise<{ hits: SearchHit[] }> {
    return this.#do('GET search q', q, options)
  }

  /** Finds schema problems that confuse people and AI models. */
  doctor(options?: CallOptions): Promise<DoctorReport> {
    return this.#do('GET doctor', options)
  }

  /** Lists the latest calls, newest first. */
  async queryLog({ limit = 100, ...options }: { limit?: number } & CallOptions = {}): Promise<QueryLogEntry[]> {
    const sql = 'SELECT * FROM _persql_query_log ORDER BY id DESC LIMIT ?'
    return (await this.#do<QueryResult<QueryLogEntry>>('POST?= query', { sql, params: [limit] }, options)).data
  }

  /** Asks in natural language: an AI model writes one SELECT, which is checked and run. */
  ask(
    question: string,
    options?: { allowedTables?: string[]; context?: string; maxRows?: number } & CallOptions,
  ): Promise<QueryResult & { sql: string; explanation: string }> {
    return this.#do('POST?= ask question', question, options)
  }

  /** Creates a session for a user of your app, for endpoints that require one. */
  async createSession(
    user: { userId: string | number; email?: string; expiresIn?: number },
    options?: CallOptions,
  ): Promise<Session> {
    const [, , , namespaceSlug, databaseSlug] = (await this.#find()).path.split('/')
    return callRoute(this.#client.root, 'POST! sessions', [{ namespaceSlug, databaseSlug }, user, options])
  }

  /** Creates an independent copy with the schema and all rows. */
  fork(slug: string, options?: { name?: string; ttlDays?: number } & CallOptions): Promise<DatabaseInfo> {
    return this.#do('POST! fork slug', slug, options)
  }

  /** Exports the database as an SQL dump or SQLite file, or a table as CSV or NDJSON. Returns the HTTP response. */
  export(options?: { format?: FileFormat; table?: string } & CallOptions): Promise<Response> {
    return this.#do('GET export', { timeoutMs: 0, raw: true }, options)
  }

  /** Imports an SQL dump or SQLite file, or CSV or NDJSON into a table; all-or-nothing. */
  async import(file: string | Blob | Uint8Array, options: ImportOptions = {}): Promise<ImportResult> {
    return (await import('./import-file.ts')).importFile(this.#target, file, options)
  }

  /** Returns the progress of the current import, or the result of the last one. */
  async importProgress(options?: CallOptions): Promise<ImportProgress | null> {
    return (await this.#do<{ import: ImportProgress | null }>('GET import', options)).import
  }

  /** Waits up to `timeoutSec` (default 25) for table changes. Pass the last cursor to get all changes since then. */
  waitForChanges(
    options?: { tables?: readonly string[]; cursor?: string; timeoutSec?: number } & CallOptions,
  ): Promise<Changes> {
    return this.#do('GET wait_for_changes', options)
  }

  /** Calls `onChange` when tables change. Returns a function that ends the subscription. */
  subscribe(options: SubscribeOptions): Subscription {
    const live = this.#client.live?.()
    if (!live?.WebSocket) {
      const message = live
        ? 'This runtime has no WebSocket. Pass one to new PerSQL({ WebSocket }).'
        : "Subscriptions aren't available in local mode. Connect to a server."
      throw new PerSQLError({ status: 0, code: live ? 'no_websocket' : 'not_available_locally', message })
    }
    let { tables } = options
    let ended = false
    // Loaded on first use, because most pages don't subscribe.
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

  /** Returns a driver for Drizzle: `drizzle(db.driver())`, or with transactional batches `drizzle(driver, driver.batch)`. */
  driver(): Driver {
    const load = () => import('./driver.ts')
    const run = async (sql: string, params: Param[], method: string) =>
      (await load()).runQuery(this, sql, params, method)
    const batch: Driver['batch'] = async (statements) => (await load()).runBatch(this, statements)
    return Object.assign(run, { batch })
  }

  /** Runs a statement from an AI model. Errors that the model can fix are returned, all others are thrown. */
  async runTool(
    { sql, params }: { sql: string; params?: readonly Param[] },
    options?: ToolOptions,
  ): Promise<ToolResult> {
    return (await import('./run-table-tool.ts')).toolResult(() => this.query(sql, params) as never, options)
  }

  /** Returns a tool that runs SQL, in the format of each framework. */
  asTool<const Name extends string = 'query'>(name = 'query' as Name, options: ToolOptions = {}): Tool<Name> {
    const { description = `Run one SQLite statement on the database ${this.slug}. Use ? for values.` } = options
    return createTool(name, description, sqlInput, ['sql'], this.#toRun(options, 'run_sql'))
  }

  /** Returns tools to read and write tables, and to dry-run writes. */
  asTools(options: ToolOptions = {}): Toolbox {
    return toolbox(tableTools((name) => this.#toRun(options, name)))
  }

  #toRun(options: ToolOptions, name: string): RunTool {
    return async (...args) => (await import('./run-table-tool.ts')).runTableTool(this as never, options, name, ...args)
  }

  async #find(): Promise<Target> {
    return typeof this.#target === 'function' ? this.#target() : this.#target
  }

  #do<T>(route: string, ...args: unknown[]): Promise<T> {
    return callRoute(this.#target, route, args)
  }
}
