import { PerSQLError } from '@persql/contract'
import type { StoredSql } from './parse.ts'

/** The time after which a stream without an open transaction expires. */
const IDLE_MS = 10_000
const MAX_STREAMS = 100

/** A stream between two requests. It exists only while it has an open transaction or stored SQL. */
export interface KeptStream {
  readonly id: string
  readonly tokenId: string
  /** The number in its current baton. Each response has a new one. */
  readonly step: number
  readonly usedMs: number
  readonly stored: StoredSql
  readonly transactionId: string | undefined
}

/** The streams of a database, in memory: a restart ends them, like their transactions. */
export class Streams {
  readonly #kept = new Map<string, KeptStream>()
  readonly #now: () => number
  readonly #fits: (bytes: number) => boolean

  /** @param fits records the bytes of all stored SQL, and returns whether they fit into the memory of the process */
  constructor(now: () => number, fits: (bytes: number) => boolean) {
    this.#now = now
    this.#fits = fits
  }

  /**
   * Returns the stream of a baton. A baton grants nothing: only the token that opened the stream can use it.
   * @throws PerSQLError `stream_expired`
   */
  find(baton: string, tokenId: string): KeptStream {
    const [, id = '', step] = /^(\w+)\.(\d+)$/.exec(baton) ?? []
    const stream = this.#kept.get(id)
    if (!stream || stream.tokenId !== tokenId || this.#isIdle(stream)) throw expired('Begin the transaction again.')
    if (stream.step !== Number(step)) throw expired('Its baton was already used: send the baton of the last response.')
    return stream
  }

  /** Keeps a stream until its next request, and returns its baton. */
  keep({ id, step, ...rest }: Omit<KeptStream, 'usedMs'>): string {
    this.#kept.delete(id)
    for (const stream of this.#kept.values()) if (this.#isIdle(stream)) this.#kept.delete(stream.id)
    if (this.#kept.size >= MAX_STREAMS) this.#evict()
    this.#kept.set(id, { ...rest, id, step, usedMs: this.#now() })
    while (!this.#fits(this.#countBytes()) && this.#kept.size > 0) this.#evict()
    return `${id}.${step}`
  }

  /** Returns the stream that has a transaction open. */
  findByTransaction(transactionId: string): string | undefined {
    for (const stream of this.#kept.values()) if (stream.transactionId === transactionId) return stream.id
    return undefined
  }

  end(id: string): void {
    if (this.#kept.delete(id)) this.#fits(this.#countBytes())
  }

  forget(): void {
    this.#kept.clear()
  }

  /** Returns the memory that the stored SQL of all streams takes. */
  #countBytes(): number {
    let bytes = 0
    for (const { stored } of this.#kept.values()) for (const sql of stored.values()) bytes += 100 + sql.length * 2
    return bytes
  }

  #isIdle({ usedMs, transactionId }: KeptStream): boolean {
    return transactionId === undefined && this.#now() - usedMs > IDLE_MS
  }

  /** Ends the stream that was used the longest time ago, if possible one without a transaction. */
  #evict(): void {
    const all = [...this.#kept.values()]
    const oldest = all.find(({ transactionId }) => transactionId === undefined) ?? all[0]
    if (oldest) this.#kept.delete(oldest.id)
  }
}

/** Returns the error for a baton that can't be used. */
export const expired = (instead: string): PerSQLError => new PerSQLError('stream_expired', { instead })

/** Returns the ID of a new stream. */
export const newStreamId = (): string => crypto.randomUUID().replaceAll('-', '')
