import * as z from 'zod'
import { operation } from './operation.ts'
import { Moment, NanoUsd, Slug } from './values.ts'

/** Nano-dollars for one unit of each meter, so that every charge is a whole number. */
export const rates = { requests: 500, rowsRead: 5, rowsWritten: 2_000, aiTokens: 1_000 } as const

/** Storage: $0.40 for 10^9 bytes over a month of 30 days makes one nano-dollar for this many byte-hours. */
export const BYTE_HOURS_PER_NANO = 1_800

const Line = z.object({ quantity: z.int(), costUsd: z.number() })

/** What has been used since the namespace was made, by meter. */
export const Spend = z.object({
  requests: Line,
  rowsRead: Line,
  rowsWritten: Line,
  storageByteHours: Line,
  aiTokens: Line,
})
export type Spend = z.infer<typeof Spend>

export const DayUsage = z.object({
  day: z.iso.date(),
  database: z.string(),
  requests: z.int(),
  rowsRead: z.int(),
  rowsWritten: z.int(),
  storageByteHours: z.int(),
  aiTokens: z.int(),
  costUsd: z.number(),
})
export type DayUsage = z.infer<typeof DayUsage>

export const LedgerEntry = z.object({
  id: z.int(),
  at: Moment,
  kind: z.enum(['welcome_credit', 'topup', 'usage', 'adjustment', 'refund', 'dispute']),
  amountUsd: z.number(),
  /** Balance of the ledger after this entry; usage not posted yet is not in it. */
  balanceUsd: z.number(),
  ref: z.string(),
  detail: z.json(),
})

/** Operations on usage, the balance and the ledger. */
export const billing = {
  get_usage: operation({
    summary: 'Read what was used, by meter and by database',
    route: 'GET /v1/usage',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/usage', role: 'viewer' },
    billed: false,
    input: z.strictObject({
      /** UTC days of the history, both included; the last 30 unless told. At most 366. */
      from: z.iso.date().optional(),
      to: z.iso.date().optional(),
    }),
    output: z.object({
      spend: Spend,
      costUsd: z.number(),
      databases: z.array(
        z.object({ slug: Slug, requests: z.int(), rowsRead: z.int(), rowsWritten: z.int(), costUsd: z.number() }),
      ),
      /** What each database used on each day; calls to no database stand under the empty name. */
      days: z.array(DayUsage),
      /** What each token used on each day, for charts: a crash may cost a few seconds of it. People stand as `user:<id>`. */
      tokens: z.array(
        z.object({
          day: z.iso.date(),
          token: z.string(),
          requests: z.int(),
          rowsRead: z.int(),
          rowsWritten: z.int(),
          aiTokens: z.int(),
        }),
      ),
    }),
  }),

  get_billing: operation({
    summary: 'Read the balance, the spend by meter and the ledger',
    route: 'GET /v1/billing',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/billing', role: 'owner' },
    billed: false,
    input: z.strictObject({
      /** Entries of the ledger, the newest first. */
      limit: z.int().min(1).max(1_000).default(1_000),
      /** Entries older than this one's id. */
      before: z.int().min(1).optional(),
    }),
    output: z.object({
      balanceUsd: z.number(),
      balanceNanoUsd: NanoUsd,
      spend: Spend,
      ledger: z.array(LedgerEntry),
    }),
  }),

  top_up: operation({
    summary: 'Open a payment page that adds funds',
    route: 'POST /v1/billing/topup',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/billing/topup', role: 'owner' },
    billed: false,
    input: z.strictObject({
      amountUsd: z
        .number()
        .min(5, 'must be at least $5')
        .max(10_000, 'must be at most $10,000')
        .refine((usd) => Math.abs(usd * 100 - Math.round(usd * 100)) < 1e-6, 'must be a whole number of cents'),
    }),
    output: z.object({ url: z.url(), sessionId: z.string(), amountUsd: z.number(), expiresAt: Moment }),
    errors: ['payments_unavailable', 'payment_provider_failed', 'idempotency_mismatch'],
  }),
}
