import { Database } from './database.ts'
import { http, type Transport } from './http.ts'
import type { BranchRole, CallOptions, Claim, DatabaseInfo, HandedOff, Token, TokenRole } from './types.ts'

/** How to reach the databases. */
export interface PerSQLOptions extends CallOptions {
  /** Else `PERSQL_TOKEN` of the environment. */
  token?: string
  /** Else `PERSQL_API_URL` of the environment, else https://api.persql.com. */
  baseURL?: string
  fetch?: typeof fetch
  /** For subscriptions where there is no global one: Node 20. */
  WebSocket?: unknown
  /**
   * SQLite in this process instead of a server: `:memory:` for a database of its own behind each address, a file for
   * one database, a folder (ending in `/`) for a file behind each address.
   */
  local?: string
}

/** Opens databases by their address, and manages the namespace of its token. */
export class PerSQL {
  /** Of a client made by `fromHandoff`: what it may reach. */
  readonly handedOff: HandedOff | undefined
  readonly #options: PerSQLOptions
  #transport: Transport | Promise<Transport> | undefined

  constructor(options: PerSQLOptions = {}, handedOff?: HandedOff) {
    this.#options = options
    this.handedOff = handedOff
    if (options.local === undefined) this.#transport = http(this.#settings())
  }

  /** Redeems the secret of `db.branches.pin`: a client that opens one branch. */
  static async fromHandoff(handoff: string, options: PerSQLOptions = {}): Promise<PerSQL> {
    const transport = http(new PerSQL(options).#settings())
    const call = { method: 'POST', path: '/v1/handoff/redeem', body: { token: handoff } }
    const { token, ...handedOff }: Omit<Claim, 'outcome'> & { role: BranchRole } = (await transport.call(call)).data
    return new PerSQL({ ...options, token }, handedOff)
  }

  /** The database `namespace/database`. It is made by the first write when the token is an admin's. */
  database(address: string): Database
  database(namespace: string, database: string): Database
  database(address: string, name?: string): Database {
    const [namespace, slug, more] = name === undefined ? address.split('/') : [address, name]
    const valid = [namespace, slug].every((part) => /^[a-z][a-z0-9-]*$/.test(part ?? '')) && more === undefined
    if (!valid) throw new TypeError(`"${address}" is no database: give "namespace/database".`)
    const local = this.#options.local !== undefined
    return new Database(namespace as string, slug as string, {
      transport: () => this.#reach(),
      live: local ? undefined : () => this.#settings(),
    })
  }

  /** The databases of the namespace. */
  readonly databases = {
    create: (database: { slug: string; name?: string }, options?: CallOptions): Promise<DatabaseInfo> =>
      this.request('POST', '/v1/databases', database, options),
    list: (options?: CallOptions): Promise<DatabaseInfo[]> => this.request('GET', '/v1/databases', undefined, options),
    get: (slug: string, options?: CallOptions): Promise<DatabaseInfo> =>
      this.request('GET', `/v1/databases/${encodeURIComponent(slug)}`, undefined, options),
    delete: (slug: string, options?: CallOptions): Promise<{ deleted: true }> =>
      this.request('DELETE', `/v1/databases/${encodeURIComponent(slug)}`, undefined, options),
  }

  /** The tokens of the namespace. A secret is shown once, by `create`. */
  readonly tokens = {
    create: (
      token: {
        name: string
        role?: TokenRole
        tableScope?: string[]
        claims?: Record<string, unknown>
        expiresIn?: number
      },
      options?: CallOptions,
    ): Promise<Token & { token: string }> => this.request('POST', '/v1/tokens', token, options),
    list: (options?: CallOptions): Promise<Token[]> => this.request('GET', '/v1/tokens', undefined, options),
    revoke: (id: string, options?: CallOptions): Promise<{ revoked: true }> =>
      this.request('DELETE', `/v1/tokens/${encodeURIComponent(id)}`, undefined, options),
  }

  /** The prepaid balance. */
  readonly billing = {
    get: (options?: CallOptions): Promise<{ balanceUsd: number; balanceNanoUsd: string; [more: string]: unknown }> =>
      this.request('GET', '/v1/billing', undefined, options),
    /** Opens a payment page. */
    topUp: (amountUsd: number, options?: CallOptions): Promise<{ url: string; sessionId: string }> =>
      this.request('POST', '/v1/billing/topup', { amountUsd }, options),
  }

  /** Which namespace and token this is. */
  me(options?: CallOptions): Promise<{ namespaceSlug: string; namespaceId: string; role: TokenRole; tokenId: string }> {
    return this.request('GET', '/v1/me', undefined, options)
  }

  /** Any other call of the API, by method and path. It answers `data`. */
  async request<T>(method: string, path: string, body?: unknown, options?: CallOptions): Promise<T> {
    const transport = await this.#reach()
    return (await transport.call({ ...options, method, path, body })).data as T
  }

  /** Closes local databases. */
  async close(): Promise<void> {
    const transport = await this.#transport
    await transport?.close()
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

/** A variable of the environment, where there is one that may be read. */
function environment(name: string): string | undefined {
  try {
    return (globalThis as { process?: { env?: Record<string, string> } }).process?.env?.[name] || undefined
  } catch {
    return undefined
  }
}
