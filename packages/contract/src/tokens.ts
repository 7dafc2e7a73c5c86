import * as z from 'zod'
import { operation } from './operation.ts'
import { Origins } from './origins.ts'
import { PageMeta, paging } from './paging.ts'
import { Slug, Timestamp } from './values.ts'

/** The role of a token: `readonly` reads, `readwrite` also changes rows, `admin` does everything. */
export const Role = z.enum(['readonly', 'readwrite', 'admin'])
export type Role = z.infer<typeof Role>

/** A slug, or a pattern with one or two `*`, each of which stands for any number of characters. */
const DatabaseSelector = z
  .string()
  .regex(
    /^(?!(?:[^*]*\*){3})[a-z*][a-z0-9*-]{0,62}$/,
    'must be a slug, or a pattern: a slug in which one or two "*" stand for any characters',
  )

/** The databases that a token is limited to, as far as its creator is limited too. */
const Selection = z.object({
  /** Slugs, and patterns such as `cust-*`. A pattern selects databases that aren't branches. */
  databases: z.array(z.string()),
  /** Whether the branches of these databases are selected too. */
  branches: z.boolean(),
})

/** A selection, with those that limit it. */
const Selected = Selection.extend({
  /** Selections that limit this one; a database has to be in all of them. Absent if nothing else limits it. */
  within: z.array(Selection).optional(),
})
export type Selected = z.infer<typeof Selected>

export const Token = z.object({
  id: z.string(),
  name: z.string(),
  role: Role,
  /** The only tables it has access to; `null` for all. */
  tableScope: z.array(z.string()).nullable(),
  claims: z.record(z.string(), z.json()).nullable(),
  /** Slug of the only database it has access to; `null` if there can be several. */
  database: z.string().nullable(),
  /** Slugs of the only databases it has access to; `null` if `select` has patterns or branches, or is `null` too. */
  databases: z.array(z.string()).nullable(),
  /** The databases it has access to; `null` for all of the namespace. */
  select: Selected.nullable(),
  /** Names of the only operations it can call, besides `get_me`; `null` for all that its role allows. */
  operations: z.array(z.string()).nullable(),
  /** The origins of the only web pages that can use it; `null` if no page of another site can read its responses. */
  origins: z.array(z.string()).nullable(),
  /** First four and last four characters of the secret. */
  preview: z.string(),
  createdAt: Timestamp,
  expiresAt: Timestamp.nullable(),
  /** ID of the token, or of the app's grant, that created it and ends it; `null` if the namespace owns it. */
  mintedBy: z.string().nullable(),
  /** ID of the token that created it; `null` if an app or the namespace did. */
  parentId: z.string().nullable(),
  /** Number of tokens and unredeemed handoffs that end with it. */
  descendants: z.int(),
})
export type Token = z.infer<typeof Token>

export const MintedToken = Token.extend({
  /** The secret, which only this response contains. */
  token: z.string(),
})
export type MintedToken = z.infer<typeof MintedToken>

/**
 * The access of a new token. A token that creates another gives at most its own access: `tableScope`, `databases`,
 * `operations`, `origins` and expiry are inherited if left out, and `claims` are always inherited.
 */
export const TokenRequest = z
  .strictObject({
    name: z.string().trim().min(1).max(80),
    /** By default `admin`; with `operations`, the lowest role that allows all of them. */
    role: Role.optional(),
    tableScope: z.array(z.string().min(1).max(200)).min(1).max(200).optional(),
    /**
     * Slugs of the only databases it has access to, or patterns such as `cust-*`. A branch has its own slug, and patterns don't
     * select branches. An admin token creates a database that fits a pattern with its first call.
     */
    databases: z.array(DatabaseSelector).min(1).max(100).optional(),
    /** Also gives access to the branches of the databases in `databases`. */
    branches: z.boolean().optional(),
    /**
     * Names of the only operations it can call, and groups: `read`, `write`, `schema`, `branches` and others. Operations that are
     * added to a group later are not included. A token that is limited to databases can also call operations of the
     * namespace that are listed.
     */
    operations: z.array(z.string().min(1).max(60)).min(1).max(200).optional(),
    /** Origins of web pages that can use it in browsers, for example `https://app.example.com`. Other pages are refused. */
    origins: Origins.optional(),
    claims: z
      .record(z.string().min(1).max(80), z.json())
      .refine((claims) => JSON.stringify(claims).length <= 4096, 'must be at most 4,096 characters of JSON')
      .optional(),
    /** Seconds until the token stops working. */
    expiresIn: z
      .int()
      .min(1)
      .max(10 * 365 * 86_400)
      .optional(),
  })
  .refine(({ branches, databases }) => branches === undefined || databases !== undefined, {
    path: ['branches'],
    message: 'must be sent together with "databases"',
  })
