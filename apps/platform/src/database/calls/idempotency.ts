import { PerSQLError } from '@persql/contract'
import type { SystemStorage } from '../engine/system-storage.ts'
import type { ReplayKey } from './call.ts'

const TTL_MS = 24 * 60 * 60 * 1000
/** Between two sweeps. */
const MIN_PAUSE_MS = 60_000
/** A stored value may have 2 MB on Cloudflare, so longer answers are kept in pieces. */
const PIECE = 500_000

interface Kept {
  readonly requestHash: string
  readonly status: number
  readonly expiresAtMs: number
  readonly pieces: number
}

/**
 * Answers kept for a day under (token, key). They are written in the turn that has the effect, so both are on disk or
 * neither is: a retry finds either nothing done or the answer.
 */
export class IdempotencyStore {
  readonly #kv: SyncKvStorage

  constructor(storage: DurableObjectStorage) {
    this.#kv = storage.kv
  }

  /**
   * The answer kept under the key, if any.
   * @throws PerSQLError `idempotency_mismatch` when it answered another request
   */
  find(
    tokenId: string,
    { header, key, requestHash }: ReplayKey,
    nowMs: number,
  ): { status: number; body: string } | undefined {
    const name = keyOf(tokenId, header, key)
    const kept = this.#kv.get<Kept>(name)
    if (!kept || kept.expiresAtMs <= nowMs) return undefined
    if (kept.requestHash !== requestHash) throw new PerSQLError('idempotency_mismatch', { header: `${header}-Key` })
    let body = ''
    for (let i = 0; i < kept.pieces; i++) body += this.#kv.get<string>(pieceOf(name, i)) ?? ''
    return { status: kept.status, body }
  }

  /** Keeps an answer. Returns when it may be dropped. */
  keep(tokenId: string, { header, key, requestHash }: ReplayKey, status: number, body: string, nowMs: number): number {
    const name = keyOf(tokenId, header, key)
    const expiresAtMs = nowMs + TTL_MS
    const pieces = Math.ceil(body.length / PIECE)
    for (let i = 0; i < pieces; i++) this.#kv.put(pieceOf(name, i), body.slice(i * PIECE, (i + 1) * PIECE))
    this.#kv.put(name, { requestHash, status, expiresAtMs, pieces } satisfies Kept)
    this.#kv.put(expiryOf(expiresAtMs, name), pieces)
    return expiresAtMs
  }

  /** Drops what has expired, a bounded number at a time. Returns when to come again, or `undefined` when nothing is left. */
  sweep(nowMs: number): number | undefined {
    const due = [...this.#kv.list<number>({ prefix: EXPIRY, limit: 1_000 })]
    for (const [entry, pieces] of due) {
      const [expiresAtMs, name] = splitExpiry(entry)
      if (expiresAtMs > nowMs) return expiresAtMs
      // The key may have been used again since; its new answer has its own entry.
      if ((this.#kv.get<Kept>(name)?.expiresAtMs ?? 0) <= nowMs) {
        for (let i = 0; i < pieces; i++) this.#kv.delete(pieceOf(name, i))
        this.#kv.delete(name)
      }
      this.#kv.delete(entry)
    }
    return due.length === 1_000 ? nowMs : undefined
  }
}

/** The keys, or how they begin, of what is deleted with the rows and tables of a database. */
export const contentKeys = ['replay']

const EXPIRY = 'replay-expiry/'
const keyOf = (tokenId: string, header: string, key: string) => `replay/${header}/${tokenId}/${key}`
const pieceOf = (name: string, i: number) => `replay-piece/${i}/${name}`
const expiryOf = (atMs: number, name: string) => `${EXPIRY}${String(atMs).padStart(15, '0')}/${name}`
const splitExpiry = (entry: string): [number, string] => [
  Number(entry.slice(EXPIRY.length, EXPIRY.length + 15)),
  entry.slice(EXPIRY.length + 16),
]

/** Returns the timer that deletes expired answers. */
export const timers = (services: { readonly replays: IdempotencyStore; readonly ownPages: SystemStorage }) => ({
  replays: (nowMs: number) => {
    const nextMs = services.ownPages.around(() => services.replays.sweep(nowMs))
    return nextMs === undefined ? undefined : Math.max(nextMs, nowMs + MIN_PAUSE_MS)
  },
})
