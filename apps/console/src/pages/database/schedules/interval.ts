import { formatNumber } from '../../../ui/format.ts'

const UNITS = [
  ['days', 86_400],
  ['hours', 3_600],
  ['minutes', 60],
  ['seconds', 1],
] as const

/** Units an interval can be told in, the shortest first. */
export const unitOptions = [...UNITS].reverse().map(([name]) => [name, name] as const)

/** Seconds as a number of the longest unit that is whole. */
export function splitInterval(seconds: number): { count: number; unit: string } {
  const [unit, size] = UNITS.find(([, size]) => seconds % size === 0) ?? UNITS[3]
  return { count: seconds / size, unit }
}

/** A number of units in seconds. */
export const joinInterval = (count: number, unit: string): number =>
  count * (UNITS.find(([name]) => name === unit)?.[1] ?? 1)

/** Formats an interval: `Every 5 minutes`. */
export function intervalText(seconds: number): string {
  const { count, unit } = splitInterval(seconds)
  return count === 1 ? `Every ${unit.slice(0, -1)}` : `Every ${formatNumber(count)} ${unit}`
}
