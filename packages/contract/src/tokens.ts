import * as z from 'zod'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { Moment, Slug } from './values.ts'

/** What a token may do: `readonly` reads, `readwrite` also changes rows, `admin` everything. */
export const Role = z.enum(['readonly', 'readwrite', 'admin'])
export type Role = z.infer<typeof Role>

export const Token = z.object({
  id: z.string(),
  name: z.string(),
  role: Role,
  /** The only tables it may touch; `null` for all. */
  tableScope: z.array(z.string()).nullable(),
  claims: z.record(z.string(), z.json()).nullable(),
  /** The one database it opens, by its slug; `null` when it opens several. */
  database: z.string().nullable(),
  /** The only databases it opens, by their slugs; `null` for all of the namespace. */
  databases: z.array(z.string()).nullable(),
  /** First four and last four characters of the secret. */
  preview: z.string(),
  createdAt: Moment,
  expiresAt: Moment.nullable(),
  /** ID of the token, or of the app's grant, that created it and ends it; `null` if the namespace owns it. */
  mintedBy: z.string().nullable(),
  /** Number of tokens and unredeemed handoffs that end with it. */
  descendants: z.int(),
})
export type Token = z.infer<typeof Token>

export const MintedToken = Token.extend({
  /** The secret: shown here and never again. */
  token: z.string(),
})
export type MintedToken = z.infer<typeof MintedToken>

/**
 * The access of a new token. A token that creates another gives at most its own access: `tableScope`, `databases` and
 * expiry are inherited if left out, and `claims` are always inherited.
 */
export const TokenRequest = z.strictObject({
  name: z.string().trim().min(1).max(80),
  role: Role.default('admin'),
  tableScope: z.array(z.string().min(1).max(200)).min(1).max(200).optional(),
  /** Slugs of the only databases it opens. A branch has a slug of its own. */
  databases: z.array(Slug).min(1).max(100).optional(),
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
export type TokenRequest = z.infer<typeof TokenRequest>

const TokenId = z.string().min(1).max(40)

/** Operations on tokens. */
export const tokens = {
  list_tokens: operation({
    summary: 'List the tokens of the namespace, without their secrets',
    route: 'GET /v1/tokens',
    scope: 'admin',
    scoped: true,
    pinned: true,
    console: { route: 'GET /api/namespaces/{ns}/tokens', role: 'admin' },
    input: z.strictObject(paging),
    output: z.array(Token),
    meta: PageMeta,
  }),

  create_token: operation({
    summary: 'Create a token with at most the access of the caller; only this response contains the secret',
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
    summary: 'Revoke a token and the tokens it created. Once this returns, they are refused everywhere',
    route: 'DELETE /v1/tokens/{id}',
    scope: 'admin',
    scoped: true,
    pinned: true,
    console: { route: 'DELETE /api/namespaces/{ns}/tokens/{id}', role: 'admin' },
    input: z.strictObject({
      id: TokenId,
      /** `keep`: the tokens that it created stay, as tokens of the caller. The caller needs at least their access. */
      children: z.enum(['revoke', 'keep']).default('revoke'),
    }),
    output: z.object({
      revoked: z.literal(true),
      /** Number of tokens and unredeemed handoffs that ended with it. */
      alsoRevoked: z.int(),
    }),
    errors: ['token_not_found', 'exceeds_parent'],
  }),

  rotate_token: operation({
    summary: 'Replace the secret of a token. The old secret is refused immediately; ID, access and descendants stay',
    route: 'POST /v1/tokens/{id}/rotate',
    scope: 'admin',
    scoped: true,
    pinned: true,
    console: { route: 'POST /api/namespaces/{ns}/tokens/{id}/rotate', role: 'admin' },
    input: z.strictObject({ id: TokenId }),
    output: MintedToken,
    errors: ['token_not_found', 'exceeds_parent'],
  }),

  get_me: operation({
    summary: 'Describe the token of the caller: its namespace, role and what it opens',
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
      /** Slug of the only database it opens; `null` if it opens several. */
      database: z.string().nullable(),
      /** Ref of that database if it is a branch. */
      branch: z.string().nullable(),
      /** Slugs of the only databases it opens; `null` for all. */
      databases: z.array(z.string()).nullable(),
      tableScope: z.array(z.string()).nullable(),
      expiresAt: Moment.nullable(),
    }),
  }),
}
