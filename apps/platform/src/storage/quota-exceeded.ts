import { formatQuota, PerSQLError, type QuotaName } from '@persql/contract'
import { count } from '../metrics/metrics.ts'

/** Creates the error of a call that would exceed a quota, and counts it. */
export function quotaExceeded(quota: QuotaName, limit: number, used: number): PerSQLError {
  countQuotaRefusal(quota)
  const text = { quota, limit: formatQuota(quota, limit), used: formatQuota(quota, used) }
  return new PerSQLError('quota_exceeded', text, { extra: { quota, limit, used } })
}

/** Counts a call that is refused because of a quota. */
export const countQuotaRefusal = (quota: QuotaName): void => count('persql_quota_refusals_total', `quota="${quota}"`)
