import * as z from 'zod'
import { operation } from './operation.ts'
import { QueryMeta } from './query.ts'
import { Slug, Value } from './values.ts'

const address = { ns: Slug, db: Slug }
const Question = z.string().trim().min(1).max(500)
const TableName = z.string().min(1).max(200)
const Line = z.string().max(1_000)

/** The descriptions of a database and its tables. */
export const Docs = z.strictObject({
  databaseDescription: z.string().max(4_000).optional(),
  tables: z
    .array(
      z.strictObject({
        table: TableName,
        description: Line,
        columns: z.array(z.strictObject({ column: TableName, description: Line })).max(2_000),
      }),
    )
    .max(1_000)
    .refine((tables) => JSON.stringify(tables).length <= 1_000_000, 'must be at most 1 MB of JSON'),
})
export type Docs = z.infer<typeof Docs>

/** The cost of a call that may use an AI model, next to `data` in the response. */
export const AiMeta = z.object({ ...QueryMeta.shape, aiTokens: z.int() })
const answers = { sql: z.string(), explanation: z.string() }
const result = { columns: z.array(z.string()), rows: z.array(z.array(Value)) }
const refusals = [
  'database_not_found',
  'table_out_of_scope',
  'question_refused',
  'model_unavailable',
  'model_failed',
  'result_too_large',
  'sql_error',
  'integer_out_of_range',
  'too_busy',
] as const

/** Operations that ask the AI model, and those on descriptions of tables. */
export const assistant = {
  ask: operation({
    summary: 'Ask in natural language: an AI model writes one SELECT, which is checked and run',
    route: 'POST /v1/db/{ns}/{db}/ask',
    scope: 'readonly',
    scoped: true,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/ask', role: 'viewer' },
    input: z.strictObject({
      ...address,
      question: Question,
      /** The tables that the AI model sees and its statement can read. Default: all. */
      allowedTables: z.array(TableName).max(200).optional(),
      context: z.string().max(4_000).optional(),
      maxRows: z.int().min(1).max(1_000).default(100),
    }),
    output: z.object({ ...answers, ...result }),
    meta: AiMeta,
    errors: refusals,
  }),

  generate_sql: operation({
    summary: 'Generate a SELECT for a question; with "execute", also run it',
    route: 'POST /v1/db/{ns}/{db}/ai/sql',
    scope: 'readonly',
    scoped: true,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/ai/sql', role: 'editor' },
    input: z.strictObject({
      ...address,
      question: Question,
      execute: z.boolean().default(false),
      allowedTables: z.array(TableName).max(200).optional(),
    }),
    output: z.object({ ...answers, columns: result.columns.optional(), rows: result.rows.optional() }),
    meta: AiMeta,
    errors: refusals,
  }),

  describe_tables: operation({
    summary: 'Generate and save table descriptions with an AI model, from the schema and a few rows',
    route: 'POST /v1/db/{ns}/{db}/ai/describe',
    scope: 'admin',
    scoped: true,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/ai/describe', role: 'editor' },
    input: z.strictObject({ ...address, tables: z.array(TableName).min(1).max(200).optional() }),
    output: Docs.extend({ failures: z.array(z.object({ table: z.string(), error: z.string() })) }),
    meta: AiMeta,
    errors: ['database_not_found', 'model_unavailable'],
  }),

  get_docs: operation({
    summary: 'Get the descriptions of the database and its tables',
    route: 'GET /v1/db/{ns}/{db}/ai/docs',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/ai/docs', role: 'viewer' },
    input: z.strictObject(address),
    output: Docs,
    errors: ['database_not_found'],
  }),

  put_docs: operation({
    summary: 'Replace the descriptions of the database and its tables',
    route: 'PUT /v1/db/{ns}/{db}/ai/docs',
    scope: 'admin',
    console: { route: 'PUT /api/namespaces/{ns}/databases/{db}/ai/docs', role: 'editor' },
    input: z.strictObject({ ...address, ...Docs.shape }),
    output: Docs,
    errors: ['database_not_found'],
  }),
}
