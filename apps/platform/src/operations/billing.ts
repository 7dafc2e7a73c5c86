import { PerSQLError } from '@persql/contract'
import { now } from '../clock.ts'
import type { NamespaceHandlers } from '../execute.ts'
import { dayOf } from '../namespace/ledger.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export const billing = {
  get_usage: ({ from, to }, { namespace }) => {
    const last = to ?? dayOf(now())
    const first = from ?? dayOf(Date.parse(last) - 29 * DAY_MS)
    const days = (Date.parse(last) - Date.parse(first)) / DAY_MS + 1
    if (days < 1 || days > 366)
      throw new PerSQLError('invalid_input', { problem: '"from" to "to" must be 1 to 366 days.' })
    return namespace.usage(first, last)
  },
  get_billing: (_input, { namespace }) => namespace.billing(),
  top_up: async () => {
    throw new PerSQLError('payments_unavailable')
  },
} satisfies Partial<NamespaceHandlers>
