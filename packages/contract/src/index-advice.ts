import * as z from 'zod'
import { AiMeta } from './assistant.ts'
import { operation } from './operation.ts'
import { Slug } from './values.ts'

/** An index that was tested on a copy. Row counts are for one run of each of `queries`, averaged over several values. */
const Suggestion = z.object({
  table: z.string(),
  columns: z.array(z.string()),
  /** The statement that creates the index. */
  sql: z.string(),
  /** The reason and the cost, as text. */
  reason: z.string(),
  /** The logged statements that the index makes faster. */
  queries: z.array(z.string()),
  rowsReadBefore: z.int(),
  rowsReadAfter: z.int(),
})

export const IndexAdvice = z.object({
  /** Up to 10, best first. */
  suggestions: z.array(Suggestion).max(10),
  /** The number of different logged statements that were examined. */
  examined: z.int(),
})
export type IndexAdvice = z.infer<typeof IndexAdvice>

/** Operations that suggest indexes. */
export const advice = {
  advise_indexes: operation({
    summary: 'Suggest indexes for logged statements, each tested on a copy; changes nothing',
    route: 'POST /v1/db/{ns}/{db}/ai/indexes',
    scope: 'readonly',
    scoped: true,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/ai/indexes', role: 'editor' },
    input: z.strictObject({
      ns: Slug,
      db: Slug,
      /** Whether an AI model words the reasons. It doesn't affect the suggestions. */
      explain: z.boolean().default(false),
    }),
    output: IndexAdvice,
    meta: AiMeta,
    errors: ['database_not_found', 'sql_error', 'advice_under_way', 'model_unavailable', 'model_failed'],
  }),
}
