import { useApiQuery } from '../api/hooks.ts'

/** How many entries of the ledger stand on a page. */
export const LEDGER_PAGE = 20

/** The balance and a page of the ledger, with one entry more where there are older ones: one answer for all who show it. */
export const useBilling = (ns: string, { before, ...options }: BillingOptions = {}) =>
  useApiQuery('GET /api/namespaces/{ns}/billing', { ns, limit: LEDGER_PAGE + 1, ...(before && { before }) }, options)

interface BillingOptions {
  /** Entries older than this one's id. */
  before?: number | undefined
  enabled?: boolean
  refetchInterval?: number | false
}
