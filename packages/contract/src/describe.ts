import * as z from 'zod'
import { Docs } from './assistant.ts'
import { operation } from './operation.ts'
import { Slug } from './values.ts'

const address = { ns: Slug, db: Slug }
const Description = z.string().nullable()

const Column = z.object({
  name: z.string(),
  type: z.string(),
  notNull: z.boolean(),
  /** Its place in the primary key, from 1; 0 when it is no part of it. */
  primaryKey: z.int(),
  default: z.string().nullable(),
  generated: z.boolean(),
  description: Description,
})

const Table = z.object({
  table: z.string(),
  description: Description,
  /** `null` when the table cannot be read. */
  rowCount: z.int().nullable(),
  columns: z.array(Column),
  foreignKeys: z.array(
    z.object({
      columns: z.array(z.string()),
      table: z.string(),
      /** Columns of that table; `null` stands for its primary key. */
      to: z.array(z.string().nullable()),
      onDelete: z.string(),
      onUpdate: z.string(),
    }),
  ),
  indexes: z.array(
    z.object({
      name: z.string(),
      unique: z.boolean(),
      /** It holds only some of the rows. */
      partial: z.boolean(),
      columns: z.array(z.string()),
      sql: z.string().nullable(),
    }),
  ),
})

/** A database with all its tables, and what is written about them. */
export const Described = z.object({
  databaseDescription: Description,
  tables: z.array(Table),
  views: z.array(
    z.object({
      name: z.string(),
      sql: z.string(),
      description: Description,
      /** None when the view does not work. */
      columns: z.array(Column.pick({ name: true, type: true, description: true })),
    }),
  ),
  triggers: z.array(z.object({ name: z.string(), table: z.string(), sql: z.string() })),
})
export type Described = z.infer<typeof Described>

const Compact = z.object({ text: z.string() })

/** A table, column or view that words were found in. */
const Hit = z.object({
  kind: z.enum(['table', 'column', 'view']),
  /** The table or view, also of a column. */
  table: z.string(),
  column: z.string().optional(),
  /** Higher is better; to be compared within one answer only. */
  score: z.number(),
  description: z.string().optional(),
})
export type Hit = z.infer<typeof Hit>

/** Something in a schema, or in the first and last rows of a table, that confuses people and models. */
const Finding = z.object({
  severity: z.enum(['error', 'warning', 'info']),
  rule: z.string(),
  table: z.string(),
  column: z.string().optional(),
  /** What is wrong, why that confuses, and what helps. */
  message: z.string(),
  /** SQL that mends it, where that only adds something and so cannot break what works. */
  fix: z.string().optional(),
})
export type Finding = z.infer<typeof Finding>

/** What the doctor has to say of a schema. */
export const Diagnosis = z.object({
  /** The most severe first. */
  findings: z.array(Finding),
  /** How many more there are than are listed. */
  omitted: z.int(),
  tables: z.int(),
  /** Tables whose rows were looked at: 1,000 rows of each, and of no more than 200 tables. */
  tablesSampled: z.int(),
})
export type Diagnosis = z.infer<typeof Diagnosis>

/** Operations that describe, search and check a schema. */
export const describe = {
  describe: operation({
    summary: 'Read the whole schema with what is written about it, as data or as a short text for a prompt',
    route: 'GET /v1/db/{ns}/{db}/describe',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/describe', role: 'viewer' },
    input: z.strictObject({ ...address, format: z.enum(['json', 'compact']).default('json') }),
    output: z.union([Described, Compact]),
    errors: ['database_not_found'],
  }),

  set_description: operation({
    summary: 'Write what the database and its tables are for, in place of what was written; the same as put_docs',
    route: 'PUT /v1/db/{ns}/{db}/describe',
    scope: 'admin',
    console: { route: 'PUT /api/namespaces/{ns}/databases/{db}/describe', role: 'editor' },
    input: z.strictObject({ ...address, ...Docs.shape }),
    output: Docs,
    errors: ['database_not_found'],
  }),

  search: operation({
    summary: 'Find tables, columns and views by words in their names and descriptions, the best first',
    route: 'GET /v1/db/{ns}/{db}/search',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/search', role: 'viewer' },
    input: z.strictObject({ ...address, q: z.string().max(1_000), limit: z.int().min(1).max(100).default(20) }),
    output: z.object({ hits: z.array(Hit) }),
    errors: ['database_not_found'],
  }),

  doctor: operation({
    summary: 'Look for what confuses people and models in the schema and in a sample of the rows; nothing is changed',
    route: 'GET /v1/db/{ns}/{db}/doctor',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/doctor', role: 'viewer' },
    input: z.strictObject(address),
    output: Diagnosis,
    errors: ['database_not_found'],
  }),
}
