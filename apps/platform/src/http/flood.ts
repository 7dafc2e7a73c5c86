const WINDOW_MS = 60_000
const MAX_ADDRESSES = 50_000

// Of this isolate: a coarse net in front of everything, not a quota.
const counts = new Map<string, number>()
let windowStartMs = 0

/** Counts a request of an address. Returns the seconds to wait when it made too many this minute, else 0. */
export function floodWaitS(address: string, perMinute: number, nowMs: number): number {
  if (nowMs - windowStartMs >= WINDOW_MS) {
    counts.clear()
    windowStartMs = nowMs
  }
  const made = (counts.get(address) ?? 0) + 1
  // A full table means an attack from very many addresses: those not in it share one entry.
  counts.set(made > 1 || counts.size < MAX_ADDRESSES ? address : '', made)
  return made > perMinute ? Math.max(1, Math.ceil((windowStartMs + WINDOW_MS - nowMs) / 1000)) : 0
}