export type TokenRequest = z.infer<typeof TokenRequest>

const TokenId = z.string().min(1).max(40)

const filter = {
  /** Part of the name, or the ID; uppercase and lowercase ASCII letters are equal in names. */
  q: z.string().trim().min(1).max(100).optional(),
  /** ID of the token, or of the app's grant, that created the tokens. */
  parent: z.string().min(1).max(100).optional(),
  /** Slug of a database: tokens that are limited to databases, with this one among them. */
  database: Slug.optional(),
}

/** A filter of tokens. All given fields have to match. */
export type TokenFilter = z.infer<z.ZodObject<typeof filter>>

/** Operations on tokens. */
export const tokens = {
  list_tokens: operation({
    summary: "List the namespace's tokens, without secrets",
    route: 'GET /v1/tokens',
    scope: 'admin',
    scoped: true,
    pinned: true,
    console: { route: 'GET /api/namespaces/{ns}/tokens', role: 'admin' },
    input: z.strictObject({ ...paging, ...filter }),
    output: z.array(Token),
    meta: PageMeta,
  }),

  get_token: operation({
    summary: 'Get a token, without its secret',
    route: 'GET /v1/tokens/{id}',
    scope: 'admin',
    scoped: true,
    pinned: true,
    console: { route: 'GET /api/namespaces/{ns}/tokens/{id}', role: 'admin' },
    input: z.strictObject({ id: TokenId }),
    output: Token,
    errors: ['token_not_found'],
  }),

  create_token: operation({
    summary: 'Create a token with at most your own access; only this response contains its secret',
    route: 'POST /v1/tokens',
    scope: 'admin',
    scoped: true,
    pinned: true,
    console: { route: 'POST /api/namespaces/{ns}/tokens', role: 'admin' },
    input: TokenRequest,
    output: MintedToken,
    errors: ['exceeds_parent', 'database_not_found'],
  }),

  revoke_token: operation({
    summary: 'Revoke a token and the tokens it created; they stop working everywhere before the response is sent',
    route: 'DELETE /v1/tokens/{id}',
    scope: 'admin',
    scoped: true,
    pinned: true,
    console: { route: 'DELETE /api/namespaces/{ns}/tokens/{id}', role: 'admin' },
    input: z.strictObject({
      id: TokenId,
      /** `keep`: the tokens it created stay valid and become the caller's. The caller needs at least their access. */
      children: z.enum(['revoke', 'keep']).default('revoke'),
    }),
    output: z.object({
      revoked: z.literal(true),
      /** Number of tokens and unredeemed handoffs that were revoked with it. */
      alsoRevoked: z.int(),
    }),
    errors: ['token_not_found', 'exceeds_parent', 'not_for_scoped_token'],
  }),

  rotate_token: operation({
    summary:
      'Replace the secret of a token; the old secret stops working immediately, the token keeps its ID and access',
    route: 'POST /v1/tokens/{id}/rotate',
    scope: 'admin',
    scoped: true,
    pinned: true,
    console: { route: 'POST /api/namespaces/{ns}/tokens/{id}/rotate', role: 'admin' },
    input: z.strictObject({ id: TokenId }),
    output: MintedToken,
    errors: ['token_not_found', 'exceeds_parent', 'not_for_scoped_token'],
  }),

  get_me: operation({
    summary: 'Get the namespace, role and scope of the current token',
    route: 'GET /v1/me',
    scope: 'readonly',
    scoped: true,
    pinned: true,
    input: z.strictObject({}),
    output: z.object({
      namespaceSlug: Slug,
      namespaceId: z.string(),
      role: Role,
      tokenId: z.string(),
      /** Slug of the only database it has access to; `null` if there can be several. */
      database: z.string().nullable(),
      /** Ref of that database if it is a branch. */
      branch: z.string().nullable(),
      /** The same as `branch`. */
      branchRef: z.string().nullable(),
      /** URL for clients of the libSQL protocol if it has access to only one database; `null` otherwise. */
      libsqlUrl: z.url().nullable(),
      /** Slugs of the only databases it has access to; `null` if `select` has patterns or branches, or is `null` too. */
      databases: z.array(z.string()).nullable(),
      /** The databases it has access to; `null` for all of the namespace. */
      select: Selected.nullable(),
      tableScope: z.array(z.string()).nullable(),
      /** Names of the only operations it can call, besides `get_me`; `null` for all that its role allows. */
      operations: z.array(z.string()).nullable(),
      /** The origins of the only web pages that can use it; `null` if no page of another site can read its responses. */
      origins: z.array(z.string()).nullable(),
      expiresAt: Timestamp.nullable(),
    }),
  }),
}
