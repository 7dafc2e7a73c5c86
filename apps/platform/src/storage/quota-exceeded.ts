import { formatBytes, formatQuota, PerSQLError, type QuotaName } from '@persql/contract'
import { count } from '../metrics/metrics.ts'

/** Creates the error of a call that would exceed a quota, and counts it. */
export function quotaExceeded(quota: QuotaName, limit: number, used: number): PerSQLError {
  countQuotaRefusal(quota)
  const text = { quota, limit: formatQuota(quota, limit), used: formatQuota(quota, used) }
  return new PerSQLError('quota_exceeded', text, { extra: { quota, limit, used } })
}

/** Creates the error of a write that would exceed a storage limit, and counts it. */
export function storageExceeded(limit: QuotaName | 'max_bytes', bytes: number, used: number): PerSQLError {
  if (limit !== 'max_bytes') return quotaExceeded(limit, bytes, used)
  count('persql_quota_refusals_total', 'quota="max_bytes"')
  const text = { maxBytes: formatBytes(bytes), bytes: formatBytes(used) }
  return new PerSQLError('database_full', text, { extra: { maxBytes: bytes, bytes: used } })
}

/** Counts a call that is refused because of a quota. */
export const countQuotaRefusal = (quota: QuotaName): void => count('persql_quota_refusals_total', `quota="${quota}"`)
