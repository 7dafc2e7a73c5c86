import * as z from 'zod'
import { WelcomeCredit } from './members.ts'
import { operation } from './operation.ts'
import { NanoUsd, Slug, Timestamp } from './values.ts'

/** The price of one unit of each meter in nano-dollars, so that every charge is a whole number. */
export const rates = { requests: 500, rowsRead: 5, rowsWritten: 2_000, aiTokens: 1_000 } as const

/** The byte-hours of storage per nano-dollar, from $0.40 for 10^9 bytes over 30 days. */
export const BYTE_HOURS_PER_NANO = 1_800

const Line = z.object({ quantity: z.int(), costUsd: z.number() })

/** Usage by meter since the namespace was created. */
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
  at: Timestamp,
  kind: z.enum([
    'welcome_credit',
    'topup',
    'usage',
    'adjustment',
    'refund',
    'dispute',
    'transfer',
    'restore_adjustment',
  ]),
  amountUsd: z.number(),
  /** Balance of the ledger after this entry, without usage that isn't posted yet. */
  balanceUsd: z.number(),
  ref: z.string(),
  detail: z.json(),
})

/** Operations on usage, the balance and the ledger. */
export const billing = {
  get_usage: operation({
    summary: 'Get usage by meter and by database',
    route: 'GET /v1/usage',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/usage', role: 'viewer' },
    billed: false,
    input: z.strictObject({
      /** First and last UTC day of the history, at most 366 days. Default: the last 30 days. */
      from: z.iso.date().optional(),
      to: z.iso.date().optional(),
    }),
    output: z.object({
      spend: Spend,
      costUsd: z.number(),
      databases: z.array(
        z.object({ slug: Slug, requests: z.int(), rowsRead: z.int(), rowsWritten: z.int(), costUsd: z.number() }),
      ),
      /** Usage per database and day. Calls to no database have an empty name. */
      days: z.array(DayUsage),
      /** Usage per token and day, for charts. A crash can lose a few seconds of it. Users are `user:<id>`. */
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
    summary: 'Get the balance, spend by meter and ledger',
    route: 'GET /v1/billing',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/billing', role: 'owner' },
    billed: false,
    input: z.strictObject({
      /** The number of ledger entries, newest first. */
      limit: z.int().min(1).max(1_000).default(1_000),
      /** Only entries with a lower ID. */
      before: z.int().min(1).optional(),
    }),
    output: z.object({
      balanceUsd: z.number(),
      balanceNanoUsd: NanoUsd,
      /** The part of the balance that `transfer_balance` can move: without welcome credit. */
      transferableUsd: z.number(),
      welcomeCredit: WelcomeCredit,
      spend: Spend,
      ledger: z.array(LedgerEntry),
    }),
  }),

  top_up: operation({
    summary: 'Create a payment page that adds funds',
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
    output: z.object({ url: z.url(), sessionId: z.string(), amountUsd: z.number(), expiresAt: Timestamp }),
    errors: ['payments_unavailable', 'payment_provider_failed', 'idempotency_mismatch'],
  }),

  transfer_balance: operation({
    summary: 'Move balance to another namespace that you own; welcome credit stays',
    route: 'POST /v1/billing/transfer',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/billing/transfer', role: 'owner' },
    billed: false,
    input: z.strictObject({
      /** The namespace that receives the amount. The caller, or the owner who created the token, must own both. */
      to: Slug,
      amountUsd: z
        .number()
        .max(1_000_000, 'must be at most $1,000,000')
        .refine((usd) => usd >= 1e-9, 'must be greater than $0'),
    }),
    output: z.object({
      id: z.string(),
      to: Slug,
      amountUsd: z.number(),
      /**
       * `pending`: the amount has left this namespace and arrives as soon as the other one responds. `returned`: the other
       * one was deleted first, so the amount is back.
       */
      status: z.enum(['pending', 'completed', 'returned']),
      /** The current balance of this namespace, also in the response to a repeated call. */
      balanceUsd: z.number(),
    }),
    errors: [
      'namespace_not_found',
      'role_insufficient',
      'owner_required',
      'namespace_suspended',
      'not_transferable',
      'idempotency_mismatch',
    ],
  }),
}
