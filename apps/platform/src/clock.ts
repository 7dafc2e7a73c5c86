// How far the clock is ahead of the machine's. Tests set it, through a door that only `PERSQL_DEV=1` opens.
let aheadMs = 0

/** The moment by PerSQL's clock, in milliseconds since 1970: what every lifetime and every day's work goes by. */
export const now = (): number => Date.now() + aheadMs

/** When the runtime's alarm must ring for a moment by PerSQL's clock. */
export const alarmAt = (atMs: number): number => atMs - aheadMs

export function setAhead(ms: number): void {
  aheadMs = ms
}

/** Formats a time as ISO 8601 in UTC. No time stays `null`. */
export function toIso(ms: number): string
export function toIso(ms: number | null | undefined): string | null
export function toIso(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : new Date(ms).toISOString()
}
