import * as z from 'zod'
import { operation } from './operation.ts'
import { AutomaticSnapshot } from './snapshots.ts'
import { Blob, Int64, Params, Slug, Value } from './values.ts'

const address = { ns: Slug, db: Slug }

/** An expected count: exact, or within bounds. */
const Count = z.union([
  z.int().min(0),
  z
    .strictObject({ min: z.int().min(0).optional(), max: z.int().min(0).optional() })
    .refine((range) => range.min !== undefined || range.max !== undefined, 'must have min, max or both'),
])

/** One statement with its parameters. */
export const Statement = z.strictObject({ sql: z.string().min(1), params: Params.default([]) })

/** A statement of a batch. The batch fails with 409 if its counts differ from `expect`. */
export const BatchStatement = z.strictObject({
  ...Statement.shape,
  expect: z.strictObject({ rows: Count.optional(), rowsWritten: Count.optional() }).optional(),
})

export const MAX_STATEMENTS = 100

/** The limits of a script. */
export const MAX_SCRIPT_STATEMENTS = 1_000
export const MAX_SCRIPT_CHARACTERS = 1_000_000

/** The form of results, for all statements of a call. */
export const ResultFormat = {
  /**
   * The form of INTEGER values and `lastInsertRowid`: a `number`, or exact at any size as decimal `text` or as an `object`
   * `{"int64": "…"}`. By default they are numbers, and integers beyond ±(2^53 − 1) are refused.
   */
  int64: z.enum(['number', 'text', 'object']).optional(),
  /** `objects`: each row is an object by column name. By default it is an array. */
  rows: z.literal('objects').optional(),
}

/** Returns the schema of a value that has another form on request. Its type is that of the default form. */
const byDefault = <T extends z.ZodType>(_standard: T, all: z.ZodType): T => all as unknown as T

/** A value in the form of any `int64`. */
const AnyValue = z.union([z.string(), z.number(), z.null(), Blob, Int64])

export const QueryResult = z.object({
  columns: z.array(z.string()),
  /** Arrays, or objects with `"rows": "objects"`. */
  rows: byDefault(
    z.array(z.array(Value)),
    z.union([z.array(z.array(AnyValue)), z.array(z.record(z.string(), AnyValue))]),
  ),
  rowsRead: z.int(),
  rowsWritten: z.int(),
  /** Rows that INSERT, UPDATE or DELETE changed, without index entries; absent for reads. */
  changes: z.int().optional(),
  /** Rowid of the last inserted row, in the form of `int64`; absent for other statements. */
  lastInsertRowid: byDefault(z.int(), z.union([z.int(), z.string(), Int64])).optional(),
})

/** The cost of a call, next to `data` in the response. */
export const QueryMeta = z.object({
  rowsRead: z.int(),
  rowsWritten: z.int(),
  durationMs: z.number(),
  statementCount: z.int(),
  /** Exact: a whole number of nano-dollars. */
  costUsd: z.number(),
  ...AutomaticSnapshot.shape,
})

/** The cause of an SQL error in machine-readable form. */
export const SqlErrorDetail = z.object({
  kind: z.enum([
    'unique_violation',
    'not_null_violation',
    'fk_violation',
    'check_violation',
    'unknown_table',
    'unknown_column',
    'syntax_error',
    'type_mismatch',
    'database_locked',
    'too_many_params',
    'too_few_params',
    'limit_exceeded',
    'not_available',
    'readonly',
    'unknown',
  ]),
  message: z.string(),
  table: z.string().optional(),
  column: z.string().optional(),
  columns: z.array(z.object({ table: z.string(), column: z.string() })).optional(),
  constraint: z.string().optional(),
  near: z.string().optional(),
  hint: z.string().optional(),
})
export type SqlErrorDetail = z.infer<typeof SqlErrorDetail>

/** The errors of a long read that its caller can cancel, besides those of every call to a database. */
export const longReadErrors = ['query_canceled', 'too_busy'] as const

/** The errors of every call that runs a statement. */
export const statementErrors = [
  'sql_error',
  'multiple_statements',
  'empty_statement',
  'statement_not_allowed',
  'statement_too_long',
  'integer_out_of_range',
  'duplicate_column',
  'result_too_large',
  'role_insufficient',
  'table_out_of_scope',
  'table_protected',
  'table_unresolved',
  'query_timeout',
  ...longReadErrors,
  'database_not_found',
] as const

/** The errors of a write to a protected table. */
export const writeErrors = [
  'approval_denied',
  'approval_required',
  'limit_reached',
  'database_suspended',
  'long_writes_suspended',
  'quota_exceeded',
  'database_full',
  // The snapshot before a destructive statement.
  'took_too_long',
] as const

