import * as z from 'zod'
import { operation } from './operation.ts'
import { Slug } from './values.ts'

export const export_database = operation({
  summary: 'Download the database as an SQL dump that any SQLite reads, or as a SQLite file',
  route: 'GET /v1/db/{ns}/{db}/export',
  scope: 'readonly',
  console: { route: 'GET /api/namespaces/{ns}/databases/{db}/export', role: 'viewer' },
  input: z.strictObject({ ns: Slug, db: Slug, format: z.enum(['sql', 'sqlite']).optional() }),
  /** What the Worker gets: the copy out of which it streams. */
  output: z.object({ snapshot: z.string() }),
  stream: 'application/sql',
  errors: ['database_not_found', 'table_out_of_scope', 'copy_impossible', 'copy_cut_off', 'file_impossible'],
})
