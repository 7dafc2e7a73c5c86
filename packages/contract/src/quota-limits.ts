/** One quota: the scope that it limits, its unit, and the limit unless the operator sets another one. */
interface QuotaSpec {
  readonly scope: 'namespace' | 'database'
  readonly unit: 'count' | 'bytes'
  readonly preset: number
}

/**
 * The quotas of a namespace. The operator changes a limit for all namespaces with the setting
 * `PERSQL_QUOTA_<NAME>`, and for one namespace with `npm run operator -- quota`.
 */
export const quotas = {
  databases: { scope: 'namespace', unit: 'count', preset: 10_000 },
  namespace_bytes: { scope: 'namespace', unit: 'bytes', preset: 100e9 },
  database_bytes: { scope: 'database', unit: 'bytes', preset: 10e9 },
  snapshots: { scope: 'database', unit: 'count', preset: 50 },
  replay_bytes: { scope: 'database', unit: 'bytes', preset: 256e6 },
  exports: { scope: 'namespace', unit: 'count', preset: 2 },
  imports: { scope: 'namespace', unit: 'count', preset: 4 },
  subscriptions: { scope: 'database', unit: 'count', preset: 5_000 },
} as const satisfies Record<string, QuotaSpec>

export type QuotaName = keyof typeof quotas

/** The limit of each quota. */
export type QuotaLimits = Readonly<Record<QuotaName, number>>

export const quotaNames = Object.keys(quotas) as [QuotaName, ...QuotaName[]]

/** The maximum of a limit: JSON can't represent larger integers exactly. */
export const MAX_QUOTA = Number.MAX_SAFE_INTEGER

/** The name of the setting that changes the limit of a quota for all namespaces. */
export const toQuotaSetting = (name: QuotaName) => `PERSQL_QUOTA_${name.toUpperCase() as Uppercase<QuotaName>}` as const

/** Settings of quotas as text, by name. */
export type QuotaSettings = { readonly [Name in `PERSQL_QUOTA_${Uppercase<QuotaName>}`]?: string }

const UNITS: Readonly<Record<string, number>> = { '': 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 }

/** Parses a limit: a whole number, for bytes also with a unit such as `20 GB`. Returns `undefined` for other text. */
export function parseQuota(name: QuotaName, text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,16}(?:\.\d{1,3})?) ?([KMGT]B)?$/i.exec(text.trim()) ?? []
  if (digits === undefined || (unit !== '' && quotas[name].unit !== 'bytes')) return undefined
  const value = Number(digits) * (UNITS[unit.toUpperCase()] as number)
  return Number.isSafeInteger(value) ? value : undefined
}

/** Formats a limit or a use, such as `10,000` or `1.5 GB`. */
export function formatQuota(name: QuotaName, value: number): string {
  if (quotas[name].unit === 'count') return value.toLocaleString('en-US')
  return formatBytes(value)
}

/** Formats bytes in the largest decimal unit, such as `1.5 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`
  const [unit, size] = Object.entries(UNITS).findLast(([, size]) => bytes >= size) as [string, number]
  return `${Number((bytes / size).toPrecision(bytes / size >= 100 ? 4 : 3)).toLocaleString('en-US')} ${unit}`
}