/** Operations that run, check and explain SQL. */
export const query = {
  query: operation({
    summary: 'Run one SQL statement',
    route: 'POST /v1/db/{ns}/{db}/query',
    scope: 'readonly',
    scoped: true,
    parsedBy: 'database',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/query', role: 'viewer' },
    input: z.strictObject({ ...address, ...Statement.shape, ...ResultFormat }),
    output: QueryResult,
    meta: QueryMeta,
    errors: [...statementErrors, ...writeErrors, 'idempotency_mismatch', 'replay_dropped'],
  }),

  batch: operation({
    summary: 'Run up to 100 SQL statements, in one transaction or one by one',
    route: 'POST /v1/db/{ns}/{db}/batch',
    scope: 'readonly',
    scoped: true,
    parsedBy: 'database',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/batch', role: 'viewer' },
    input: z.strictObject({
      ...address,
      statements: z.array(BatchStatement).min(1).max(MAX_STATEMENTS),
      transaction: z.boolean().default(false),
      ...ResultFormat,
    }),
    output: z.array(QueryResult),
    meta: QueryMeta,
    errors: [...statementErrors, ...writeErrors, 'idempotency_mismatch', 'replay_dropped', 'expectation_failed'],
  }),

  script: operation({
    summary: 'Run an SQL script of up to 1,000 statements, in one transaction or one by one',
    route: 'POST /v1/db/{ns}/{db}/script',
    scope: 'readonly',
    scoped: true,
    parsedBy: 'database',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/script', role: 'viewer' },
    /** One by one, the script can begin and commit transactions. A script has no parameters. */
    input: z.strictObject({
      ...address,
      sql: z.string().min(1).max(MAX_SCRIPT_CHARACTERS),
      transaction: z.boolean().default(false),
      ...ResultFormat,
    }),
    /** The result of each statement, with its number and its first line in the text, both from 1. */
    output: z.array(QueryResult.extend({ number: z.int(), line: z.int() })),
    meta: QueryMeta,
    errors: [
      ...statementErrors.filter((code) => code !== 'multiple_statements'),
      ...writeErrors,
      'approval_in_transaction',
      'transaction_busy',
      'transaction_conflict',
      'transaction_too_long',
      'idempotency_mismatch',
      'replay_dropped',
    ],
  }),

  cancel_query: operation({
    summary: 'Cancel a long read by its request ID, as its caller or as an admin',
    route: 'DELETE /v1/db/{ns}/{db}/queries/{id}',
    scope: 'readonly',
    scoped: true,
    console: { route: 'DELETE /api/namespaces/{ns}/databases/{db}/queries/{id}', role: 'viewer' },
    /** `id`: the `X-Request-Id` header of the call that runs the read. */
    input: z.strictObject({
      ...address,
      id: z.string().min(1).max(128),
      /**
       * Whether to return `canceled: false` instead of `query_not_found` if the read isn't running, for example because it
       * has ended.
       */
      allowMissing: z.boolean().default(false),
    }),
    output: z.object({ canceled: z.boolean() }),
    errors: ['database_not_found', 'query_not_found'],
  }),

  list_tables: operation({
    summary: 'List tables with row counts',
    route: 'GET /v1/db/{ns}/{db}/tables',
    scope: 'readonly',
    scoped: true,
    parsedBy: 'database',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/tables', role: 'viewer' },
    input: z.strictObject(address),
    /** `rowCount` is `null` for a virtual table that can't be read. */
    output: z.array(z.object({ name: z.string(), rowCount: z.int().nullable() })),
    errors: ['database_not_found', ...longReadErrors],
  }),

  validate: operation({
    summary: 'Check a statement and its parameters without running it',
    route: 'POST /v1/db/{ns}/{db}/validate',
    scope: 'readonly',
    scoped: true,
    parsedBy: 'database',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/validate', role: 'viewer' },
    input: z.strictObject({ ...address, ...Statement.shape }),
    output: z.object({ ok: z.boolean(), error: z.string().optional(), errorDetail: SqlErrorDetail.optional() }),
    errors: ['integer_out_of_range', 'statement_too_long', 'database_not_found'],
  }),

  explain: operation({
    summary: "Get a statement's query plan and the tables it would read and write, without running it",
    route: 'POST /v1/db/{ns}/{db}/explain',
    scope: 'readonly',
    scoped: true,
    parsedBy: 'database',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/explain', role: 'viewer' },
    input: z.strictObject({ ...address, ...Statement.shape }),
    output: z.object({
      plan: z.array(z.object({ id: z.int(), parent: z.int(), detail: z.string() })),
      kind: z.enum(['read', 'write', 'schema']),
      reads: z.array(z.string()),
      writes: z.array(z.string()),
    }),
    errors: statementErrors,
  }),

  get_schema: operation({
    summary: 'Get the schema: tables with columns, indexes and foreign keys, views and triggers',
    route: 'GET /v1/db/{ns}/{db}/schema',
    scope: 'readonly',
    scoped: true,
    parsedBy: 'database',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/schema', role: 'viewer' },
    input: z.strictObject(address),
    output: z.object({
      tables: z.array(
        z.object({
          name: z.string(),
          sql: z.string(),
          columns: z.array(
            z.object({
              name: z.string(),
              type: z.string(),
              notNull: z.boolean(),
              default: z.string().nullable(),
              primaryKey: z.int(),
              generated: z.boolean(),
            }),
          ),
          indexes: z.array(
            z.object({
              name: z.string(),
              unique: z.boolean(),
              columns: z.array(z.string()),
              sql: z.string().nullable(),
            }),
          ),
          foreignKeys: z.array(
            z.object({
              column: z.string(),
              table: z.string(),
              to: z.string().nullable(),
              onDelete: z.string(),
              onUpdate: z.string(),
            }),
          ),
        }),
      ),
      views: z.array(z.object({ name: z.string(), sql: z.string() })),
      triggers: z.array(z.object({ name: z.string(), table: z.string(), sql: z.string() })),
    }),
    errors: ['database_not_found'],
  }),
}
