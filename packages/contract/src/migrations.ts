import * as z from 'zod'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { QueryMeta, SqlErrorDetail } from './query.ts'
import { Slug, Timestamp } from './values.ts'

const database = { ns: Slug, db: Slug }
const address = { ...database, id: z.string().min(1).max(40) }
const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => value.isWellFormed(), 'must be valid Unicode, without unpaired surrogates')
const Name = text(80).trim().min(1)
const Sql = text(50_000).min(1)

/** A statement of a migration: its number and start line, both from 1, and its first line of text. */
const ScriptStatement = z.object({ number: z.int(), line: z.int(), text: z.string() })
const failure = {
  code: z.string(),
  error: z.string(),
  errorDetail: SqlErrorDetail.optional(),
}

/** A migration: a draft, or applied. */
export const Migration = z.object({
  id: z.string(),
  name: z.string(),
  sql: z.string(),
  /** SHA-256 of `sql`, in hex. */
  checksum: z.string(),
  /** The number of statements. */
  statements: z.int(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  /** `null` for a draft. An applied migration can't be changed. */
  appliedAt: Timestamp.nullable(),
  /** `user:<id>` or `token:<id>`. */
  appliedBy: z.string().nullable(),
  durationMs: z.number().nullable(),
  /** The point-in-time recovery bookmark from before the migration, if the platform has them. */
  bookmark: z.string().nullable(),
  /** Whether it was applied in the database that this one was forked or branched from. */
  inherited: z.boolean().optional(),
  /** The error of the last attempt to apply this text. */
  error: z.object({ ...failure, at: Timestamp, failedStatement: ScriptStatement.optional() }).optional(),
})
export type Migration = z.infer<typeof Migration>

const ObjectName = z.object({ type: z.string(), name: z.string() })

/** The result of a dry run of a migration. */
export const MigrationTrial = z.object({
  ok: z.boolean(),
  /** The statements that ran, and the one that failed. */
  statements: z.array(
    ScriptStatement.extend({
      rowsRead: z.int(),
      rowsWritten: z.int(),
      error: z.object(failure).optional(),
    }),
  ),
  /** An error that only the end of the transaction reveals: a violated deferred foreign key. */
  error: z.object(failure).optional(),
  /** Tables, indexes, views and triggers. */
  schema: z.object({ added: z.array(ObjectName), removed: z.array(ObjectName), changed: z.array(ObjectName) }),
  /** The first 100 tables whose rows would change, including changes by triggers and foreign keys. */
  rows: z.array(
    z.object({
      table: z.string(),
      /** Number of rows before and after; `null` if the table doesn't exist. */
      before: z.int().nullable(),
      after: z.int().nullable(),
      /** Number of rows inserted, updated and deleted; `null` if several triggers or foreign keys changed rows. */
      changes: z.int().nullable(),
    }),
  ),
})
export type MigrationTrial = z.infer<typeof MigrationTrial>

const SchemaChange = z.object({
  id: z.int(),
  at: Timestamp,
  actor: z.string(),
  /** Its first 2,000 characters. */
  sql: z.string(),
  kind: z.enum(['create', 'alter', 'drop', 'other']),
  /** At most 100. */
  objects: z.array(
    ObjectName.extend({
      change: z.enum(['added', 'removed', 'changed', 'renamed']),
      /** The name before a rename. */
      from: z.string().optional(),
    }),
  ),
  /** The ID of the migration that contained the statement. */
  migrationId: z.string().nullable(),
})

const refusals = ['database_not_found'] as const
const draftRefusals = [
  ...refusals,
  'migration_applied',
  'migration_exists',
  'sql_error',
  'empty_statement',
  'statement_not_allowed',
] as const
const runRefusals = [
  ...refusals,
  'migration_not_found',
  'migration_applied',
  'sql_error',
  'statement_not_allowed',
  'empty_statement',
  'integer_out_of_range',
  'result_too_large',
  'table_protected',
  'table_unresolved',
  'query_timeout',
  'took_too_long',
  'quota_exceeded',
  'database_full',
] as const

/** Operations on migrations and the schema change log. */
export const migrations = {
  list_migrations: operation({
    summary: 'List migrations, newest first',
    route: 'GET /v1/db/{ns}/{db}/migrations',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/migrations', role: 'viewer' },
    input: z.strictObject({
      ...database,
      ...paging,
      /** Maximum number of migrations. Default: 100. `pageSize` overrides it. */
      limit: z.int().min(1).max(100).optional(),
      /** Only migrations older than the one with this ID. Can't be combined with `cursor`. */
      before: address.id.optional(),
    }),
    output: z.array(Migration),
    meta: PageMeta,
    errors: [...refusals, 'migration_not_found'],
  }),

  create_migration: operation({
    summary: 'Save a migration draft: statements separated by ";", checked for syntax',
    route: 'POST /v1/db/{ns}/{db}/migrations',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/migrations', role: 'editor' },
    input: z.strictObject({ ...database, name: Name, sql: Sql }),
    output: Migration,
    errors: [...draftRefusals, 'limit_reached'],
  }),

  update_migration: operation({
    summary: 'Update a migration draft',
    route: 'PATCH /v1/db/{ns}/{db}/migrations/{id}',
    scope: 'admin',
    console: { route: 'PATCH /api/namespaces/{ns}/databases/{db}/migrations/{id}', role: 'editor' },
    input: z.strictObject({ ...address, name: Name.optional(), sql: Sql.optional() }),
    output: Migration,
    errors: [...draftRefusals, 'migration_not_found'],
  }),

  delete_migration: operation({
    summary: 'Delete a migration draft',
    route: 'DELETE /v1/db/{ns}/{db}/migrations/{id}',
    scope: 'admin',
    console: { route: 'DELETE /api/namespaces/{ns}/databases/{db}/migrations/{id}', role: 'editor' },
    input: z.strictObject(address),
    output: z.object({ deleted: z.literal(true) }),
    errors: [...refusals, 'migration_not_found', 'migration_applied'],
  }),

  apply_migration: operation({
    summary: "Apply a migration draft in one transaction; it can't be changed afterwards",
    route: 'POST /v1/db/{ns}/{db}/migrations/{id}/apply',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/migrations/{id}/apply', role: 'admin' },
    input: z.strictObject(address),
    output: Migration,
    meta: QueryMeta,
    errors: [...runRefusals, 'conflict', 'approval_denied'],
  }),

  try_migration: operation({
    summary: "Dry-run a migration: report each statement's effect and the schema diff, then roll back",
    route: 'POST /v1/db/{ns}/{db}/migrations/{id}/try',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/migrations/{id}/try', role: 'editor' },
    input: z.strictObject(address),
    output: MigrationTrial,
    errors: runRefusals,
  }),

  list_schema_changes: operation({
    summary: 'List statements that changed the schema, newest first; the latest 1,000 are kept',
    route: 'GET /v1/db/{ns}/{db}/schema_changes',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/schema_changes', role: 'viewer' },
    input: z.strictObject({
      ...database,
      limit: z.int().min(1).max(500).default(100),
      /** Only changes with a lower ID. */
      before: z.int().min(1).optional(),
    }),
    output: z.array(SchemaChange),
    errors: refusals,
  }),
}
