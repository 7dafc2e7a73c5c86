import { PerSQLError } from '@persql/contract'
import { now, toIso, toUtcDay } from '../../clock.ts'
import { getPaymentProvider } from '../../integrations/payments.ts'
import { usd } from '../../money.ts'
import type { NamespaceHandlers } from './handlers.ts'

const NANO_PER_CENT = 10_000_000
const DAY_MS = 24 * 60 * 60 * 1000

export const billing = {
  get_usage: ({ from, to }, { namespace }) => {
    const last = to ?? toUtcDay(now())
    const first = from ?? toUtcDay(Date.parse(last) - 29 * DAY_MS)
    const days = (Date.parse(last) - Date.parse(first)) / DAY_MS + 1
    if (days < 1 || days > 366)
      throw new PerSQLError('invalid_input', { problem: '"from" to "to" must span 1 to 366 days.' })
    return namespace.usage(first, last)
  },
  list_quotas: (_input, { namespace }) => namespace.quotas.list(),
  get_billing: ({ limit, before }, { namespace }) => namespace.billing(limit, before),
  top_up: async ({ amountUsd }, { namespace, slug, env, actor, headers, baseUrl }) => {
    const payments = getPaymentProvider(env)
    const key = readIdempotencyKey(headers)
    const amountCents = Math.round(amountUsd * 100)
    const { payments: books } = namespace
    const topUp = await books.reserveTopUp(amountCents * NANO_PER_CENT, key, baseUrl, actor)
    const open = topUp.checkout ?? (await payments.openCheckout({ ...topUp, namespace: slug, amountCents }))
    if (open === 'refused') {
      await books.giveUpTopUp(topUp.id)
      throw new PerSQLError('payment_provider_failed')
    }
    if (!topUp.checkout) await books.recordCheckout(topUp.id, open.sessionId, open.url)
    return { ...open, amountUsd, expiresAt: toIso(topUp.expiresAtMs) }
  },
  transfer_balance: async ({ to, amountUsd }, { namespace, actor, headers }) => {
    const key = readIdempotencyKey(headers)
    const sent = await namespace.transfers.send({ to, amountNano: Math.round(amountUsd * 1e9), key, actor })
    return {
      ...{ id: sent.id, to: sent.to, status: sent.status },
      ...{ amountUsd: usd(sent.amountNano), balanceUsd: usd(sent.balanceNano) },
    }
  },
} satisfies Partial<NamespaceHandlers>

function readIdempotencyKey(headers: Headers): string | null {
  const key = headers.get('Idempotency-Key')
  if (key === null || (key.length > 0 && key.length <= 200)) return key
  throw new PerSQLError('invalid_input', { problem: 'Idempotency-Key must have 1 to 200 characters.' })
}
