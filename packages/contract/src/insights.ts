import { EndpointShape } from '@persql/endpoint-spec'
import * as z from 'zod'
import { operation } from './operation.ts'
import { Moment, Slug } from './values.ts'

const Milliseconds = z.number().nullable()
const Hours = z.int().min(1).max(168).default(24)

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

/** What callers of an endpoint had it run lately. What a gate stopped or a cache answered ran nothing, and is not in it. */
export const EndpointTraffic = z.object({
  windowHours: z.int(),
  /** Of the window, as far as the query log still holds it: it keeps the newest 10,000 calls of the database. */
  calls: z.int(),
  failed: z.int(),
  rowsRead: z.int(),
  rowsWritten: z.int(),
  /** Without the tokens of models. */
  costUsd: z.number(),
  /** `null` where nothing ran. */
  p50DurationMs: Milliseconds,
  p95DurationMs: Milliseconds,
  p99DurationMs: Milliseconds,
  /** The window in 24 equal parts, the oldest first. */
  parts: z.array(z.object({ from: Moment, calls: z.int(), failed: z.int() })),
  /** The newest 20 that failed, with the reason that callers do not get. */
  failures: z.array(z.object({ id: z.int(), at: Moment, message: z.string() })),
})
export type EndpointTraffic = z.infer<typeof EndpointTraffic>

/** Operations on statistics of statements and endpoints. */
export const insights = {
  get_insights: operation({
    summary: 'Tell how long statements take, and which were slower than 500 ms or failed',
    route: 'GET /v1/db/{ns}/{db}/insights',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/insights', role: 'viewer' },
    input: z.strictObject({ ns: Slug, db: Slug, hours: Hours }),
    output: Insights,
    errors: ['database_not_found'],
  }),

  get_endpoint_traffic: operation({
    summary: 'Tell how often a public endpoint ran, how long that took, what it cost and why it failed',
    route: 'GET /v1/db/{ns}/{db}/endpoints/{slug}/traffic',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/endpoints/{slug}/traffic', role: 'viewer' },
    input: z.strictObject({ ns: Slug, db: Slug, slug: EndpointShape.slug, hours: Hours }),
    output: EndpointTraffic,
    errors: ['database_not_found', 'endpoint_not_found'],
  }),
}
