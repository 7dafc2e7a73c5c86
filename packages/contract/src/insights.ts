import * as z from 'zod'
import { operation } from './operation.ts'
import { Moment, Slug } from './values.ts'

const Milliseconds = z.number().nullable()

/** How statements of a database did lately. */
export const Insights = z.object({
  /** Of all statements of the window that the query log still holds: it keeps the newest 10,000 calls. */
  summary: z.object({
    windowHours: z.int(),
    slowCount: z.int(),
    errorCount: z.int(),
    /** `null` where nothing ran. */
    p50DurationMs: Milliseconds,
    p95DurationMs: Milliseconds,
    p99DurationMs: Milliseconds,
    maxDurationMs: Milliseconds,
  }),
  /** Slower than 500 ms or failed, the newest first, at most 500. */
  recent: z.array(
    z.object({
      id: z.int(),
      sqlText: z.string(),
      durationMs: z.number(),
      rowsRead: z.int(),
      rowsWritten: z.int(),
      status: z.enum(['ok', 'error']),
      errorMessage: z.string().nullable(),
      createdAt: Moment,
    }),
  ),
})
export type Insights = z.infer<typeof Insights>

export const get_insights = operation({
  summary: 'Tell how long statements take, and which were slower than 500 ms or failed',
  route: 'GET /v1/db/{ns}/{db}/insights',
  scope: 'readonly',
  console: { route: 'GET /api/namespaces/{ns}/databases/{db}/insights', role: 'viewer' },
  input: z.strictObject({ ns: Slug, db: Slug, hours: z.int().min(1).max(168).default(24) }),
  output: Insights,
  errors: ['database_not_found', 'table_out_of_scope'],
})
