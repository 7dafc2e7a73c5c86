import * as z from 'zod'
import { Docs } from './assistant.ts'
import { operation } from './operation.ts'
import { longReadErrors } from './query.ts'
import { Slug } from './values.ts'

const address = { ns: Slug, db: Slug }
const Description = z.string().nullable()

const Column = z.object({
  name: z.string(),
  type: z.string(),
  notNull: z.boolean(),
  /** Position in the primary key, starting at 1; 0 if it isn't part of it. */
  primaryKey: z.int(),
  default: z.string().nullable(),
  generated: z.boolean(),
  description: Description,
})

const Table = z.object({
  table: z.string(),
  description: Description,
  /** `null` if the table can't be read. */
  rowCount: z.int().nullable(),
  columns: z.array(Column),
  foreignKeys: z.array(
    z.object({
      columns: z.array(z.string()),
      table: z.string(),
      /** Referenced columns; `null` for the primary key. */
      to: z.array(z.string().nullable()),
      onDelete: z.string(),
      onUpdate: z.string(),
    }),
  ),
  indexes: z.array(
    z.object({
      name: z.string(),
      unique: z.boolean(),
      /** Whether the index has a WHERE clause. */
      partial: z.boolean(),
      columns: z.array(z.string()),
      sql: z.string().nullable(),
    }),
  ),
})

/** The schema of a database with its descriptions. */
export const SchemaDescription = z.object({
  databaseDescription: Description,
  tables: z.array(Table),
  views: z.array(
    z.object({
      name: z.string(),
      sql: z.string(),
      description: Description,
      /** Empty if the view is broken. */
      columns: z.array(Column.pick({ name: true, type: true, description: true })),
    }),
  ),
  triggers: z.array(z.object({ name: z.string(), table: z.string(), sql: z.string() })),
})
export type SchemaDescription = z.infer<typeof SchemaDescription>

const Compact = z.object({ text: z.string() })

/** A table, column or view that matches a search. */
const Hit = z.object({
  kind: z.enum(['table', 'column', 'view']),
  /** The table or view; for a column, the one it belongs to. */
  table: z.string(),
  column: z.string().optional(),
  /** Higher is better. Comparable only within one response. */
  score: z.number(),
  description: z.string().optional(),
})
export type SearchHit = z.infer<typeof Hit>

/** A problem in the schema, or in the first and last rows of a table, that confuses people and AI models. */
const Finding = z.object({
  severity: z.enum(['error', 'warning', 'info']),
  rule: z.string(),
  table: z.string(),
  column: z.string().optional(),
  /** The problem, its effect and a remedy. */
  message: z.string(),
  /** SQL that fixes it. Present only if the fix adds something and can't break anything. */
  fix: z.string().optional(),
})
export type Finding = z.infer<typeof Finding>

/** The report of the schema doctor. */
export const DoctorReport = z.object({
  /** Most severe first. */
  findings: z.array(Finding),
  /** The number of findings that aren't listed. */
  omitted: z.int(),
  tables: z.int(),
  /** The number of tables whose rows were sampled: 1,000 rows each, in up to 200 tables. */
  tablesSampled: z.int(),
})
export type DoctorReport = z.infer<typeof DoctorReport>

/** Operations that describe, search and check a schema. */
export const describe = {
  describe: operation({
    summary: 'Get the schema with its descriptions, as JSON or as compact text for a prompt',
    route: 'GET /v1/db/{ns}/{db}/describe',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/describe', role: 'viewer' },
    input: z.strictObject({ ...address, format: z.enum(['json', 'compact']).default('json') }),
    output: z.union([SchemaDescription, Compact]),
    errors: ['database_not_found', ...longReadErrors],
  }),

  set_description: operation({
    summary: 'Replace the descriptions of the database and its tables (alias of put_docs)',
    route: 'PUT /v1/db/{ns}/{db}/describe',
    scope: 'admin',
    console: { route: 'PUT /api/namespaces/{ns}/databases/{db}/describe', role: 'editor' },
    input: z.strictObject({ ...address, ...Docs.shape }),
    output: Docs,
    errors: ['database_not_found'],
  }),

  search: operation({
    summary: 'Search tables, columns and views by name and description, best match first',
    route: 'GET /v1/db/{ns}/{db}/search',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/search', role: 'viewer' },
    input: z.strictObject({ ...address, q: z.string().max(1_000), limit: z.int().min(1).max(100).default(20) }),
    output: z.object({ hits: z.array(Hit) }),
    errors: ['database_not_found'],
  }),

  doctor: operation({
    summary:
      'Check the schema and a sample of the rows for problems that confuse people and AI models; changes nothing',
    route: 'GET /v1/db/{ns}/{db}/doctor',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/doctor', role: 'viewer' },
    input: z.strictObject(address),
    output: DoctorReport,
    errors: ['database_not_found'],
  }),
}
