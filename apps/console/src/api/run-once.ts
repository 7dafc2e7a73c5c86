const underWay = new Map<string, Promise<unknown>>()

/**
 * Runs `work`, unless a run with the same key is in progress. The second of two clicks gets the result of the first.
 */
export function runOnce<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = underWay.get(key)
  if (before) return before as Promise<T>
  const begun = work().finally(() => underWay.delete(key))
  underWay.set(key, begun)
  return begun
}
