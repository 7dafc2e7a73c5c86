import { EndpointShape } from '@persql/endpoint-spec/shape'
import * as z from 'zod'
import { operation } from './operation.ts'
import { Slug, Timestamp } from './values.ts'

const Milliseconds = z.number().nullable()
const Hours = z.int().min(1).max(168).default(24)

/** The recent latency and errors of a database. */
export const Insights = z.object({
  /** Statements in the window, as far as the query log goes back. It keeps the latest 10,000 calls. */
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
  /**
   * Statements that took more than 500 ms or failed, or all statements of the requested transaction: newest first, at most 500.
   */
  recent: z.array(
    z.object({
      id: z.int(),
      sqlText: z.string(),
      durationMs: z.number(),
      rowsRead: z.int(),
      rowsWritten: z.int(),
      status: z.enum(['ok', 'error']),
      errorMessage: z.string().nullable(),
      /** The interactive transaction that ran it. */
      transactionId: z.string().nullable(),
      createdAt: Timestamp,
    }),
  ),
})
export type Insights = z.infer<typeof Insights>

/** The recent calls of an endpoint that ran its statement. Calls that a guard rejected aren't included. */
export const EndpointTraffic = z.object({
  windowHours: z.int(),
  /** Calls in the window, as far as the query log goes back. It keeps the latest 10,000 calls of the database. */
  calls: z.int(),
  failed: z.int(),
  rowsRead: z.int(),
  rowsWritten: z.int(),
  /** Without AI tokens. */
  costUsd: z.number(),
  /** `null` where nothing ran. */
  p50DurationMs: Milliseconds,
  p95DurationMs: Milliseconds,
  p99DurationMs: Milliseconds,
  /** The window in 24 equal parts, oldest first. */
  parts: z.array(z.object({ from: Timestamp, calls: z.int(), failed: z.int() })),
  /** The latest 20 failures, with the cause that callers don't get. */
  failures: z.array(z.object({ id: z.int(), at: Timestamp, message: z.string() })),
})
export type EndpointTraffic = z.infer<typeof EndpointTraffic>

/** Operations on statistics of statements and endpoints. */
export const insights = {
  get_insights: operation({
    summary: 'Get query latency, and statements that took more than 500 ms or failed',
    route: 'GET /v1/db/{ns}/{db}/insights',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/insights', role: 'viewer' },
    input: z.strictObject({ ns: Slug, db: Slug, hours: Hours, transactionId: z.string().min(1).max(60).optional() }),
    output: Insights,
    errors: ['database_not_found'],
  }),

  get_endpoint_traffic: operation({
    summary: 'Get call counts, latency, cost and errors of a public endpoint',
    route: 'GET /v1/db/{ns}/{db}/endpoints/{slug}/traffic',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/endpoints/{slug}/traffic', role: 'viewer' },
    input: z.strictObject({ ns: Slug, db: Slug, slug: EndpointShape.slug, hours: Hours }),
    output: EndpointTraffic,
    errors: ['database_not_found', 'endpoint_not_found'],
  }),
}
