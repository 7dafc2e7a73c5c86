import { useApiQuery } from '../api/hooks.ts'

/** The number of ledger entries per page. */
export const LEDGER_PAGE = 20

/** Returns a query for the balance and a page of the ledger. It requests one entry more, to detect a next page. */
export const useBilling = (ns: string, { before, ...options }: BillingOptions = {}) =>
  useApiQuery('GET /api/namespaces/{ns}/billing', { ns, limit: LEDGER_PAGE + 1, ...(before && { before }) }, options)

interface BillingOptions {
  /** The ID of an entry. The page starts with the next older entry. */
  before?: number | undefined
  enabled?: boolean
  refetchInterval?: number | false
}
