import * as z from 'zod'
import { operation } from './operation.ts'
import { MintedToken } from './tokens.ts'
import { Slug } from './values.ts'

export const create_namespace = operation({
  summary: 'Make sure a namespace and a database exist, and mint an admin token for them',
  route: 'POST /api/operator/namespaces',
  scope: 'operator',
  input: z.strictObject({ slug: Slug, database: Slug, tokenName: z.string().trim().min(1).max(80) }),
  output: z.object({
    namespace: z.object({ id: z.string(), slug: Slug }),
    database: z.object({ slug: Slug }),
    token: MintedToken,
    created: z.boolean(),
  }),
})

export const list_namespaces = operation({
  summary: 'List the namespaces of this instance',
  route: 'GET /api/operator/namespaces',
  scope: 'operator',
  input: z.strictObject({}),
  output: z.array(z.object({ id: z.string(), slug: Slug, createdAt: z.iso.datetime() })),
})
