import * as z from 'zod'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { Slug, Timestamp } from './values.ts'

export const Database = z.object({
  id: z.string(),
  slug: Slug,
  name: z.string(),
  /** `provisioning` while rows are being copied into it; `damaged` if its file is damaged, missing or outdated. */
  status: z.enum(['healthy', 'provisioning', 'damaged', 'deleting']),
  createdAt: Timestamp,
  /** For a branch, its name in the parent. */
  branchRef: z.string().nullable(),
  /** The database it was branched or forked from, with its names at that time. */
  forkedFrom: z.object({ id: z.string(), slug: Slug, name: z.string() }).nullable(),
  forkedAt: Timestamp.nullable(),
  /** The time at which it is deleted automatically. */
  expiresAt: Timestamp.nullable(),
  /** Billed bytes of rows and indexes, without those of snapshots. */
  storedBytes: z.int().nullable(),
  /** Number of rows in all tables. */
  rows: z.int().nullable(),
  /** Whether `rows` is estimated from samples, as for large databases. */
  rowsAreEstimated: z.boolean(),
  /** The time of the last measurement: a few seconds after the last write, or every minute under constant writes. */
  measuredAt: Timestamp.nullable(),
  /** The time of last use, accurate to a few seconds. */
  lastUsedAt: Timestamp.nullable(),
})
export type Database = z.infer<typeof Database>

/** Operations on the databases of a namespace. */
export const databases = {
  list_databases: operation({
    summary: 'List the databases of the namespace',
    route: 'GET /v1/databases',
    scope: 'readonly',
    pinned: true,
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases', role: 'viewer' },
    input: z.strictObject(paging),
    output: z.array(Database),
    meta: PageMeta,
  }),

  create_database: operation({
    summary: 'Create a database',
    route: 'POST /v1/databases',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases', role: 'editor' },
    input: z.strictObject({ slug: Slug, name: z.string().trim().min(1).max(80).optional() }),
    output: Database,
    errors: ['slug_taken', 'database_deleting', 'too_many_databases'],
  }),

  get_database: operation({
    summary: 'Get a database',
    route: 'GET /v1/databases/{slug}',
    scope: 'readonly',
    pinned: true,
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{slug}', role: 'viewer' },
    input: z.strictObject({ slug: Slug }),
    output: Database,
    errors: ['database_not_found'],
  }),

  delete_database: operation({
    summary: 'Delete a database and all its data',
    route: 'DELETE /v1/databases/{slug}',
    scope: 'admin',
    console: { route: 'DELETE /api/namespaces/{ns}/databases/{slug}', role: 'admin' },
    input: z.strictObject({ slug: Slug }),
    output: z.object({ deleted: z.literal(true) }),
    errors: ['database_not_found'],
  }),
}
