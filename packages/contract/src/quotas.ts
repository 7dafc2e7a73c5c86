import * as z from 'zod'
import { operation } from './operation.ts'
import { MAX_QUOTA, quotaNames } from './quota-limits.ts'
import { Slug } from './values.ts'

/** The limit of a namespace on what it, or each of its databases, can hold or do at one time. */
export const Quota = z.object({
  name: z.enum(quotaNames),
  /** Whether the limit applies to the whole namespace or to each of its databases. */
  scope: z.enum(['namespace', 'database']),
  unit: z.enum(['count', 'bytes']),
  limit: z.int(),
  /** The limit of namespaces for which the operator set no other limit. */
  default: z.int(),
  /** The current use. For a limit per database, the highest use of a database. `null` if only databases know it. */
  used: z.int().nullable(),
  /** The database with the highest use. */
  database: Slug.nullable(),
})
export type Quota = z.infer<typeof Quota>

/** Operations on the quotas of a namespace. */
export const quotaOperations = {
  list_quotas: operation({
    summary: 'List the quotas of the namespace with their limits and current use',
    route: 'GET /v1/quotas',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/quotas', role: 'viewer' },
    billed: false,
    input: z.strictObject({}),
    output: z.array(Quota),
  }),

  list_namespace_quotas: operation({
    summary: 'List the quotas of a namespace, as its operator',
    route: 'GET /api/operator/namespaces/{ns}/quotas',
    scope: 'operator',
    input: z.strictObject({ ns: Slug }),
    output: z.array(Quota),
    errors: ['namespace_not_found'],
  }),

  set_namespace_quota: operation({
    summary: 'Set the limit of a quota of a namespace; null restores the default',
    route: 'PUT /api/operator/namespaces/{ns}/quotas/{quota}',
    scope: 'operator',
    input: z.strictObject({ ns: Slug, quota: z.enum(quotaNames), limit: z.int().min(0).max(MAX_QUOTA).nullable() }),
    output: Quota,
    errors: ['namespace_not_found'],
  }),
}
