import type { Grant } from '../calls/call.ts'

/** The part of a grant that decides whether its holder still has access. */
export type Bearer = Pick<Grant, 'tokenId' | 'secretId' | 'expiresAtMs'>

/** After this time, no cache contains a revoked token any more. */
const KEPT_MS = 10 * 60 * 1000

/** The keys of secrets, tokens and grants that ended recently. */
export class RevokedKeys {
  readonly #revoked = new Map<string, number>()

  /** Returns whether a key ended recently. */
  has(key: string): boolean {
    return this.#revoked.has(key)
  }

  /** Returns whether a caller still has access: not revoked, not expired. */
  isTokenValid({ secretId, tokenId, expiresAtMs }: Bearer, nowMs: number): boolean {
    return !this.#revoked.has(secretId ?? tokenId) && (expiresAtMs === null || expiresAtMs > nowMs)
  }

  add(keys: readonly string[], nowMs: number): void {
    for (const key of keys) this.#revoked.set(key, nowMs)
  }

  /** Deletes keys that no cache contains any more. */
  prune(nowMs: number): void {
    for (const [key, atMs] of this.#revoked) if (atMs < nowMs - KEPT_MS) this.#revoked.delete(key)
  }

  /** Deletes all keys after the database was deleted. */
  forget(): void {
    this.#revoked.clear()
  }
}
