import { count } from '../metrics/metrics.ts'
import { VERSION } from '../version.ts'
import { encodeSpans, type FinishedSpan } from './otlp.ts'
import type { TracingSettings } from './tracing-settings.ts'

/** The memory is bounded by these numbers: a span has about 1 KB, at most 3. */
const MAX_KEPT = 2_048
const MAX_SENT = 512
const COLLECT_MS = 1_000
const SEND_MS = 5_000
/** The time without attempts after the collector failed. */
const PAUSE_MS = 5_000
/** The runtime can end the work that sends without notice. Others continue after this time. */
const MAX_WORK_MS = 30_000

/** Sends the spans of this process in batches. While the collector doesn't take them, the newest are dropped. */
export class SpanExporter {
  readonly #settings: TracingSettings
  #spans: FinishedSpan[] = []
  #workingSinceMs = Number.NEGATIVE_INFINITY
  #pausedUntilMs = 0

  constructor(settings: TracingSettings) {
    this.#settings = settings
  }

  /** Adds a span. It costs no time of the request: `waitUntil` takes the work that sends. */
  add(span: FinishedSpan, waitUntil: (work: Promise<void>) => void): void {
    if (this.#spans.length >= MAX_KEPT) count('persql_spans_dropped_total')
    else this.#spans.push(span)
    const nowMs = Date.now()
    if (nowMs - this.#workingSinceMs < MAX_WORK_MS || nowMs < this.#pausedUntilMs) return
    this.#workingSinceMs = nowMs
    waitUntil(this.#sendAll())
  }

  async #sendAll(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, COLLECT_MS))
    while (this.#spans.length > 0) {
      const batch = this.#spans.splice(0, MAX_SENT)
      const isSent = await this.#send(batch)
      count(isSent ? 'persql_spans_exported_total' : 'persql_spans_dropped_total', '', batch.length)
      if (isSent) continue
      this.#pausedUntilMs = Date.now() + PAUSE_MS
      break
    }
    this.#workingSinceMs = Number.NEGATIVE_INFINITY
  }

  async #send(batch: readonly FinishedSpan[]): Promise<boolean> {
    const { endpoint, headers, service } = this.#settings
    try {
      const response = await fetch(`${endpoint}/v1/traces`, {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: encodeSpans(batch, { 'service.name': service, 'service.version': VERSION }),
        signal: AbortSignal.timeout(SEND_MS),
      })
      await response.body?.cancel()
      return response.ok
    } catch {
      return false
    }
  }
}
