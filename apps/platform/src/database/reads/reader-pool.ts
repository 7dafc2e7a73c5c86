import { disk } from '../../disk-space.ts'
import type { Env } from '../../env.ts'
import { OpenResults } from './open-results.ts'
import { Penalties } from './penalties.ts'
import { FILE_HEADER, READ_HEADER, type ReadHead, STORE_HEADER } from './protocol.ts'
import { ReaderHealth } from './reader-health.ts'
import { ReaderSlots } from './slots.ts'

/** A response of a reader. */
export interface ReaderAnswer {
  readonly head: ReadHead
  /** The results as JSON, separated by commas. */
  readonly results: string | ReadableStream<Uint8Array>
}

/** The namespace has too many results that its callers have not received. */
export const FULL = Symbol('full')

/** The reader processes of an instance. */
export class ReaderPool {
  readonly slots: ReaderSlots
  readonly penalties = new Penalties()
  readonly #readers: readonly Fetcher[]
  readonly #results: Fetcher
  readonly #open = new OpenResults()
  readonly #health: ReaderHealth

  constructor(readers: readonly Fetcher[], results: Fetcher) {
    this.#readers = readers
    this.#results = results
    this.#health = new ReaderHealth(readers.map((reader) => async () => (await reader.fetch('http://reader/')).text()))
    this.slots = new ReaderSlots(readers.length)
  }

  /**
   * Returns the identifier of the reader's process: `undefined` while it starts, and `FULL` while the namespace has to
   * receive its results first.
   */
  async findRun(reader: number, namespace: string): Promise<string | typeof FULL | undefined> {
    if (this.#open.isFull(namespace, Date.now())) return FULL
    try {
      const response = await this.#reader(reader).fetch('http://reader/')
      const run = await response.text()
      return response.ok && run !== this.slots.ended[reader] ? run : undefined
    } catch {
      return undefined
    }
  }

  /** Returns the bytes of large results that callers are still receiving. */
  getOpenBytes(nowMs: number): number {
    return this.#open.measure('', nowMs).total
  }

  /** Returns whether a process runs. One that doesn't respond in this time can be busy with a read. */
  findState(limitMs: number): ReturnType<ReaderHealth['find']> {
    return this.#health.find(() => scheduler.wait(limitMs))
  }

  /**
   * Runs a read of a namespace. Returns the response of the reader.
   * @param canStream whether a large result can be a stream
   * @throws Error if the process ended
   */
  async read(reader: number, namespace: string, request: string, canStream: boolean): Promise<ReaderAnswer> {
    // On a full disk, files of results would take the room that reads need.
    const headers: HeadersInit = disk.level === 0 ? { [STORE_HEADER]: '1' } : {}
    const response = await this.#reader(reader).fetch('http://reader/', { method: 'POST', body: request, headers })
    const head = response.headers.get(READ_HEADER)
    if (!response.ok || head === null) {
      throw new Error(`Reader ${reader} failed: ${(await response.text()).slice(0, 500)}`)
    }
    const file = response.headers.get(FILE_HEADER)
    const results =
      file === null ? await response.text() : await this.#take(`http://results/${reader}/${file}`, namespace, canStream)
    return { head: JSON.parse(decodeURIComponent(head)) as ReadHead, results }
  }

  /** Opens a file with results and deletes it: its content is there until it is closed. */
  async #take(url: string, namespace: string, canStream: boolean): Promise<ReaderAnswer['results']> {
    const { ok, body, headers } = await this.#results.fetch(url)
    if (!ok || body === null) throw new Error('The file of a result is missing.')
    await this.#results.fetch(url, { method: 'DELETE' })
    return canStream
      ? this.#open.send(namespace, body, Number(headers.get('Content-Length')))
      : await new Response(body).text()
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
  if (!env.RESULTS) throw new Error('The binding RESULTS is missing.')
  pool ??= new ReaderPool(
    Array.from({ length: count }, (_, index) => getReader(env, index)),
    env.RESULTS,
  )
  return pool
}

function getReader(env: Env, index: number): Fetcher {
  const reader = (env as unknown as Record<string, Fetcher | undefined>)[`READER_${index}`]
  if (!reader) throw new Error(`The binding READER_${index} is missing.`)
  return reader
}
