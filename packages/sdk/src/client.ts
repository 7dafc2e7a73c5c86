import { bindResources, callRoute, type Target, type TargetSource } from './bind-routes.ts'
import { PerSQLDatabase } from './database.ts'
import { http, type Transport } from './http.ts'
import type { Billing, Databases, NamespaceResources, Tokens } from './namespace-resources.ts'
import { ofNamespace } from './routes.ts'
import type { BranchHandoff, BranchRole, CallOptions, Claim, Int64, Me, QueryMeta, ResultOptions } from './types.ts'

/** The options of a client. */
export interface PerSQLOptions<I extends Int64 = Int64> extends CallOptions, ResultOptions<I> {
  /** Default: the environment variable `PERSQL_TOKEN`. */
  token?: string
  /** Default: the environment variable `PERSQL_API_URL`, then https://api.persql.com. */
  baseURL?: string
  fetch?: typeof fetch
  /** The WebSocket class for subscriptions. Default: the global one, which Node 20 doesn't have. */
  WebSocket?: unknown
  /**
   * Uses SQLite in this process instead of a server: `:memory:` for databases in memory, a file for a single database, or a
   * folder (ending in `/`) with one file per database.
   */
  local?: string
}

/** `namespace/database`, or `namespace/database.ref`. */
const ADDRESS = /^([a-z][a-z0-9-]*)\/([a-z][a-z0-9-]*)(?:\.(.+))?$/s

/** The client: opens databases by address, and manages the namespace of its token. */
export class PerSQL<I extends Int64 = 'number'> {
  /** The branch of a client that `fromHandoff` created. */
  readonly handedOff: BranchHandoff | undefined
  /** The databases of the namespace. */
  declare readonly databases: Databases
  /** The tokens of the namespace. A secret is shown once, by `create`. */
  declare readonly tokens: Tokens
  /** The prepaid balance. */
  declare readonly billing: Billing
  readonly #options: PerSQLOptions<I>
  readonly #target: Target = { path: '/v1/', transport: () => this.#reach() }
  #transport: Transport | Promise<Transport> | undefined

  constructor(options: PerSQLOptions<I> = {}, handedOff?: BranchHandoff) {
    this.#options = options
    this.handedOff = handedOff
    if (options.local === undefined) this.#transport = http(this.#settings())
    Object.assign(this, bindResources<NamespaceResources>(this.#target, ofNamespace))
  }

  /** Redeems a handoff code of `db.branches.pin` and returns a client limited to its branch. */
  static async fromHandoff<I extends Int64 = 'number'>(
    handoff: string,
    options: PerSQLOptions<I> = {},
  ): Promise<PerSQL<I> & { readonly handedOff: BranchHandoff }> {
    const { token, ...handedOff } = await callRoute<Omit<Claim, 'outcome'> & { role: BranchRole }>(
      new PerSQL(options).#target,
      'POST! handoff/redeem token',
      [handoff],
    )
    return new PerSQL({ ...options, token }, handedOff) as PerSQL<I> & { readonly handedOff: BranchHandoff }
  }

  /**
   * Opens the database `namespace/database`, or with `namespace/database.ref` its branch of that ref. An admin token's
   * first call creates a missing database, and never a missing branch.
   */
  database(address: string): PerSQLDatabase<I>
  database(namespace: string, database: string): PerSQLDatabase<I>
  database(...parts: string[]): PerSQLDatabase<I> {
    const address = parts.join('/')
    const [, namespace = '', slug = '', ref] = ADDRESS.exec(address) ?? []
    if (!slug) throw new TypeError(`Invalid database address "${address}". Expected "namespace/database".`)
    const local = this.#options.local !== undefined
    const root = this.#target
    return new PerSQLDatabase<I>(namespace, address.slice(namespace.length + 1), {
      root,
      int64: this.#options.int64,
      target: ref ? branchTarget(root, namespace, slug, ref) : { ...root, path: `/v1/db/${namespace}/${slug}/` },
      live: local ? undefined : () => this.#settings(),
    })
  }

  /** Returns the namespace, role and scope of the token. */
  me(options?: CallOptions): Promise<Me> {
    return callRoute(this.#target, 'GET me', [options])
  }

  /** Calls the API by method and path. Returns `data` of the response. */
  async request<T>(method: string, path: string, body?: unknown, options?: CallOptions): Promise<T> {
    return (await this.requestWithMeta<T>(method, path, body, options)).data
  }

  /** Calls the API by method and path. Returns `data` and `meta` of the response. */
  async requestWithMeta<T>(
    method: string,
    path: string,
    body?: unknown,
    options?: CallOptions,
  ): Promise<{ data: T; meta?: QueryMeta }> {
    const transport = await this.#reach()
    return transport.call({ ...options, method, path, body })
  }

  /** Closes local databases. */
  async close(): Promise<void> {
    const transport = await this.#transport
    await transport?.close?.()
    if (this.#options.local !== undefined) this.#transport = undefined
  }

  #reach(): Transport | Promise<Transport> {
    this.#transport ??= this.#openLocal()
    return this.#transport
  }

  #settings() {
    const { token, baseURL, fetch = globalThis.fetch, WebSocket = globalThis.WebSocket, ...rest } = this.#options
    return {
      ...rest,
      fetch,
      WebSocket: WebSocket as typeof globalThis.WebSocket | undefined,
      token: token ?? environment('PERSQL_TOKEN'),
      baseURL: (baseURL ?? environment('PERSQL_API_URL') ?? 'https://api.persql.com').replace(/\/+$/, ''),
    }
  }

  async #openLocal(): Promise<Transport> {
    const { openLocal } = await import('./local/index.ts')
    return openLocal(this.#options.local as string)
  }
}

/** Returns a target that finds the database of a branch on first use. */
function branchTarget({ transport }: Target, ...where: [namespace: string, parent: string, ref: string]): TargetSource {
  let opened: Promise<() => Promise<Target>> | undefined
  return async () => {
    opened ??= import('./branch.ts').then(({ openBranch }) => openBranch(transport, ...where))
    return (await opened)()
  }
}

/** Returns an environment variable, or `undefined` if the environment can't be read. */
function environment(name: string): string | undefined {
  try {
    return (globalThis as { process?: { env?: Record<string, string> } }).process?.env?.[name] || undefined
  } catch {
    return undefined
  }
}
