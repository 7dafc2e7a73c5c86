const underWay = new Map<string, Promise<unknown>>()

/** Does something that is not under way already; the second of two clicks gets what the first one does. */
export function runOnce<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = underWay.get(key)
  if (before) return before as Promise<T>
  const begun = work().finally(() => underWay.delete(key))
  underWay.set(key, begun)
  return begun
}
