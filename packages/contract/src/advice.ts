import * as z from 'zod'
import { AiMeta } from './assistant.ts'
import { operation } from './operation.ts'
import { Slug } from './values.ts'

/** An index that was tried out on a copy. Rows are those of one run of each of `queries`, on average over several values. */
const Suggestion = z.object({
  table: z.string(),
  columns: z.array(z.string()),
  /** What makes the index, to be run as it is. */
  sql: z.string(),
  /** Why, in words, and what it costs. */
  reason: z.string(),
  /** The statements of the query log that gain by it. */
  queries: z.array(z.string()),
  rowsReadBefore: z.int(),
  rowsReadAfter: z.int(),
})

export const IndexAdvice = z.object({
  /** The best first, at most ten. */
  suggestions: z.array(Suggestion).max(10),
  /** How many different statements of the query log were looked at. */
  examined: z.int(),
})
export type IndexAdvice = z.infer<typeof IndexAdvice>

/** Operations that suggest indexes. */
export const advice = {
  advise_indexes: operation({
    summary: 'Suggest indexes for what the query log holds, each tried out on a copy; nothing is changed',
    route: 'POST /v1/db/{ns}/{db}/ai/indexes',
    scope: 'readonly',
    scoped: true,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/ai/indexes', role: 'editor' },
    input: z.strictObject({
      ns: Slug,
      db: Slug,
      /** Have a model phrase the reasons; what is proposed and measured stays as it is. */
      explain: z.boolean().default(false),
    }),
    output: IndexAdvice,
    meta: AiMeta,
    errors: ['database_not_found', 'sql_error', 'advice_under_way', 'model_unavailable', 'model_failed'],
  }),
}
