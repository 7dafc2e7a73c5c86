import * as z from 'zod'
import { operation } from './operation.ts'
import { QueryMeta } from './query.ts'
import { Slug, Timestamp } from './values.ts'

const address = { ns: Slug, db: Slug }
const TableName = z.string().min(1).max(200)

/** Operations that export and import data. */
export const transfer = {
  export_database: operation({
    summary: 'Export a database as an SQL dump or SQLite file, or one table as CSV or NDJSON',
    route: 'GET /v1/db/{ns}/{db}/export',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/export', role: 'viewer' },
    input: z.strictObject({
      ...address,
      format: z.enum(['sql', 'sqlite', 'csv', 'ndjson']).default('sql'),
      /** The table to export, for csv and ndjson. */
      table: TableName.optional(),
    }),
    /** The internal copy that the Worker streams. */
    output: z.object({ snapshot: z.string() }),
    stream: 'application/sql',
    errors: [
      'database_not_found',
      'table_not_found',
      'table_protected',
      'table_out_of_scope',
      'not_for_scoped_token',
      'copy_impossible',
      'copy_cut_off',
      'took_too_long',
      'file_impossible',
      'text_not_utf8',
      'too_busy',
    ],
  }),

  import_database: operation({
    summary: 'Import an SQL dump or SQLite file, or CSV or NDJSON into one table; all-or-nothing',
    route: 'POST /v1/db/{ns}/{db}/import',
    scope: 'admin',
    scoped: true,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/import', role: 'admin' },
    /** In the query string, because the body is the file. */
    input: z.strictObject({
      ...address,
      /** Default: detected from the media type, name or first bytes of the file. */
      format: z.enum(['sql', 'sqlite', 'csv', 'ndjson']).optional(),
      /** The target table, for csv and ndjson. */
      table: TableName.optional(),
      /** Whether to create the table, with column types detected from the data. */
      create: z.enum(['0', '1', 'true', 'false']).default('0'),
    }),
    upload: ['application/sql', 'application/vnd.sqlite3', 'text/csv', 'application/x-ndjson'],
    output: z.object({
      id: z.string(),
      /** Number of statements that ran; 0 for CSV and NDJSON. */
      statements: z.int(),
      /** Number of rows that were inserted, changed or deleted. */
      rows: z.int(),
      tables: z.array(z.string()),
      bytes: z.int(),
      /** The time that other calls waited. */
      durationMs: z.number(),
    }),
    meta: QueryMeta,
    errors: [
      'import_failed',
      'sqlite_file_refused',
      'import_under_way',
      'too_busy',
      'import_cut_off',
      'took_too_long',
      'statement_not_allowed',
      'database_not_found',
      'table_not_found',
      'table_exists',
      'table_protected',
      'table_out_of_scope',
      'table_unresolved',
      'approval_denied',
      'quota_exceeded',
      'database_full',
      'idempotency_mismatch',
      'replay_dropped',
    ],
  }),

  get_import: operation({
    summary: 'Get the progress of the current import, or the result of the last one',
    route: 'GET /v1/db/{ns}/{db}/import',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/import', role: 'viewer' },
    input: z.strictObject(address),
    output: z.object({
      import: z
        .object({
          id: z.string(),
          /** The database serves calls while `receiving`; all calls, including this one, wait while `applying`. */
          state: z.enum(['receiving', 'applying', 'done', 'failed']),
          /** Bytes received, and the total if the sender declared it. */
          bytes: z.int(),
          totalBytes: z.int().nullable(),
          /** Rows read from the file; while `applying`, rows written to the tables. */
          rows: z.int(),
          startedAt: Timestamp,
          endedAt: Timestamp.optional(),
          error: z.string().optional(),
        })
        .nullable(),
    }),
    errors: ['database_not_found'],
  }),
}
