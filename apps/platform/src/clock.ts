// The offset of the clock from the machine's. Tests set it through a route that exists only with `PERSQL_DEV=1`.
let aheadMs = 0

/** Returns the current time in milliseconds since 1970. Every expiry and every daily task uses this clock. */
export const now = (): number => Date.now() + aheadMs

/** Returns the machine's time for a time of this clock. The runtime's alarms need it. */
export const alarmAt = (atMs: number): number => atMs - aheadMs

/** Returns the UTC day of a time, such as `2026-11-21`. */
export const toUtcDay = (ms: number): string => toIso(ms).slice(0, 10)

export function setAhead(ms: number): void {
  aheadMs = ms
}

/** Formats a time as ISO 8601 in UTC. Returns `null` for a missing time. */
export function toIso(ms: number): string
export function toIso(ms: number | null | undefined): string | null
export function toIso(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : new Date(ms).toISOString()
}
