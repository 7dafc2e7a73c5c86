import { PerSQLError } from '@persql/contract'
import type { Settings } from '../../settings.ts'

/** A body this many times too large is still read to its end, so that its sender gets to read the answer. */
const PATIENCE = 4
/** A body of at most this size is read as a whole, which is faster than reading it in parts. */
const SMALL = 128 * 1024
const PART = 64 * 1024
/** A sender who sends less than this within the limit for silence only pretends to send. */
const LEAST = 128
/** How long a body that is held in memory can take in all, as a multiple of the limit for silence. */
const TOTAL_WINDOWS = 10

/** The setting that limits how long a request body can be silent. */
type BodyLimits = Pick<Settings, 'bodyTimeoutMs'>

/**
 * Returns the body as text. One that is too large is not kept, whatever length it declares.
 * @throws PerSQLError `body_too_large`, `body_incomplete`, `body_timeout`, or `invalid_json` when it is not UTF-8
 */
export async function readBody(request: Request, maxBytes: number, { bodyTimeoutMs }: BodyLimits): Promise<string> {
  if (request.body === null) return ''
  const declared = Number(request.headers.get('Content-Length') ?? Number.NaN)
  if (declared <= Math.min(maxBytes, SMALL)) {
    return whole(await within(request.text(), bodyTimeoutMs, () => silent(bodyTimeoutMs)), declared)
  }
  const chunks: Uint8Array[] = []
  let size = 0
  if (!(declared > maxBytes * PATIENCE)) {
    const body = new ArrivingBody(request.body, bodyTimeoutMs, bodyTimeoutMs * TOTAL_WINDOWS)
    for (let chunk = await body.read(); chunk; chunk = await body.read()) {
      size += chunk.length
      // A short chunk would keep all of its buffer.
      if (size <= maxBytes) chunks.push(chunk.length < PART / 2 ? chunk.slice() : chunk)
      else if (size > maxBytes * PATIENCE) break
    }
  }
  if (declared > maxBytes || size > maxBytes) {
    throw new PerSQLError('body_too_large', { limit: `${maxBytes / 1024 / 1024} MB` })
  }
  return decode(await new Blob(chunks).arrayBuffer())
}

/** A body whose sender has to keep sending: in each stretch of `silenceMs` something must come, and all in `totalMs`. */
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

  /** Returns what came next, or `undefined` at the end. @throws PerSQLError `body_incomplete` or `body_timeout` */
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
 * Waits for a body for at most `ms`; then throws what `late` makes, or resolves with nothing. A body that cannot be read
 * is one whose sender left, or broke the rules of HTTP.
 */
function within<T>(work: Promise<T>, ms: number, late: () => PerSQLError): Promise<T>
function within<T>(work: Promise<T>, ms: number): Promise<T | undefined>
function within<T>(work: Promise<T>, ms: number, late?: () => PerSQLError): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => (late ? reject(late()) : resolve(undefined)), ms)
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

const silent = (ms: number) =>
  new PerSQLError('body_timeout', {
    problem: `less than ${LEAST.toLocaleString('en-US')} bytes arrived within ${ms / 1000} s`,
  })
const slow = (ms: number) => new PerSQLError('body_timeout', { problem: `it was incomplete after ${ms / 1000} s` })

/**
 * The runtime's own decoder is the fastest, but writes U+FFFD for bytes that are not UTF-8. They show in the length, save
 * for the rare sequence that is as long as what stands for it.
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
