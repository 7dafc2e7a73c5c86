import { PerSQLError } from '@persql/contract'
import type { SystemStorage } from '../engine/system-storage.ts'
import type { ReplayKey } from './call.ts'

/** The time for which the database knows that a call ran. */
export const TTL_MS = 24 * 60 * 60 * 1000
/** The minimum time between two sweeps. */
const MIN_PAUSE_MS = 60_000
/** A stored value can have at most 2 MB on Cloudflare, so longer responses are split. */
const PIECE = 500_000

/** The most bodies that are dropped for a new one. If they aren't enough, the new one isn't kept. */
const MAX_DROPPED = 1_000

/** The stored text of a response, in the order of expiry, which is the order of the calls. */
interface Entry {
  readonly pieces: number
  /** The length of the body. */
  readonly length: number
  /** The length of all bodies that were kept until this one. */
  readonly total: number
}

/** The position of the last dropped body in the order of expiry. */
interface Dropped {
  readonly entry: string
  readonly total: number
}

interface Kept {
  readonly requestHash: string
  readonly status: number
  readonly expiresAtMs: number
  readonly pieces: number
}

/**
 * Responses saved for 24 hours under (token, key). They are written in the turn of their effect, so both are on disk or
 * neither is: a retry finds either no effect or the response. Bodies have a quota. To make room, the oldest bodies are
 * dropped, but never the record that the call ran.
 */
export class IdempotencyStore {
  readonly #kv: SyncKvStorage
  readonly #maxLength: () => number
  readonly #sweepAt: (atMs: number) => void
  /** The length of all bodies that were ever kept; read before the first one is kept. */
  #total: number | undefined
  /** The part of it that expired or was dropped. */
  #goneTotal = 0

  /** @param maxLength returns the most characters that all bodies can have */
  constructor(storage: DurableObjectStorage, maxLength: () => number, sweepAt: (atMs: number) => void) {
    this.#kv = storage.kv
    this.#maxLength = maxLength
    this.#sweepAt = sweepAt
  }

  /**
   * Returns the response saved under the key, if any.
   * @throws PerSQLError `idempotency_mismatch` if it belongs to another request, `replay_dropped` without its body
   */
  find(
    tokenId: string,
    { header, key, requestHash }: ReplayKey,
    nowMs: number,
  ): { status: number; body: string } | undefined {
    const name = toKey(tokenId, header, key)
    const kept = this.#kv.get<Kept>(name)
    if (!kept || kept.expiresAtMs <= nowMs) return undefined
    if (kept.requestHash !== requestHash) throw new PerSQLError('idempotency_mismatch', { header: `${header}-Key` })
    let body = ''
    for (let i = 0; i < kept.pieces; i++) {
      const piece = this.#kv.get<string>(toPieceKey(name, i))
      if (piece === undefined) throw new PerSQLError('replay_dropped', { header: `${header}-Key` })
      body += piece
    }
    return { status: kept.status, body }
  }

