import { type ApprovalHit, type ApprovalStatus, PerSQLError } from '@persql/contract'
import { limitReached } from '../../../storage/limit-reached.ts'
import type { StatementInput } from '../../calls/call.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import { hashToken } from './tokens.ts'

/** The statements that an approved request runs, exactly as they were sent. */
export interface PendingStatements {
  readonly statements: readonly StatementInput[]
  /** Whether the response has a result per statement, or a single result. */
  readonly batch: boolean
}

/** A write that needs approval, and its state. */
export interface Request extends PendingStatements {
  /**
   * The token of the approval link. Approvers also need a role in the namespace. Absent in requests of earlier
   * versions.
   */
  readonly token?: string
  /** The requester's token, which can redeem the approval. */
  readonly tokenId: string
  readonly hits: readonly ApprovalHit[]
  /** All protected tables that the write changes; `hits` has only the first matches. */
  readonly guarded: readonly string[]
  /** All tables that the write changes. */
  readonly tables: readonly string[]
  /** Fingerprints of the writing statements. If one differs at redemption, the approval doesn't apply. */
  readonly prints: readonly string[]
  readonly rowsWritten: number
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly decision: Decision | undefined
  readonly redeemedAtMs: number | undefined
}

/** A recorded decision. */
export interface Decision {
  readonly approved: boolean
  readonly by: string
  readonly note: string | null
  readonly atMs: number
}

const PREFIX = 'approval/'
const DATES = 'approval-until/'
/** Keys and key prefixes that are deleted together with the tables of a database: requests and rules. */
export const contentKeys = ['approval']
/** Time after which an expired request is deleted. */
const KEPT_MS = 60 * 60 * 1000
const MAX_KEPT = 1_000
const MAX_OF_TOKEN = 100
/** Cloudflare limits a stored value to 2 MB, and a character takes up to 2 bytes. */
const MAX_CHARACTERS = 900_000
const UNTIL_GONE = 'Try again when older requests have expired.'

/** Returns the status of a request. */
export function getStatus({ decision, redeemedAtMs, expiresAtMs }: Request, nowMs: number): ApprovalStatus {
  if (redeemedAtMs !== undefined) return 'redeemed'
  if (decision?.approved === false) return 'denied'
  if (expiresAtMs <= nowMs) return 'expired'
  return decision ? 'approved' : 'pending'
}

/** The requests for approval, stored under the hash of their token. Their number and lifetime are limited. */
export class Requests {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  readonly #sweepAt: (atMs: number) => void

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage, sweepAt: (atMs: number) => void) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
    this.#sweepAt = sweepAt
  }

  /** @throws PerSQLError `body_too_large` or `limit_reached` */
  add(token: string, request: Request): void {
    if (size(request) > MAX_CHARACTERS)
      throw new PerSQLError('body_too_large', { limit: `${MAX_CHARACTERS.toLocaleString('en-US')} characters` })
    const owners = [...this.#kv.list<string>({ prefix: DATES })].map(([, tokenId]) => tokenId)
    if (owners.length >= MAX_KEPT) throw limitReached(MAX_KEPT, 'approval requests', UNTIL_GONE)
    if (owners.filter((tokenId) => tokenId === request.tokenId).length >= MAX_OF_TOKEN) {
      throw limitReached(MAX_OF_TOKEN, 'approval requests from one token', UNTIL_GONE)
    }
    const untilMs = request.expiresAtMs + KEPT_MS
    this.#ownPages.around(() => {
      this.#kv.put(PREFIX + hashToken(token), request)
      this.#kv.put(`${DATES}${String(untilMs).padStart(15, '0')}/${hashToken(token)}`, request.tokenId)
      this.#sweepAt(untilMs)
    })
  }

  /** @throws PerSQLError `approval_not_found` */
  get(token: string): Request {
    const request = this.#kv.get<Request>(PREFIX + hashToken(token))
    if (!request) throw new PerSQLError('approval_not_found')
    return request
  }

  /** Yields all stored requests, newest first, and reads each only when it is needed. */
  *newestFirst(): Generator<Request> {
    for (const [key] of [...this.#kv.list({ prefix: DATES, reverse: true })]) {
      const request = this.#kv.get<Request>(PREFIX + key.slice(key.lastIndexOf('/') + 1))
      if (request) yield request
    }
  }

  /** Returns a request to its requester. @throws PerSQLError `approval_not_found` */
  getOwn(token: string, tokenId: string): Request {
    const request = this.get(token)
    if (request.tokenId !== tokenId) throw new PerSQLError('approval_not_found')
    return request
  }

  replace(token: string, request: Request): void {
    this.#ownPages.around(() => this.#kv.put(PREFIX + hashToken(token), request))
  }

  /** Deletes requests whose retention has ended, and schedules the next sweep. */
  sweep(nowMs: number): void {
    for (const [key] of [...this.#kv.list({ prefix: DATES })]) {
      const [date, hash] = key.slice(DATES.length).split('/') as [string, string]
      if (Number(date) > nowMs) {
        this.#sweepAt(Number(date))
        break
      }
      this.#ownPages.around(() => {
        this.#kv.delete(PREFIX + hash)
        this.#kv.delete(key)
      })
    }
  }
}

function size({ statements }: PendingStatements): number {
  let characters = 0
  for (const { sql, params } of statements) {
    characters += sql.length
    for (const param of params.values()) characters += param instanceof Uint8Array ? param.length : String(param).length
  }
  return characters
}

/** Returns the timer that deletes old requests. */
export const timers = (services: { readonly approvals: { readonly requests: Requests } }) => ({
  approvals: (nowMs: number) => services.approvals.requests.sweep(nowMs),
})
