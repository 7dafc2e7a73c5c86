import * as z from 'zod'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { Slug, Timestamp } from './values.ts'

/** The locations that a database can be created near. `auto`: near its first use. */
export const Region = z.enum(['auto', 'wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'])
export type Region = z.infer<typeof Region>

/** The maximum number of labels of a database. */
export const MAX_LABELS = 20
const LabelKey = z
  .string()
  .regex(
    /^[a-z][a-z0-9_.-]{0,39}$/,
    'must start with a lowercase letter, followed by up to 39 lowercase letters, digits or any of _ . -',
  )
const LabelValue = z
  .string()
  .max(80)
  .refine((value) => value.isWellFormed(), 'must not contain unpaired surrogates')

/** Labels of a database by key. */
export const Labels = z
  .record(LabelKey, LabelValue)
  .refine((labels) => Object.keys(labels).length <= MAX_LABELS, `must have at most ${MAX_LABELS} labels`)
export type Labels = z.infer<typeof Labels>

/** Changes of labels by key; `null` deletes a label. */
const LabelChanges = z
  .record(LabelKey, LabelValue.nullable())
  .refine((labels) => Object.keys(labels).length <= 2 * MAX_LABELS, `must have at most ${2 * MAX_LABELS} keys`)

const Name = z.string().trim().min(1).max(80)
const Description = z.string().trim().max(500)
const MaxBytes = z.int().min(1024 * 1024)
const TtlDays = z.int().min(1).max(365)

export const Database = z.object({
  id: z.string(),
  slug: Slug,
  name: z.string(),
  description: z.string().nullable(),
  /** Visible to every token that has access to the database. */
  labels: Labels,
  /** Whether the database can't be deleted until this is `false`. */
  deleteProtected: z.boolean(),
  /** The location that was requested; `null` for any. */
  region: Region.exclude(['auto']).nullable(),
  /** The bytes that the database can store, below the quotas of the namespace; `null` for no limit of its own. */
  maxBytes: z.int().nullable(),
  /** `fork` and `branch`: with the content of another database. */
  createdFrom: z.enum(['empty', 'fork', 'branch']),
  /** `token:<id>`, `user:<id>` or `operator`; `null` if unknown. */
  createdBy: z.string().nullable(),
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
  /**
   * The structure of all tables, indexes, views and triggers: equal for schemas that behave alike. `null` until the first
   * measurement, and for a schema that is too large.
   */
  schemaHash: z.string().nullable(),
  /** The migration that was applied last, and the number of applied ones; `null` without one. */
  migration: z.object({ name: z.string(), appliedAt: Timestamp, count: z.int() }).nullable(),
})
export type Database = z.infer<typeof Database>

/** The orders of the list of databases. A minus sorts in descending order; databases without a value come last. */
export const DatabaseSort = z.enum(['slug', '-createdAt', '-lastUsedAt', '-storedBytes', '-rows'])
export type DatabaseSort = z.infer<typeof DatabaseSort>

const filter = {
  /** Part of the slug or the name; uppercase and lowercase ASCII letters are equal. */
  q: z.string().trim().min(1).max(100).optional(),
  /** The start of the slug. */
  prefix: Slug.optional(),
  /** Default: `include`. */
  branches: z.enum(['include', 'only', 'none']).optional(),
  /** The slug of an existing database, or the ID of any database. */
  forkedFrom: z.string().min(1).max(100).optional(),
  status: Database.shape.status.optional(),
  createdFrom: Database.shape.createdFrom.optional(),
  /** Databases that weren't used since then; for databases that were never used, the time of creation counts. */
  usedBefore: Timestamp.optional(),
  expiringBefore: Timestamp.optional(),
}

/** A filter of databases. All given fields have to match. */
export interface DatabaseFilter extends z.infer<z.ZodObject<typeof filter>> {
  /** All of these labels have to match. */
  readonly labels?: Labels | undefined
}

/** Operations on the databases of a namespace. */
export const databases = {
  list_databases: operation({
    summary: 'List the databases of the namespace',
    route: 'GET /v1/databases',
    scope: 'readonly',
    pinned: true,
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases', role: 'viewer' },
    input: z.strictObject({
      /** Items on a page. Without any field, the first 1,000; otherwise 100. */
      pageSize: paging.pageSize,
      cursor: paging.cursor,
      /** Another name of `pageSize`. */
      limit: paging.pageSize,
      /** Default: `slug`. A cursor is only valid with the same order. */
      sort: DatabaseSort.optional(),
      /** Labels that all have to match, such as `plan:pro,region:eu`. In a value, a backslash escapes a comma. */
      labels: z.string().min(1).max(3_000).optional(),
      ...filter,
    }),
    output: z.array(Database),
    meta: PageMeta,
  }),

  create_database: operation({
    summary: 'Create a database',
    route: 'POST /v1/databases',
    scope: 'admin',
    pinned: 'pattern',
    console: { route: 'POST /api/namespaces/{ns}/databases', role: 'editor' },
    input: z.strictObject({
      slug: Slug,
      /** Default: the slug. */
      name: Name.optional(),
      description: Description.nullable().optional(),
      labels: Labels.optional(),
      deleteProtected: z.boolean().optional(),
      /** Days until the database is deleted automatically. */
      ttlDays: TtlDays.optional(),
      expiresAt: Timestamp.optional(),
      /** The bytes that the database can store, at least 1 MiB. */
      maxBytes: MaxBytes.nullable().optional(),
      /** A hint. Ignored on a single machine. */
      region: Region.optional(),
    }),
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

  update_database: operation({
    summary: 'Change the name, labels, limit, expiry or protection of a database',
    route: 'PATCH /v1/databases/{slug}',
    scope: 'admin',
    pinned: true,
    console: { route: 'PATCH /api/namespaces/{ns}/databases/{slug}', role: 'admin' },
    input: z.strictObject({
      slug: Slug,
      name: Name.optional(),
      description: Description.nullable().optional(),
      /** Changes the labels with these keys; `null` deletes one. */
      labels: LabelChanges.optional(),
      deleteProtected: z.boolean().optional(),
      /** Days until the database is deleted automatically; `null` for never. */
      ttlDays: TtlDays.nullable().optional(),
      /** `null` for never. */
      expiresAt: Timestamp.nullable().optional(),
      /** The bytes that the database can store, at least 1 MiB; `null` for no limit of its own. */
      maxBytes: MaxBytes.nullable().optional(),
    }),
    output: Database,
    errors: ['database_not_found'],
  }),

  delete_database: operation({
    summary: 'Delete a database and all its data',
    route: 'DELETE /v1/databases/{slug}',
    scope: 'admin',
    pinned: 'pattern',
    console: { route: 'DELETE /api/namespaces/{ns}/databases/{slug}', role: 'admin' },
    input: z.strictObject({ slug: Slug }),
    output: z.object({ deleted: z.literal(true) }),
    errors: ['database_not_found', 'delete_protected'],
  }),
}
