import { PerSQLError } from './errors.ts'
import type { Answer, Call, Transport } from './http.ts'
import {
  approvalRulesOf,
  approvalsOf,
  branchesOf,
  endpointsOf,
  migrationsOf,
  proposalsOf,
  type Sending,
  snapshotsOf,
} from './resources.ts'
import type { Live, SubscribeOptions, Subscription } from './subscribe.ts'
import { tableTools } from './table-tools.ts'
import { type Tool, type Toolbox, type ToolOptions, type ToolResult, toolbox, toolOf, toolResult } from './tools.ts'
import type {
  BatchOptions,
  CallOptions,
  DatabaseInfo,
  Described,
  Diagnosis,
  Docs,
  Explanation,
  ExportOptions,
  ImportOptions,
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
import { encode, resultOf, type WireResult } from './values.ts'

/** What a database needs of the client that opened it. */
export interface Client {
  readonly transport: () => Promise<Transport> | Transport
  /** Where and with what to subscribe; `undefined` in local mode. */
  readonly live: (() => Omit<Live, 'path'>) | undefined
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
const searchOf = (given: Record<string, string | undefined>) => {
  const search = `${new URLSearchParams(Object.entries(given).filter(([, value]) => value !== undefined) as [string, string][])}`
  return search && `?${search}`
}
const randomKey = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join('-')

/** One database. */
export class Database {
  readonly namespace: string
  readonly slug: string
  readonly #client: Client
  readonly #send = async (method: string, path: string, body?: unknown, options: Sending = {}): Promise<Answer> => {
    const { keyed = true, ...given } = options
    const address = `/v1/db/${this.namespace}/${this.slug}/${path}`
    const call: Call = { ...given, method, path: address, body }
    const needsKey = keyed && method !== 'GET' && !given.repeatable && !(given.planKey && given.planStep)
    if (needsKey) call.idempotencyKey ??= randomKey()
    return (await this.#client.transport()).call(call)
  }
  /** Copies of the schema without rows, for agents and pull requests. */
  readonly branches = branchesOf(this.#send)
  /** Writes that are proposed first and applied afterwards. */
  readonly proposals = proposalsOf(this.#send)
  /** Writes that are forbidden, or wait for a human. */
  readonly approvalRules = approvalRulesOf(this.#send)
  /** What an `ApprovalRequiredError` asks for. */
  readonly approvals = approvalsOf(this.#send)
  readonly snapshots = snapshotsOf(this.#send)
  readonly migrations = migrationsOf(this.#send)
  /** Stored statements that anyone may call, once they are published. */
  readonly endpoints = endpointsOf(this.#send)

  constructor(namespace: string, slug: string, client: Client) {
    this.namespace = namespace
    this.slug = slug
    this.#client = client
  }

  /** Runs one statement. */
  async query<T extends object = Row>(sql: string, params: readonly Param[] = [], options?: WriteOptions) {
    const { data, meta } = await this.#send(
      'POST',
      'query',
      { sql, params: params.map(encode) },
      { ...options, repeatable: READS.test(sql) || undefined },
    )
    return resultOf<T>(data, meta)
  }

  /** Runs up to 100 statements one by one, or as one transaction. */
  async batch<T extends object = Row>(
    statements: readonly Statement[],
    { transaction, ...options }: BatchOptions = {},
  ) {
    const encoded = statements.map(({ params = [], ...rest }) => ({ ...rest, params: params.map(encode) }))
    const repeatable = statements.every(({ sql }) => READS.test(sql)) || undefined
    const { data, meta } = await this.#send(
      'POST',
      'batch',
      { statements: encoded, transaction },
      { ...options, repeatable },
    )
    return (data as WireResult[]).map((one) => resultOf<T>(one, meta))
  }

  /** Runs all statements or none. */
  transaction<T extends object = Row>(
    statements: readonly Statement[],
    options?: WriteOptions,
  ): Promise<QueryResult<T>[]> {
    return this.batch<T>(statements, { ...options, transaction: true })
  }

  tables(options?: CallOptions): Promise<Table[]> {
    return this.#get('tables', options)
  }

  /** The query plan of a statement and the tables it would read and write; nothing runs. */
  explain(sql: string, params: readonly Param[] = [], options?: CallOptions): Promise<Explanation> {
    return this.#ask('explain', { sql, params: params.map(encode) }, options)
  }

  /** Whether a statement with these parameters would compile; nothing runs. */
  validate(sql: string, params: readonly Param[] = [], options?: CallOptions): Promise<Validation> {
    return this.#ask('validate', { sql, params: params.map(encode) }, options)
  }

  schema(options?: CallOptions): Promise<Schema> {
    return this.#get('schema', options)
  }

  /** The whole schema with what is written about it. */
  describe(options?: CallOptions): Promise<Described> {
    return this.#get('describe', options)
  }

  /** The same as a short text for a prompt. */
  async describeCompact(options?: CallOptions): Promise<string> {
    return (await this.#get<{ text: string }>('describe?format=compact', options)).text
  }

  /** Writes what the database and its tables are for, in place of what was written. */
  async setDescription(docs: Docs, options?: WriteOptions): Promise<Docs> {
    return (await this.#send('PUT', 'describe', docs, options)).data
  }

  /** Finds tables, columns and views by words, the best first. */
  search(q: string, { limit, ...options }: { limit?: number } & CallOptions = {}): Promise<{ hits: SearchHit[] }> {
    const query = new URLSearchParams({ q, ...(limit && { limit: `${limit}` }) })
    return this.#get(`search?${query}`, options)
  }

  /** What in the schema confuses people and models. */
  doctor(options?: CallOptions): Promise<Diagnosis> {
    return this.#get('doctor', options)
  }

  /** The latest calls, the newest first. */
  async queryLog({ limit = 100, ...options }: { limit?: number } & CallOptions = {}): Promise<QueryLogEntry[]> {
    const sql = 'SELECT * FROM _persql_query_log ORDER BY id DESC LIMIT ?'
    return (await this.query<QueryLogEntry>(sql, [limit], options)).data
  }

  /** Asks in words: a model writes one SELECT, and it runs. */
  async ask(
    question: string,
    {
      signal,
      timeoutMs,
      maxRetries,
      ...body
    }: { allowedTables?: string[]; context?: string; maxRows?: number } & CallOptions = {},
  ): Promise<QueryResult & { sql: string; explanation: string }> {
    const sending = { signal, timeoutMs, maxRetries, repeatable: true }
    const { data, meta } = await this.#send('POST', 'ask', { question, ...body }, sending)
    const { rowsRead = 0, rowsWritten = 0 } = meta ?? {}
    return { ...resultOf({ rowsRead, rowsWritten, ...data }, meta), sql: data.sql, explanation: data.explanation }
  }

  /** Opens a session for a user of your app, for endpoints that ask for one. */
  async createSession(
    user: { userId: string | number; email?: string; expiresIn?: number },
    options?: CallOptions,
  ): Promise<Session> {
    const body = { namespaceSlug: this.namespace, databaseSlug: this.slug, ...user }
    return (await (await this.#client.transport()).call({ ...options, method: 'POST', path: '/v1/sessions', body }))
      .data
  }

  /** Makes a database of its own with the schema and all rows, as they are now. */
  async fork(
    slug: string,
    { name, ttlDays, ...options }: { name?: string; ttlDays?: number } & CallOptions = {},
  ): Promise<DatabaseInfo> {
    return (await this.#send('POST', 'fork', { slug, name, ttlDays }, { ...options, keyed: false })).data
  }

  /** The database as an SQL dump or another file: read it with `.text()`, or stream `.body`. */
  async export({ format, table, ...options }: ExportOptions = {}): Promise<Response> {
    const path = `export${searchOf({ format, table })}`
    return (await this.#send('GET', path, undefined, { timeoutMs: 0, ...options, raw: true })).data
  }

  /** Takes in an SQL dump or a SQLite file, or rows into one table: whole or not at all. */
  async import(
    file: string | Blob,
    { format, table, create, ...options }: ImportOptions = {},
  ): Promise<Record<string, unknown>> {
    const form = new FormData()
    // Without a name that says what it is, its first bytes tell.
    const kind = format ?? (typeof file === 'string' ? 'sql' : undefined)
    form.set('file', new Blob([file]), kind ? `file.${kind}` : 'file')
    const path = `import${searchOf({ format, table, create: create ? '1' : undefined })}`
    return (await this.#send('POST', path, form, { timeoutMs: 0, ...options, keyed: false })).data
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
    const path = `/v1/db/${this.namespace}/${this.slug}/subscribe`
    // Loaded when it is wanted: most pages do not subscribe.
    const running = import('./subscribe.ts').then(({ subscribe }) =>
      ended ? undefined : subscribe({ ...live, path }, { ...options, tables }),
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
  runTool({ sql, params }: { sql: string; params?: readonly Param[] }, options?: ToolOptions): Promise<ToolResult> {
    return toolResult(() => this.query(sql, params), options)
  }

  /** One tool that runs SQL, in the form of each framework. */
  asTool(name = 'query', options: ToolOptions = {}): Tool {
    const { description = `Run one SQLite statement on the database ${this.slug}. Use ? for values.` } = options
    const properties = {
      sql: { type: 'string', description: 'One SQLite statement.' },
      params: { type: 'array', items: {}, description: 'Values for the placeholders, in order.' },
    }
    return toolOf(name, description, properties, ['sql'], (input) =>
      this.runTool(input as { sql: string; params?: Param[] }, options),
    )
  }

  /** A tool for each operation on tables, and some to look before leaping. */
  asTools(options: ToolOptions = {}): Toolbox {
    return toolbox(
      tableTools(async (name, input) => (await import('./run-table-tool.ts')).runTableTool(this, options, name, input)),
    )
  }

  async #get<T>(path: string, options?: CallOptions): Promise<T> {
    return (await this.#send('GET', path, undefined, options)).data
  }

  async #ask<T>(path: string, body: unknown, options?: CallOptions): Promise<T> {
    return (await this.#send('POST', path, body, { ...options, repeatable: true })).data
  }
}
