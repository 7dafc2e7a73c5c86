const hourMs = 60 * 60 * 1_000
/** The restarts in an hour that the writes of one namespace can cause. */
const allowedStops = 2

/**
 * Counts the writes that were stopped with their process, by namespace. A namespace can have any number of databases, so the
 * waits of each database alone would let it cause one restart after the other.
 */
export class StoppedWrites {
  readonly #stops = new Map<string, number[]>()

  /** Counts a stopped write of a database, `namespace/name`. */
  add(database: string, nowMs: number): void {
    const [namespace = ''] = database.split('/')
    const recent = (this.#stops.get(namespace) ?? []).filter((atMs) => nowMs - atMs < hourMs)
    this.#stops.set(namespace, [...recent, nowMs])
  }

  /**
   * Returns the namespaces whose long writes are refused, with the end of that in milliseconds since 1970: an hour after the
   * last stop, if there were two within an hour.
   */
  refused(nowMs: number): Record<string, number> {
    const refused: Record<string, number> = {}
    for (const [namespace, stops] of this.#stops) {
      const lastMs = stops.at(-1) ?? 0
      if (nowMs - lastMs >= hourMs) this.#stops.delete(namespace)
      else if (stops.length >= allowedStops) refused[namespace] = lastMs + hourMs
    }
    return refused
  }
}
