import * as z from 'zod'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { QueryMeta, SqlErrorDetail } from './query.ts'
import { Moment, Slug } from './values.ts'

const database = { ns: Slug, db: Slug }
const address = { ...database, id: z.string().min(1).max(40) }
const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => value.isWellFormed(), 'must be valid Unicode, without unpaired surrogates')
const Name = text(80).trim().min(1)
const Sql = text(50_000).min(1)

/** A statement of a migration: its number and the line it begins on, both from 1, and its first line. */
const ScriptStatement = z.object({ number: z.int(), line: z.int(), text: z.string() })
const failure = {
  code: z.string(),
  error: z.string(),
  errorDetail: SqlErrorDetail.optional(),
}

/** Statements that change a database, as a draft or, once applied, for good. */
export const Migration = z.object({
  id: z.string(),
  name: z.string(),
  sql: z.string(),
  /** SHA-256 of `sql`, in hex. */
  checksum: z.string(),
  /** How many there are. */
  statements: z.int(),
  createdAt: Moment,
  updatedAt: Moment,
  /** `null`: a draft. What is applied stays as it is. */
  appliedAt: Moment.nullable(),
  /** `user:<id>` or `token:<id>`. */
  appliedBy: z.string().nullable(),
  durationMs: z.number().nullable(),
  /** The moment before, where the platform can go back to one. */
  bookmark: z.string().nullable(),
  /** Whether it was applied in the database that this one was forked or branched from. */
  inherited: z.boolean().optional(),
  /** Why the last attempt to apply this text failed. */
  error: z.object({ ...failure, at: Moment, failedStatement: ScriptStatement.optional() }).optional(),
})
export type Migration = z.infer<typeof Migration>

const ObjectName = z.object({ type: z.string(), name: z.string() })

/** What applying a migration would do. */
export const MigrationTrial = z.object({
  ok: z.boolean(),
  /** Those that ran, and the one that failed. */
  statements: z.array(
    ScriptStatement.extend({
      rowsRead: z.int(),
      rowsWritten: z.int(),
      error: z.object(failure).optional(),
    }),
  ),
  /** What only the whole can violate: foreign keys that were deferred. */
  error: z.object(failure).optional(),
  /** Tables, indexes, views and triggers. */
  schema: z.object({ added: z.array(ObjectName), removed: z.array(ObjectName), changed: z.array(ObjectName) }),
  /** The first 100 tables whose rows would be others, also those that triggers and foreign keys change. */
  rows: z.array(
    z.object({
      table: z.string(),
      /** Rows before and after; `null`: there is no such table. */
      before: z.int().nullable(),
      after: z.int().nullable(),
      /** Rows inserted, updated and deleted; `null`: some were, by several triggers or foreign keys at a time. */
      changes: z.int().nullable(),
    }),
  ),
})
export type MigrationTrial = z.infer<typeof MigrationTrial>

const SchemaChange = z.object({
  id: z.int(),
  at: Moment,
  actor: z.string(),
  /** Its first 2,000 characters. */
  sql: z.string(),
  kind: z.enum(['create', 'alter', 'drop', 'other']),
  /** At most 100. */
  objects: z.array(
    ObjectName.extend({
      change: z.enum(['added', 'removed', 'changed', 'renamed']),
      /** The name before it was renamed. */
      from: z.string().optional(),
    }),
  ),
  /** The migration it was part of. */
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
] as const

/** Operations on migrations and the schema change log. */
export const migrations = {
  list_migrations: operation({
    summary: 'List migrations, the newest first',
    route: 'GET /v1/db/{ns}/{db}/migrations',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/migrations', role: 'viewer' },
    input: z.strictObject({
      ...database,
      ...paging,
      /** Migrations in the answer, 100 by default. `pageSize` overrides it. */
      limit: z.int().min(1).max(100).optional(),
      /** Migrations older than the one with this id. Not together with `cursor`. */
      before: address.id.optional(),
    }),
    output: z.array(Migration),
    meta: PageMeta,
    errors: [...refusals, 'migration_not_found'],
  }),

  create_migration: operation({
    summary: 'Save a migration as a draft: statements separated by ";", checked for their syntax',
    route: 'POST /v1/db/{ns}/{db}/migrations',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/migrations', role: 'editor' },
    input: z.strictObject({ ...database, name: Name, sql: Sql }),
    output: Migration,
    errors: [...draftRefusals, 'limit_reached'],
  }),

  update_migration: operation({
    summary: 'Change a draft',
    route: 'PATCH /v1/db/{ns}/{db}/migrations/{id}',
    scope: 'admin',
    console: { route: 'PATCH /api/namespaces/{ns}/databases/{db}/migrations/{id}', role: 'editor' },
    input: z.strictObject({ ...address, name: Name.optional(), sql: Sql.optional() }),
    output: Migration,
    errors: [...draftRefusals, 'migration_not_found'],
  }),

  delete_migration: operation({
    summary: 'Delete a draft',
    route: 'DELETE /v1/db/{ns}/{db}/migrations/{id}',
    scope: 'admin',
    console: { route: 'DELETE /api/namespaces/{ns}/databases/{db}/migrations/{id}', role: 'editor' },
    input: z.strictObject(address),
    output: z.object({ deleted: z.literal(true) }),
    errors: [...refusals, 'migration_not_found', 'migration_applied'],
  }),

  apply_migration: operation({
    summary: 'Run a draft in one transaction, whole or not at all; from then on it stays as it is',
    route: 'POST /v1/db/{ns}/{db}/migrations/{id}/apply',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/migrations/{id}/apply', role: 'admin' },
    input: z.strictObject(address),
    output: Migration,
    meta: QueryMeta,
    errors: [...runRefusals, 'conflict', 'approval_denied'],
  }),

  try_migration: operation({
    summary: 'Run a draft, tell what each statement does and how the schema differs, and undo it all',
    route: 'POST /v1/db/{ns}/{db}/migrations/{id}/try',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/migrations/{id}/try', role: 'editor' },
    input: z.strictObject(address),
    output: MigrationTrial,
    errors: runRefusals,
  }),

  list_schema_changes: operation({
    summary: 'Read which statements changed the schema, the newest first; the newest 1,000 are kept',
    route: 'GET /v1/db/{ns}/{db}/schema_changes',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/schema_changes', role: 'viewer' },
    input: z.strictObject({
      ...database,
      limit: z.int().min(1).max(500).default(100),
      /** Changes older than the one with this id. */
      before: z.int().min(1).optional(),
    }),
    output: z.array(SchemaChange),
    errors: refusals,
  }),
}
