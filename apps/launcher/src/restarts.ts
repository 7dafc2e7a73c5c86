const maxBackOffMs = 30_000

/** Returns the delay before the next start, by the number of crashes in a row: 0, 0.5, 1, 2, 4 … 30 s. */
export function backOffMs(crashes: number): number {
  return crashes <= 1 ? 0 : Math.min(maxBackOffMs, 500 * 2 ** (crashes - 2))
}
