/** The limits of results that callers have not received yet, in bytes: of a namespace, and of all together. */
const MAX_BYTES = 64 * 1024 * 1024
const MAX_TOTAL_BYTES = 1024 * 1024 * 1024
/** The time after which a caller that receives slowly loses the rest of its result. */
const MAX_SEND_MS = 300_000

interface OpenResult {
  readonly namespace: string
  readonly bytes: number
  readonly untilMs: number
}

/** The large results of this process that callers are still receiving. Their files are deleted, but take room. */
export class OpenResults {
  readonly #open = new Set<OpenResult>()

  /** Returns whether a namespace has to receive its results before it can read more. */
  isFull(namespace: string, nowMs: number): boolean {
    const { own, total } = this.measure(namespace, nowMs)
    return own >= MAX_BYTES || total >= MAX_TOTAL_BYTES
  }

  /** Returns the bytes of the results of a namespace, and of all together. */
  measure(namespace: string, nowMs: number): { own: number; total: number } {
    let [own, total] = [0, 0]
    for (const result of this.#open) {
      // The runtime can end a response without notice.
      if (result.untilMs < nowMs) this.#open.delete(result)
      else {
        total += result.bytes
        if (result.namespace === namespace) own += result.bytes
      }
    }
    return { own, total }
  }

  /** Returns the stream that a caller receives. It is counted until its end. */
  send(namespace: string, body: ReadableStream<Uint8Array>, bytes: number): ReadableStream<Uint8Array> {
    const result = { namespace, bytes, untilMs: Date.now() + MAX_SEND_MS }
    this.#open.add(result)
    const { readable, writable } = new FixedLengthStream(bytes)
    body
      .pipeTo(writable, { signal: AbortSignal.timeout(MAX_SEND_MS) })
      .catch(() => {
        // The caller disconnected, or received too slowly.
      })
      .finally(() => this.#open.delete(result))
    return readable
  }
}
