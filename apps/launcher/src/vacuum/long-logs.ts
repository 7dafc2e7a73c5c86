const MB = 1_000_000

/** The length that a log reaches in ordinary use: SQLite overwrites it from its start after 1,000 pages. */
export const ordinaryBytes = 5 * MB
/** The most bytes above `ordinaryBytes` that the logs of one namespace, and of all namespaces, have together. */
export const maxExcessBytes = { namespace: 64 * MB, instance: 512 * MB }
/** The least bytes that all logs can have together, and the share of the free room that they can have above that. */
const minTotalBytes = 1_000 * MB
const freeShare = 0.1

/** A write-ahead log of a database that is open. */
export interface OpenLog {
  readonly namespace: string
  readonly bytes: number
}

/**
 * Returns the logs to shorten, the longest first, so that those that are left are within the bounds.
 * @param freeBytes the free room on the disk
 */
export function chooseLongLogs<Log extends OpenLog>(logs: readonly Log[], freeBytes: number): Log[] {
  const excess = new Map<string, number>()
  let allExcess = 0
  let total = 0
  for (const { namespace, bytes } of logs) {
    const above = getExcess(bytes)
    excess.set(namespace, (excess.get(namespace) ?? 0) + above)
    allExcess += above
    total += bytes
  }
  const maxTotal = Math.max(minTotalBytes, freeBytes * freeShare)
  return logs
    .toSorted((a, b) => b.bytes - a.bytes)
    .filter(({ namespace, bytes }) => {
      const ofNamespace = excess.get(namespace) ?? 0
      const above = getExcess(bytes)
      const isTooMuch =
        (above > 0 && (ofNamespace > maxExcessBytes.namespace || allExcess > maxExcessBytes.instance)) ||
        total > maxTotal
      if (!isTooMuch) return false
      excess.set(namespace, ofNamespace - above)
      allExcess -= above
      total -= bytes
      return true
    })
}

const getExcess = (bytes: number): number => Math.max(0, bytes - ordinaryBytes)
