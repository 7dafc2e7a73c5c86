import { CHUNK_BYTES, type Chunks } from './chunks.ts'

/** The number of chunks in memory per file: 2 MB. */
const MAX_HELD = 32

interface Held {
  readonly bytes: Uint8Array
  dirty: boolean
}

/** A file of any length, with a few chunks in memory. */
export class ChunkedFile {
  readonly #chunks: Chunks
  /** Chunks in memory, in order of use. The most recent one is last. */
  readonly #held = new Map<number, Held>()
  readonly number: number
  size = 0

  constructor(chunks: Chunks, number: number) {
    this.#chunks = chunks
    this.number = number
  }

  /** Fills `into` from this position on. Returns the number of bytes read. */
  read(position: number, into: Uint8Array): number {
    const length = Math.max(0, Math.min(into.length, this.size - position))
    for (const [chunk, from, to, at] of spans(position, length)) {
      into.set(this.#hold(chunk, true).bytes.subarray(from, to), at)
    }
    return length
  }

  write(position: number, bytes: Uint8Array): void {
    for (const [chunk, from, to, at] of spans(position, bytes.length)) {
      const held = this.#hold(chunk, to - from < CHUNK_BYTES)
      held.bytes.set(bytes.subarray(at, at + to - from), from)
      held.dirty = true
    }
    this.size = Math.max(this.size, position + bytes.length)
  }

  truncate(size: number): void {
    const kept = Math.ceil(size / CHUNK_BYTES)
    for (const chunk of [...this.#held.keys()]) if (chunk >= kept) this.#held.delete(chunk)
    if (size < this.size) {
      this.#chunks.drop(this.number, kept)
      const rest = size % CHUNK_BYTES
      if (rest > 0) {
        const last = this.#hold(kept - 1, true)
        last.bytes.fill(0, rest)
        last.dirty = true
      }
    }
    this.size = size
  }

  /** Writes changed chunks to storage. */
  flush(): void {
    for (const [chunk, held] of this.#held) this.#putDown(chunk, held)
  }

  #hold(chunk: number, asIs: boolean): Held {
    const known = this.#held.get(chunk)
    if (known) this.#held.delete(chunk)
    const held = known ?? { bytes: (asIs && this.#chunks.get(this.number, chunk)) || empty(), dirty: false }
    this.#held.set(chunk, held)
    if (this.#held.size > MAX_HELD) {
      const [[oldest, old]] = this.#held as unknown as [[number, Held]]
      this.#held.delete(oldest)
      this.#putDown(oldest, old)
    }
    return held
  }

  #putDown(chunk: number, held: Held): void {
    if (!held.dirty) return
    this.#chunks.put(this.number, chunk, held.bytes)
    held.dirty = false
  }
}

const empty = () => new Uint8Array(CHUNK_BYTES)

/** Yields the spans of a byte range: the chunk number, start and end within the chunk, and the offset in the range. */
function* spans(position: number, length: number): Generator<[number, number, number, number]> {
  for (let at = 0; at < length; ) {
    const chunk = Math.floor((position + at) / CHUNK_BYTES)
    const from = position + at - chunk * CHUNK_BYTES
    const to = Math.min(CHUNK_BYTES, from + length - at)
    yield [chunk, from, to, at]
    at += to - from
  }
}
