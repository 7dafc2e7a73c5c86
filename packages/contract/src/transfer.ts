import * as z from 'zod'
import { operation } from './operation.ts'
import { QueryMeta } from './query.ts'
import { Moment, Slug } from './values.ts'

const address = { ns: Slug, db: Slug }
const TableName = z.string().min(1).max(200)

/** Operations that export and import data. */
export const transfer = {
  export_database: operation({
    summary: 'Download the database as an SQL dump or as a SQLite file, or one table as CSV or NDJSON',
    route: 'GET /v1/db/{ns}/{db}/export',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/export', role: 'viewer' },
    input: z.strictObject({
      ...address,
      format: z.enum(['sql', 'sqlite', 'csv', 'ndjson']).default('sql'),
      /** The table to be given, for csv and ndjson. */
      table: TableName.optional(),
    }),
    /** What the Worker gets: the copy out of which it streams. */
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
    ],
  }),

  import_database: operation({
    summary: 'Import a file: an SQL dump or a SQLite file, or CSV or NDJSON into one table; wholly, or not at all',
    route: 'POST /v1/db/{ns}/{db}/import',
    scope: 'admin',
    scoped: true,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/import', role: 'admin' },
    /** These travel in the query string: the body is the file. */
    input: z.strictObject({
      ...address,
      /** Found by the type, the name or the first bytes of the file when it is not given. */
      format: z.enum(['sql', 'sqlite', 'csv', 'ndjson']).optional(),
      /** Where the rows go, for csv and ndjson. */
      table: TableName.optional(),
      /** Make the table; the types of its columns are found from the data. */
      create: z.enum(['0', '1', 'true', 'false']).default('0'),
    }),
    upload: ['application/sql', 'application/vnd.sqlite3', 'text/csv', 'application/x-ndjson'],
    output: z.object({
      id: z.string(),
      /** Statements of the file that ran; rows of CSV and NDJSON are none. */
      statements: z.int(),
      /** Rows that were inserted, changed or deleted by the file. */
      rows: z.int(),
      tables: z.array(z.string()),
      bytes: z.int(),
      /** Of the time in which others waited. */
      durationMs: z.number(),
    }),
    meta: QueryMeta,
    errors: [
      'import_failed',
      'sqlite_file_refused',
      'import_under_way',
      'import_cut_off',
      'took_too_long',
      'statement_not_allowed',
      'database_not_found',
      'table_not_found',
      'table_exists',
      'table_protected',
      'table_out_of_scope',
      'table_unresolved',
      'idempotency_mismatch',
    ],
  }),

  get_import: operation({
    summary: 'See how far the import is that is under way, or how the last one ended',
    route: 'GET /v1/db/{ns}/{db}/import',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/import', role: 'viewer' },
    input: z.strictObject(address),
    output: z.object({
      import: z
        .object({
          id: z.string(),
          /** While it is `receiving` the database serves everything; while it is `applying` calls wait, this one too. */
          state: z.enum(['receiving', 'applying', 'done', 'failed']),
          /** What has arrived, of how much if the sender has said so. */
          bytes: z.int(),
          totalBytes: z.int().nullable(),
          /** Rows that were read from the file; while `applying`, those that are in the tables. */
          rows: z.int(),
          startedAt: Moment,
          endedAt: Moment.optional(),
          error: z.string().optional(),
        })
        .nullable(),
    }),
    errors: ['database_not_found'],
  }),
}
