import { formatQuota, PerSQLError, type QuotaName } from '@persql/contract'

/** Creates the error of a call that would exceed a quota. */
export function quotaExceeded(quota: QuotaName, limit: number, used: number): PerSQLError {
  const text = { quota, limit: formatQuota(quota, limit), used: formatQuota(quota, used) }
  return new PerSQLError('quota_exceeded', text, { extra: { quota, limit, used } })
}
