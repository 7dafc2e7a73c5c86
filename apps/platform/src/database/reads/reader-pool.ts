import type { Env } from '../../env.ts'
import { Penalties } from './penalties.ts'
import { READ_HEADER, type ReadHead } from './protocol.ts'
import { ReaderSlots } from './slots.ts'

/** A response of a reader. */
export interface ReaderAnswer {
  readonly head: ReadHead
  /** The results as JSON, separated by commas. */
  readonly results: string | ReadableStream<Uint8Array>
}

/** A reader that still sends large results of the namespace. */
export const FULL = Symbol('full')

/** Larger results go to the caller as a stream. */
const LARGE_BYTES = 256 * 1024

/** The reader processes of an instance. */
export class ReaderPool {
  readonly slots: ReaderSlots
  readonly penalties = new Penalties()
  readonly #readers: readonly Fetcher[]

  constructor(readers: readonly Fetcher[]) {
    this.#readers = readers
    this.slots = new ReaderSlots(readers.length)
  }

  /**
   * Returns the identifier of the reader's process: `undefined` while it starts, and `FULL` while it still sends large
   * results of the namespace.
   */
  async findRun(reader: number, namespace: string): Promise<string | typeof FULL | undefined> {
    try {
      const response = await this.#reader(reader).fetch(`http://reader/${namespace}`)
      const run = await response.text()
      if (response.status === 503) return FULL
      return response.ok && run !== this.slots.ended[reader] ? run : undefined
    } catch {
      return undefined
    }
  }

  /**
   * Runs a read. Returns the response of the reader.
   * @param canStream whether a large result can be a stream
   * @throws Error if the process ended
   */
  async read(reader: number, request: string, canStream: boolean): Promise<ReaderAnswer> {
    const response = await this.#reader(reader).fetch('http://reader/', { method: 'POST', body: request })
    const head = response.headers.get(READ_HEADER)
    if (!response.ok || head === null) {
      throw new Error(`Reader ${reader} failed: ${(await response.text()).slice(0, 500)}`)
    }
    const isLarge = Number(response.headers.get('Content-Length')) >= LARGE_BYTES
    const results = canStream && isLarge && response.body ? response.body : await response.text()
    return { head: JSON.parse(decodeURIComponent(head)) as ReadHead, results }
  }

  #reader(index: number): Fetcher {
    return this.#readers[index] as Fetcher
  }
}

let pool: ReaderPool | undefined

/** Returns the readers of this process, or `undefined` if it has none: then all reads run in place. */
export function getReaderPool(env: Env): ReaderPool | undefined {
  const count = Number(env.PERSQL_READERS ?? 0)
  if (!(count > 0)) return undefined
  pool ??= new ReaderPool(Array.from({ length: count }, (_, index) => getReader(env, index)))
  return pool
}

function getReader(env: Env, index: number): Fetcher {
  const reader = (env as unknown as Record<string, Fetcher | undefined>)[`READER_${index}`]
  if (!reader) throw new Error(`The binding READER_${index} is missing.`)
  return reader
}
