import type {
  CallOptions,
  DatabaseChanges,
  DatabaseFilter,
  DatabaseInfo,
  Listed,
  NewDatabase,
  PageOptions,
  Token,
  TokenRole,
  WriteOptions,
} from './types.ts'

/** `persql.databases`: the databases of the namespace. */
export interface Databases {
  /** Creates a database. */
  create(database: NewDatabase, options?: CallOptions): Promise<DatabaseInfo>
  /** Lists databases and branches of the namespace: the first 1,000, or a page of those that match a filter. */
  list(filter?: DatabaseFilter): Promise<Listed<DatabaseInfo>>
  /** Returns a database by its slug. */
  get(slug: string, options?: CallOptions): Promise<DatabaseInfo>
  /** Changes the name, labels, limit, expiry or protection of a database. */
  update(slug: string, changes: DatabaseChanges, options?: CallOptions): Promise<DatabaseInfo>
  /** Deletes a database and all its data. */
  delete(slug: string, options?: CallOptions): Promise<{ deleted: true }>
}

/** A filter of tokens. All given fields have to match. */
export interface TokenFilter {
  /** Part of the name, or the ID. */
  q?: string
  /** ID of the token, or of the app's grant, that created the tokens. */
  parent?: string
  /** Slug of a database: tokens that are limited to databases, with this one among them. */
  database?: string
}

/** `persql.tokens`: the tokens of the namespace. A secret is shown once, by `create` or `rotate`. */
export interface Tokens {
  /** Creates a token. Its secret is in `token`, and is never returned again. */
  create(
    token: {
      name: string
      role?: TokenRole
      tableScope?: string[]
      /** Slugs of the only databases it has access to, or patterns such as `cust-*`. */
      databases?: string[]
      /** Also gives access to the branches of these databases. */
      branches?: boolean
      /** Names of the only operations it can call, or groups such as `read` and `branches`. */
      operations?: string[]
      /** Origins of the web pages that can use it in browsers, for example `https://app.example.com`. */
      origins?: string[]
      claims?: Record<string, unknown>
      expiresIn?: number
    },
    options?: CallOptions,
  ): Promise<Token & { token: string }>
  /** Lists the tokens, without their secrets. */
  list(options?: PageOptions & TokenFilter): Promise<Listed<Token>>
  /** Returns a token, without its secret. */
  get(id: string, options?: CallOptions): Promise<Token>
  /** Revokes a token and the tokens it created, unless `children` is `keep`. */
  revoke(
    id: string,
    options?: CallOptions & { children?: 'revoke' | 'keep' },
  ): Promise<{ revoked: true; alsoRevoked: number }>
  /** Replaces the secret of a token. The old secret stops working immediately. */
  rotate(id: string, options?: CallOptions): Promise<Token & { token: string }>
}

/** A limit on what the namespace, or each of its databases, can hold or do at one time. */
export interface Quota {
  name: string
  scope: 'namespace' | 'database'
  unit: 'count' | 'bytes'
  limit: number
  /** The limit of namespaces for which the operator set no other limit. */
  default: number
  /** The current use. For a limit per database, the highest use of a database. `null` if only databases know it. */
  used: number | null
  /** The database with the highest use. */
  database: string | null
}

/** `persql.billing`: the prepaid balance, and the quotas of the namespace. */
export interface Billing {
  /** Returns the balance. */
  get(options?: CallOptions): Promise<{ balanceUsd: number; balanceNanoUsd: string; [more: string]: unknown }>
  /** Creates a payment page that adds funds. */
  topUp(amountUsd: number, options?: CallOptions): Promise<{ url: string; sessionId: string }>
  /** Moves balance to another namespace. The owner who created the token must own both. Welcome credit stays. */
  transfer(
    transfer: { to: string; amountUsd: number },
    options?: WriteOptions,
  ): Promise<{
    id: string
    to: string
    amountUsd: number
    /** `pending`: the amount arrives as soon as the other namespace responds. `returned`: that one was deleted. */
    status: 'pending' | 'completed' | 'returned'
    balanceUsd: number
  }>
  /** Lists the quotas, which the operator sets, with their use. */
  quotas(options?: CallOptions): Promise<Quota[]>
}

/** The resources of a namespace by their names. */
export interface NamespaceResources {
  databases: Databases
  tokens: Tokens
  billing: Billing
}
