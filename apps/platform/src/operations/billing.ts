import { PerSQLError } from '@persql/contract'
import type { NamespaceHandlers } from '../execute.ts'

export const billing = {
  get_usage: (_input, { namespace }) => namespace.usage(),
  get_billing: (_input, { namespace }) => namespace.billing(),
  top_up: async () => {
    throw new PerSQLError('payments_unavailable')
  },
} satisfies Partial<NamespaceHandlers>
