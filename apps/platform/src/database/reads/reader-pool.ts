import type { Env } from '../../env.ts'
import { Penalties } from './penalties.ts'
import { ReaderSlots } from './slots.ts'

/** The reader processes of an instance. */
export class ReaderPool {
  readonly slots: ReaderSlots
  readonly penalties = new Penalties()
  readonly #readers: readonly Fetcher[]

  constructor(readers: readonly Fetcher[]) {
    this.#readers = readers
    this.slots = new ReaderSlots(readers.length)
  }

  /** Returns the identifier of the reader's process, or `undefined` while it starts. */
  async findRun(reader: number): Promise<string | undefined> {
    try {
      const response = await this.#reader(reader).fetch('http://reader/')
      const run = await response.text()
      return response.ok && run !== this.slots.ended[reader] ? run : undefined
    } catch {
      return undefined
    }
  }

  /** Runs a read. Returns the response of the reader. @throws Error if the process ended */
  async read(reader: number, request: string): Promise<string> {
    const response = await this.#reader(reader).fetch('http://reader/', { method: 'POST', body: request })
    const text = await response.text()
    if (!response.ok) throw new Error(`Reader ${reader} failed: ${text.slice(0, 500)}`)
    return text
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
