import * as z from 'zod'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { Moment, Slug } from './values.ts'

export const Database = z.object({
  id: z.string(),
  slug: Slug,
  name: z.string(),
  /** `provisioning`: rows are still being copied into it. */
  status: z.enum(['healthy', 'provisioning', 'deleting']),
  createdAt: Moment,
  /** Of a branch: its name in its parent. */
  branchRef: z.string().nullable(),
  /** The database it is a branch or a fork of, by the names that one had then. */
  forkedFrom: z.object({ id: z.string(), slug: Slug, name: z.string() }).nullable(),
  forkedAt: Moment.nullable(),
  /** When it deletes itself. */
  expiresAt: Moment.nullable(),
  /** Bytes of its rows and indexes, as they are billed. */
  storedBytes: z.int().nullable(),
  /** Rows in all its tables. */
  rows: z.int().nullable(),
  /** Of a large database rows are not counted but estimated from samples. */
  rowsAreEstimated: z.boolean(),
  /** When size and rows were measured: some seconds after what was written last; while much is written, each minute. */
  measuredAt: Moment.nullable(),
  /** When it was used last, give or take some seconds. */
  lastUsedAt: Moment.nullable(),
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
    errors: ['slug_taken', 'database_deleting'],
  }),

  get_database: operation({
    summary: 'Read one database',
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
    summary: 'Delete a database with all its data',
    route: 'DELETE /v1/databases/{slug}',
    scope: 'admin',
    console: { route: 'DELETE /api/namespaces/{ns}/databases/{slug}', role: 'admin' },
    input: z.strictObject({ slug: Slug }),
    output: z.object({ deleted: z.literal(true) }),
    errors: ['database_not_found'],
  }),
}
