import { PerSQLError } from '@persql/contract'
import type { SystemStorage } from '../engine/system-storage.ts'
import type { ReplayKey } from './call.ts'

const TTL_MS = 24 * 60 * 60 * 1000
/** The minimum time between two sweeps. */
const MIN_PAUSE_MS = 60_000
/** A stored value can have at most 2 MB on Cloudflare, so longer responses are split. */
const PIECE = 500_000

interface Kept {
  readonly requestHash: string
  readonly status: number
  readonly expiresAtMs: number
  readonly pieces: number
}

/**
 * Responses saved for 24 hours under (token, key). They are written in the turn of their effect, so both are on disk or
 * neither is: a retry finds either no effect or the response.
 */
export class IdempotencyStore {
  readonly #kv: SyncKvStorage
  readonly #sweepAt: (atMs: number) => void

  constructor(storage: DurableObjectStorage, sweepAt: (atMs: number) => void) {
    this.#kv = storage.kv
    this.#sweepAt = sweepAt
  }

  /**
   * Returns the response saved under the key, if any.
   * @throws PerSQLError `idempotency_mismatch` if it belongs to another request
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
    for (let i = 0; i < kept.pieces; i++) body += this.#kv.get<string>(toPieceKey(name, i)) ?? ''
    return { status: kept.status, body }
  }

  /** Saves a response until it expires. */
  keep(tokenId: string, { header, key, requestHash }: ReplayKey, status: number, body: string, nowMs: number): void {
    const name = toKey(tokenId, header, key)
    const expiresAtMs = nowMs + TTL_MS
    const pieces = Math.ceil(body.length / PIECE)
    for (let i = 0; i < pieces; i++) this.#kv.put(toPieceKey(name, i), body.slice(i * PIECE, (i + 1) * PIECE))
    this.#kv.put(name, { requestHash, status, expiresAtMs, pieces } satisfies Kept)
    this.#kv.put(toExpiryKey(expiresAtMs, name), pieces)
    this.#sweepAt(expiresAtMs)
  }

  /** Deletes expired responses, up to 1,000 per call. Returns the next due time, or `undefined` if none remain. */
  sweep(nowMs: number): number | undefined {
    const due = [...this.#kv.list<number>({ prefix: EXPIRY, limit: 1_000 })]
    for (const [entry, pieces] of due) {
      const [expiresAtMs, name] = splitExpiry(entry)
      if (expiresAtMs > nowMs) return expiresAtMs
      // The key may have been used again; its new response has its own entry.
      if ((this.#kv.get<Kept>(name)?.expiresAtMs ?? 0) <= nowMs) {
        for (let i = 0; i < pieces; i++) this.#kv.delete(toPieceKey(name, i))
        this.#kv.delete(name)
      }
      this.#kv.delete(entry)
    }
    return due.length === 1_000 ? nowMs : undefined
  }
}

/** The storage keys, or their prefixes, that are deleted with the rows and tables of a database. */
export const contentKeys = ['replay']

const EXPIRY = 'replay-expiry/'
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
