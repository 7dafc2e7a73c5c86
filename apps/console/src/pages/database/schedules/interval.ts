import { formatNumber } from '../../../ui/format.ts'

const UNITS = [
  ['days', 86_400],
  ['hours', 3_600],
  ['minutes', 60],
  ['seconds', 1],
] as const

/** Options for the unit of an interval, shortest first. */
export const unitOptions = [...UNITS].reverse().map(([name]) => [name, name] as const)

/** Splits an interval into a count and the longest unit that divides it. */
export function splitInterval(seconds: number): { count: number; unit: string } {
  const [unit, size] = UNITS.find(([, size]) => seconds % size === 0) ?? UNITS[3]
  return { count: seconds / size, unit }
}

/** Converts a count and a unit to seconds. */
export const joinInterval = (count: number, unit: string): number =>
  count * (UNITS.find(([name]) => name === unit)?.[1] ?? 1)

/** Formats an interval: `Every 5 minutes`. */
export function intervalText(seconds: number): string {
  const { count, unit } = splitInterval(seconds)
  return count === 1 ? `Every ${unit.slice(0, -1)}` : `Every ${formatNumber(count)} ${unit}`
}
