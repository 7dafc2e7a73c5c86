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
})
export type Token = z.infer<typeof Token>

export const MintedToken = Token.extend({
  /** The secret: shown here and never again. */
  token: z.string(),
})
export type MintedToken = z.infer<typeof MintedToken>

/** What minting a token takes. */
export const TokenRequest = z.strictObject({
  name: z.string().trim().min(1).max(80),
  role: Role.default('admin'),
  tableScope: z.array(z.string().min(1).max(200)).min(1).max(200).optional(),
  claims: z
    .record(z.string().min(1).max(80), z.json())
    .refine((claims) => JSON.stringify(claims).length <= 4096, 'keep claims within 4096 characters')
    .optional(),
  /** Seconds until the token stops working. */
  expiresIn: z
    .int()
    .min(1)
    .max(10 * 365 * 86_400)
    .optional(),
})
export type TokenRequest = z.infer<typeof TokenRequest>

export const list_tokens = operation({
  summary: 'List the tokens of the namespace, without their secrets',
  route: 'GET /v1/tokens',
  scope: 'admin',
  console: { route: 'GET /api/namespaces/{ns}/tokens', role: 'admin' },
  input: z.strictObject(paging),
  output: z.array(Token),
  meta: PageMeta,
})

export const create_token = operation({
  summary: 'Mint a token; the secret is in this answer only',
  route: 'POST /v1/tokens',
  scope: 'admin',
  console: { route: 'POST /api/namespaces/{ns}/tokens', role: 'admin' },
  input: TokenRequest,
  output: MintedToken,
})

export const revoke_token = operation({
  summary: 'Revoke a token: from the answer on it is refused everywhere',
  route: 'DELETE /v1/tokens/{id}',
  scope: 'admin',
  console: { route: 'DELETE /api/namespaces/{ns}/tokens/{id}', role: 'admin' },
  input: z.strictObject({ id: z.string().min(1).max(40) }),
  output: z.object({ revoked: z.literal(true) }),
  errors: ['token_not_found'],
})

export const get_me = operation({
  summary: 'Tell which namespace and token this is',
  route: 'GET /v1/me',
  scope: 'readonly',
  input: z.strictObject({}),
  output: z.object({ namespaceSlug: Slug, namespaceId: z.string(), role: Role, tokenId: z.string() }),
})
