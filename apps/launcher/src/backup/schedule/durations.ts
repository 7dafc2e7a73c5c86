const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
/** The longest timer of Node is 24.8 days. */
const maxDays = 24

/**
 * Reads an interval such as `15m`, in milliseconds.
 * @throws Error if the text isn't an interval from 1 s to 24 days
 */
export function parseInterval(text: string): number {
  const [, count, unit] = /^(\d{1,8})([smhd])$/.exec(text) ?? []
  const ms = Number(count) * unitMs[unit as keyof typeof unitMs]
  if (ms >= unitMs.s && ms <= maxDays * unitMs.d) return ms
  throw new Error(`Invalid interval "${text}". Expected a number with s, m, h or d, such as 15m, up to ${maxDays}d.`)
}
