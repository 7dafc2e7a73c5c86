import { PerSQLError } from '@persql/contract'
import { MAX_SESSION_S } from '@persql/endpoint-spec'
import { jwtVerify, SignJWT } from 'jose'
import { toIso } from '../../clock.ts'
import type { SystemStorage } from '../engine/system-storage.ts'
import { type Session, sessionMissing } from './input.ts'

export interface MintedSession {
  readonly token: string
  /** ISO 8601. */
  readonly expiresAt: string
}

interface Key {
  readonly id: string
  readonly secret: string
  /** Expiry time of a rotated key. */
  readonly untilMs?: number
}

const KEY = 'session-keys'
const MINTERS = 'session-minters'
/** Keys and key prefixes that are deleted together with the tables of a database. */
export const contentKeys = [KEY, MINTERS]
const DAY_MS = 24 * 60 * 60 * 1000

/**
 * Sessions of an app's users: JWTs with HS256 and a key that is created on first use and never leaves the database.
 * Sessions of other databases are invalid here.
 */
export class Sessions {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
  }

  /**
   * @param mintedBy the token or grant that creates the session and whose end revokes it; `undefined` for sessions of
   * an endpoint
   */
  async mint(
    userId: string,
    email: string | null,
    ttlS: number,
    nowMs: number,
    mintedBy?: string,
  ): Promise<MintedSession> {
    if (mintedBy !== undefined) this.#addMinter(mintedBy, nowMs)
    const key = this.#keys()[0] ?? this.#addKey([])
    const issuedAtS = Math.floor(nowMs / 1000)
    const expiresAtS = issuedAtS + ttlS
    const token = await new SignJWT({
      sub: userId,
      ...(email !== null && { email }),
      ...(mintedBy !== undefined && { mby: mintedBy }),
      iat: issuedAtS,
      exp: expiresAtS,
    })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: key.id })
      .sign(Uint8Array.fromBase64(key.secret))
    return { token, expiresAt: toIso(expiresAtS * 1000) }
  }

  /** @throws PerSQLError `session_missing` or `session_invalid` */
  async verify(authorization: string | null, nowMs: number): Promise<Session> {
    if (authorization === null) throw sessionMissing()
    const token = /^Bearer (\S+)$/i.exec(authorization)?.[1]
    if (token === undefined) throw new PerSQLError('session_invalid')
    const keys = this.#keys().filter(({ untilMs }) => untilMs === undefined || untilMs > nowMs)
    try {
      const { payload } = await jwtVerify(
        token,
        ({ kid }) => {
          const key = keys.find(({ id }) => id === kid)
          if (!key) throw new Error('unknown key')
          return Uint8Array.fromBase64(key.secret)
        },
        { algorithms: ['HS256'], requiredClaims: ['sub', 'iat', 'exp'], currentDate: new Date(nowMs) },
      )
      const { sub, email, iat, mby } = payload as { sub: string; email?: unknown; iat: number; mby?: string }
      if (mby !== undefined && !Object.hasOwn(this.#minters(), mby)) throw new Error('its token ended')
      return { userId: sub, email: typeof email === 'string' ? email : null, issuedAtS: iat }
    } catch (cause) {
      throw new PerSQLError('session_invalid', {}, { cause })
    }
  }

  /**
   * Creates a new signing key. Earlier keys stay valid until their longest session has expired, or are deleted with
   * `endSessions`.
   */
  rotate(endSessions: boolean, nowMs: number): { keyId: string; previousUntilMs: number | null } {
    const untilMs = nowMs + MAX_SESSION_S * 1000
    const earlier = endSessions
      ? []
      : this.#keys()
          .map((key) => ({ ...key, untilMs: key.untilMs ?? untilMs }))
          .filter((key) => key.untilMs > nowMs)
    const { id } = this.#addKey(earlier)
    return { keyId: id, previousUntilMs: earlier[0]?.untilMs ?? null }
  }

  /** Returns the IDs of the tokens and grants that created sessions. */
  minters(): string[] {
    return Object.keys(this.#minters())
  }

  /** Revokes the sessions that these tokens or grants created. */
  end(ids: readonly string[]): void {
    const all = Object.entries(this.#minters())
    if (all.length === 0) return
    const ended = new Set(ids)
    const left = all.filter(([id]) => !ended.has(id))
    if (left.length < all.length) this.#putMinters(Object.fromEntries(left))
  }

  /** Writes at most once a day for each creator, and removes creators whose last session has expired. */
  #addMinter(id: string, nowMs: number): void {
    const minters = this.#minters()
    const untilMs = (Math.ceil((nowMs + MAX_SESSION_S * 1000) / DAY_MS) + 1) * DAY_MS
    if ((minters[id] ?? 0) >= untilMs - DAY_MS) return
    const left = Object.entries(minters).filter(([, endsAtMs]) => endsAtMs > nowMs)
    this.#putMinters({ ...Object.fromEntries(left), [id]: untilMs })
  }

  #minters(): Readonly<Record<string, number>> {
    return this.#kv.get<Readonly<Record<string, number>>>(MINTERS) ?? {}
  }

  #putMinters(minters: Readonly<Record<string, number>>): void {
    this.#ownPages.around(() => this.#kv.put(MINTERS, minters))
  }

  #keys(): readonly Key[] {
    return this.#kv.get<readonly Key[]>(KEY) ?? []
  }

  #addKey(earlier: readonly Key[]): Key {
    const id = crypto.getRandomValues(new Uint8Array(6)).toHex()
    const key = { id, secret: crypto.getRandomValues(new Uint8Array(32)).toBase64() }
    this.#ownPages.around(() => this.#kv.put(KEY, [key, ...earlier]))
    return key
  }
}