  /** Saves a response until it expires; without its body, if that doesn't fit. Call it in the turn of the effect. */
  keep(tokenId: string, { header, key, requestHash }: ReplayKey, status: number, body: string, nowMs: number): void {
    const name = toKey(tokenId, header, key)
    const expiresAtMs = nowMs + TTL_MS
    const pieces = Math.ceil(body.length / PIECE)
    const length = this.#hasRoom(body.length) ? body.length : 0
    for (let i = 0; i < pieces; i++) {
      if (length > 0) this.#kv.put(toPieceKey(name, i), body.slice(i * PIECE, (i + 1) * PIECE))
      // A body that expired under the same key can still be stored.
      else this.#kv.delete(toPieceKey(name, i))
    }
    this.#kv.put(name, { requestHash, status, expiresAtMs, pieces } satisfies Kept)
    const total = (this.#total as number) + length
    this.#kv.put(toExpiryKey(expiresAtMs, name), { pieces, length, total } satisfies Entry)
    this.#total = total
    this.#sweepAt(expiresAtMs)
  }

  /** Forgets what it knows of the stored bodies. Call it after a rollback or after they were deleted. */
  forget(): void {
    this.#total = undefined
  }

  /** Returns whether a body fits, after dropping the oldest ones. */
  #hasRoom(length: number): boolean {
    this.#total ??= this.#readTotal()
    const max = this.#maxLength()
    if (this.#total - this.#goneTotal + length <= max) return true
    if (length > max) return false
    const dropped = this.#kv.get<Dropped>(DROPPED)
    const from = dropped?.entry ?? ''
    let last: Dropped | undefined
    for (const [entry, stored] of [
      ...this.#kv.list<Stored>({ prefix: EXPIRY, startAfter: from, limit: MAX_DROPPED }),
    ]) {
      if (this.#total - this.#goneTotal + length <= max) break
      const { pieces, total } = toEntry(stored)
      const [expiresAtMs, name] = splitExpiry(entry)
      // The key may have been used again; its new response has its own entry.
      if (this.#kv.get<Kept>(name)?.expiresAtMs === expiresAtMs)
        for (let i = 0; i < pieces; i++) this.#kv.delete(toPieceKey(name, i))
      last = { entry, total }
      this.#goneTotal = Math.max(this.#goneTotal, total)
    }
    if (last) this.#kv.put(DROPPED, last)
    return this.#total - this.#goneTotal + length <= max
  }

  #readTotal(): number {
    const end = (reverse: boolean) => [...this.#kv.list<Stored>({ prefix: EXPIRY, reverse, limit: 1 })][0]
    const [first, last] = [end(false), end(true)]
    const dropped = this.#kv.get<Dropped>(DROPPED)
    const oldest = first && toEntry(first[1])
    this.#goneTotal = Math.max(dropped?.total ?? 0, oldest ? oldest.total - oldest.length : 0)
    return last ? Math.max(toEntry(last[1]).total, this.#goneTotal) : this.#goneTotal
  }

  /** Deletes expired responses, up to 1,000 per call. Returns the next due time, or `undefined` if none remain. */
  sweep(nowMs: number): number | undefined {
    const due = [...this.#kv.list<Stored>({ prefix: EXPIRY, limit: 1_000 })]
    for (const [entry, stored] of due) {
      const { pieces, total } = toEntry(stored)
      const [expiresAtMs, name] = splitExpiry(entry)
      if (expiresAtMs > nowMs) return expiresAtMs
      // The key may have been used again; its new response has its own entry.
      if ((this.#kv.get<Kept>(name)?.expiresAtMs ?? 0) <= nowMs) {
        for (let i = 0; i < pieces; i++) this.#kv.delete(toPieceKey(name, i))
        this.#kv.delete(name)
      }
      this.#kv.delete(entry)
      this.#goneTotal = Math.max(this.#goneTotal, total)
    }
    return due.length === 1_000 ? nowMs : undefined
  }
}

/** The storage keys, or their prefixes, that are deleted with the rows and tables of a database. */
export const contentKeys = ['replay']

const EXPIRY = 'replay-expiry/'
const DROPPED = 'replay-dropped'
/** Before bodies had a quota, an entry was the number of pieces. */
type Stored = Entry | number
const toEntry = (stored: Stored): Entry =>
  typeof stored === 'number' ? { pieces: stored, length: 0, total: 0 } : stored
const toKey = (tokenId: string, header: string, key: string) => `replay/${header}/${tokenId}/${key}`
const toPieceKey = (name: string, i: number) => `replay-piece/${i}/${name}`
const toExpiryKey = (atMs: number, name: string) => `${EXPIRY}${String(atMs).padStart(15, '0')}/${name}`
const splitExpiry = (entry: string): [number, string] => [
  Number(entry.slice(EXPIRY.length, EXPIRY.length + 15)),
  entry.slice(EXPIRY.length + 16),
]

/** Returns the timer that deletes expired responses. */
export const timers = (services: { readonly replays: IdempotencyStore; readonly ownPages: SystemStorage }) => ({
  replays: (nowMs: number) => {
    const nextMs = services.ownPages.around(() => services.replays.sweep(nowMs))
    return nextMs === undefined ? undefined : Math.max(nextMs, nowMs + MIN_PAUSE_MS)
  },
})
