const number = new Intl.NumberFormat('en')
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const moment = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' })
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const UNITS = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const

/** Formats a number: `1234567` as `1,234,567`. */
export const formatNumber = (value: number): string => number.format(value)

/** Formats a count with its noun: `1 row`, `1,234 rows`. */
export const formatCount = (count: number, noun: string, plural = `${noun}s`): string =>
  `${formatNumber(count)} ${count === 1 ? noun : plural}`

/** Formats an API name for people: `rows_written` as `Rows written`. */
export const capitalize = (word: string): string => (word[0] ?? '').toUpperCase() + word.slice(1).replaceAll('_', ' ')

/** Formats a number briefly: `1234567` as `1.2M`. */
export const formatCompact = (value: number): string => compact.format(value)

/** Formats dollars, with up to 6 decimal places below 1 cent. */
export function formatUsd(value: number): string {
  const places = value !== 0 && Math.abs(value) < 0.01 ? 6 : 2
  return new Intl.NumberFormat('en', {
    style: 'currency',
    currency: 'USD',
    minimumFractionDigits: 2,
    maximumFractionDigits: places,
  }).format(value)
}

/** Formats a number of bytes in decimal units, such as `1.2 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB']
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`
}

/** Formats a duration in milliseconds. Clocks in Workers only return whole milliseconds. */
export function formatMs(ms: number | null): string {
  if (ms === null) return '–'
  if (ms < 1) return '< 1 ms'
  return ms >= 1_000 ? `${(ms / 1_000).toFixed(2)} s` : `${Math.round(ms)} ms`
}

/** Formats an ISO 8601 time in the reader's time zone. */
export const formatMoment = (iso: string): string => moment.format(new Date(iso))

/** Formats a time relative to now, in the past or future. */
export function formatAgo(iso: string, nowMs = Date.now()): string {
  const seconds = (Date.parse(iso) - nowMs) / 1000
  const [unit, size] =
    UNITS.find(([, length], at) => {
      // Compares the rounded value: 59.6 seconds count as 1 minute.
      const smaller = UNITS[at + 1]?.[1] ?? 1
      return Math.round(Math.abs(seconds) / smaller) * smaller >= length
    }) ?? (['second', 1] as const)
  return Math.abs(seconds) < 45 ? 'just now' : relative.format(Math.round(seconds / size), unit)
}
