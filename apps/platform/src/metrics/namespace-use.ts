import type { Sample } from './exposition.ts'

/** The number of namespaces in the metrics. */
const SHOWN = 20
/** The number of namespaces that are counted. When there are more, the half with the least use is dropped. */
const MAX_COUNTED = 2_000
/** The time in which earlier use loses half its weight for the order. */
const HALF_LIFE_MS = 60_000

interface Use {
  requests: number
  rows: number
  /** The same, with less weight for what is longer ago. */
  recentRequests: number
  recentRows: number
}

/**
 * The use of databases by namespace. Each value only grows while its namespace is counted, so a namespace that leaves the
 * metrics and comes back continues where it was.
 */
export class NamespaceUse {
  readonly #uses = new Map<string, Use>()
  #weighedAtMs = 0

  /** The number of namespaces that are counted. */
  get size(): number {
    return this.#uses.size
  }

  /** Counts one call. */
  add(namespace: string, rows: number): void {
    let use = this.#uses.get(namespace)
    if (use === undefined) {
      if (this.#uses.size >= MAX_COUNTED) this.#dropHalf()
      use = { requests: 0, rows: 0, recentRequests: 0, recentRows: 0 }
      this.#uses.set(namespace, use)
    }
    use.requests++
    use.rows += rows
    use.recentRequests++
    use.recentRows += rows
  }

  /** Returns the namespaces with the most calls, and those with the most rows. */
  collect(nowMs: number): Sample[] {
    const samples = [
      ...this.#top('recentRequests').map(([namespace, { requests }]) => ({
        name: 'persql_namespace_requests_total' as const,
        labels: { namespace },
        value: requests,
      })),
      ...this.#top('recentRows').map(([namespace, { rows }]) => ({
        name: 'persql_namespace_rows_total' as const,
        labels: { namespace },
        value: rows,
      })),
    ]
    this.#weigh(nowMs)
    return samples
  }

  #top(by: 'recentRequests' | 'recentRows'): [string, Use][] {
    return [...this.#uses].sort(([, a], [, b]) => b[by] - a[by]).slice(0, SHOWN)
  }

  #weigh(nowMs: number): void {
    const weight = 0.5 ** ((nowMs - this.#weighedAtMs) / HALF_LIFE_MS)
    this.#weighedAtMs = nowMs
    for (const use of this.#uses.values()) {
      use.recentRequests *= weight
      use.recentRows *= weight
    }
  }

  #dropHalf(): void {
    const ordered = [...this.#uses].sort(([, a], [, b]) => a.recentRequests - b.recentRequests)
    for (const [namespace] of ordered.slice(0, MAX_COUNTED / 2)) this.#uses.delete(namespace)
  }
}

/** The use of the databases of this process. */
export const namespaceUse = new NamespaceUse()
