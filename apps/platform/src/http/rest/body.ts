import { waitUntil } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import type { Settings } from '../../settings.ts'

/** Bodies up to this multiple of the limit are read to their end, so that their sender can read the response. */
const PATIENCE = 4
/** Bodies up to this size are read in one call, which is faster than reading them in parts. */
const SMALL = 128 * 1024
const PART = 64 * 1024
/** The minimum number of bytes per timeout window. A sender below it only keeps the connection open. */
const LEAST = 128
/** The interval at which late short bodies are ended. */
const TICK_MS = 1_000
/** The total time limit for a body that is held in memory, as a multiple of `bodyTimeoutMs`. */
const TOTAL_WINDOWS = 10

/** The settings that limit the time without new data in a request body. */
type BodyLimits = Pick<Settings, 'bodyTimeoutMs'>

/**
 * Returns the body as text. A body that is too large isn't stored, even if its declared length is smaller.
 * @throws PerSQLError `body_too_large`, `body_incomplete`, `body_timeout`, or `invalid_json` for invalid UTF-8
 */
export async function readBody(request: Request, maxBytes: number, { bodyTimeoutMs }: BodyLimits): Promise<string> {
  const declared = Number(request.headers.get('Content-Length') ?? Number.NaN)
  if (declared <= Math.min(maxBytes, SMALL)) {
    return whole(await watched(request.text(), bodyTimeoutMs), declared)
  }
  // Only here: for each body that is asked for, the runtime creates a stream.
  if (request.body === null) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  if (!(declared > maxBytes * PATIENCE)) {
    const body = new ArrivingBody(request.body, bodyTimeoutMs, bodyTimeoutMs * TOTAL_WINDOWS)
    for (let chunk = await body.read(); chunk; chunk = await body.read()) {
      size += chunk.length
      // Copy short chunks: each would otherwise retain its whole buffer.
      if (size <= maxBytes) chunks.push(chunk.length < PART / 2 ? chunk.slice() : chunk)
      else if (size > maxBytes * PATIENCE) break
    }
  }
  if (declared > maxBytes || size > maxBytes) {
    throw new PerSQLError('body_too_large', { limit: `${maxBytes / 1024 / 1024} MB` })
  }
  return decode(await new Blob(chunks).arrayBuffer())
}

/** A body with timeouts: its sender must send data in every window of `silenceMs`, and finish within `totalMs`. */
export class ArrivingBody {
  readonly #reader: ReadableStreamBYOBReader
  readonly #silenceMs: number
  readonly #totalMs: number
  readonly #startedMs = performance.now()
  #windowStartMs = this.#startedMs
  #windowBytes = 0

  constructor(body: ReadableStream, silenceMs: number, totalMs = Number.POSITIVE_INFINITY) {
    this.#reader = body.getReader({ mode: 'byob' })
    this.#silenceMs = silenceMs
    this.#totalMs = totalMs
  }

  /** Returns the next chunk, or `undefined` at the end. @throws PerSQLError `body_incomplete` or `body_timeout` */
  async read(): Promise<Uint8Array | undefined> {
    const arriving = this.#reader.read(new Uint8Array(PART))
    for (;;) {
      const nowMs = performance.now()
      if (nowMs - this.#startedMs >= this.#totalMs) throw slow(this.#totalMs)
      const leftMs = this.#windowStartMs + this.#silenceMs - nowMs
      if (leftMs <= 0 && this.#windowBytes < LEAST) throw silent(this.#silenceMs)
      if (leftMs <= 0) {
        this.#windowStartMs = nowMs
        this.#windowBytes = 0
      }
      const waitMs = Math.min(leftMs <= 0 ? this.#silenceMs : leftMs, this.#startedMs + this.#totalMs - nowMs)
      const read = await within(arriving, waitMs)
      if (read === undefined) continue
      this.#windowBytes += read.value?.length ?? 0
      return read.done ? undefined : read.value
    }
  }
}

/**
 * Waits at most `ms` for a part of a body, then resolves with `undefined`. A read fails if the sender disconnects or
 * violates HTTP.
 */
function within<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), ms)
    work.then(
      (result) => {
        clearTimeout(timer)
        resolve(result)
      },
      (cause) => {
        clearTimeout(timer)
        reject(new PerSQLError('body_incomplete', {}, { cause }))
      },
    )
  })
}

interface PendingBody {
  readonly untilMs: number
  readonly end: () => void
}

/** Short bodies that are arriving, in the order of their deadlines. */
const pending = new Set<PendingBody>()

let tickedMs = Number.NEGATIVE_INFINITY

/** Waits `ms` for a short body, or a second longer. A timer for each body would take 4% of a point read. */
function watched(text: Promise<string>, ms: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const nowMs = performance.now()
    const body: PendingBody = { untilMs: nowMs + ms, end: () => reject(silent(ms)) }
    pending.add(body)
    // On Cloudflare, the clock of an ended request can stop.
    if (nowMs - tickedMs > 2 * TICK_MS) waitUntil(tick(nowMs))
    text.then(
      (whole) => {
        pending.delete(body)
        resolve(whole)
      },
      (cause) => {
        pending.delete(body)
        reject(new PerSQLError('body_incomplete', {}, { cause }))
      },
    )
  })
}

/** Ends late bodies, every second, until none is arriving. */
async function tick(nowMs: number): Promise<void> {
  for (tickedMs = nowMs; pending.size > 0; tickedMs = performance.now()) {
    for (const body of pending) {
      if (body.untilMs > tickedMs) break
      pending.delete(body)
      body.end()
    }
    await scheduler.wait(TICK_MS)
  }
  tickedMs = Number.NEGATIVE_INFINITY
}

const silent = (ms: number) =>
  new PerSQLError('body_timeout', {
    problem: `less than ${LEAST.toLocaleString('en-US')} bytes arrived within ${ms / 1000} s`,
  })
const slow = (ms: number) => new PerSQLError('body_timeout', { problem: `it was incomplete after ${ms / 1000} s` })

/**
 * Checks the runtime's decoded text. Its decoder is the fastest, but replaces invalid UTF-8 by U+FFFD. The replacement
 * changes the length in bytes, except for the rare invalid sequence of three bytes.
 */
function whole(text: string, declared: number): string {
  if (!text.includes('\ufffd') || new TextEncoder().encode(text).length === declared) return text
  throw new PerSQLError('invalid_json')
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

function decode(bytes: ArrayBuffer): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new PerSQLError('invalid_json', {}, { cause })
  }
}
