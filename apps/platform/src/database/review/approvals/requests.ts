import { type ApprovalHit, type ApprovalStatus, PerSQLError } from '@persql/contract'
import { limitReached } from '../../../storage/limit-reached.ts'
import type { StatementInput } from '../../calls/call.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import { hashOf } from './tokens.ts'

/** What would be run: frozen as it was sent. */
export interface PendingStatements {
  readonly statements: readonly StatementInput[]
  /** Whether a result for each statement is answered, or the only one. */
  readonly batch: boolean
}

/** A write that waits for a human, and what became of it. */
export interface Request extends PendingStatements {
  /** Its address, for those who decide: it opens nothing to others. Left out in those of versions before. */
  readonly token?: string
  /** Who asked, and so may redeem it. */
  readonly tokenId: string
  readonly hits: readonly ApprovalHit[]
  /** Tables that the rules keep it from, all of them; of hits only the first are kept. */
  readonly guarded: readonly string[]
  /** All tables it would write. */
  readonly tables: readonly string[]
  /** What each of its statements that write would do: if that differs, something else was approved. */
  readonly prints: readonly string[]
  readonly rowsWritten: number
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly decision: Decision | undefined
  readonly redeemedAtMs: number | undefined
}

/** What a human said. */
export interface Decision {
  readonly approved: boolean
  readonly by: string
  readonly note: string | null
  readonly atMs: number
}

const PREFIX = 'approval/'
const DATES = 'approval-until/'
/** The keys, or how they begin, of what is deleted with the rows and tables of a database: requests and rules. */
export const contentKeys = ['approval']
/** So long a request can still be asked about when its time is over. */
const KEPT_MS = 60 * 60 * 1000
const MAX_KEPT = 1_000
const MAX_OF_TOKEN = 100
/** A stored value may have 2 MB on Cloudflare, and a character two bytes. */
const MAX_CHARACTERS = 900_000
const UNTIL_GONE = 'Try again when older requests have expired.'

/** How a request stands. */
export function statusOf({ decision, redeemedAtMs, expiresAtMs }: Request, nowMs: number): ApprovalStatus {
  if (redeemedAtMs !== undefined) return 'redeemed'
  if (decision?.approved === false) return 'denied'
  if (expiresAtMs <= nowMs) return 'expired'
  return decision ? 'approved' : 'pending'
}

/** Requests for approval under the hash of their token, a bounded number of them, for a bounded time. */
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
      throw limitReached(MAX_OF_TOKEN, 'approval requests of one token', UNTIL_GONE)
    }
    const untilMs = request.expiresAtMs + KEPT_MS
    this.#ownPages.around(() => {
      this.#kv.put(PREFIX + hashOf(token), request)
      this.#kv.put(`${DATES}${String(untilMs).padStart(15, '0')}/${hashOf(token)}`, request.tokenId)
      this.#sweepAt(untilMs)
    })
  }

  /** @throws PerSQLError `approval_not_found` */
  get(token: string): Request {
    const request = this.#kv.get<Request>(PREFIX + hashOf(token))
    if (!request) throw new PerSQLError('approval_not_found')
    return request
  }

  /** All that are kept, newest first, read as they are asked for. */
  *newestFirst(): Generator<Request> {
    for (const [key] of [...this.#kv.list({ prefix: DATES, reverse: true })]) {
      const request = this.#kv.get<Request>(PREFIX + key.slice(key.lastIndexOf('/') + 1))
      if (request) yield request
    }
  }

  /** The same for whoever asked. @throws PerSQLError `approval_not_found` */
  getOwn(token: string, tokenId: string): Request {
    const request = this.get(token)
    if (request.tokenId !== tokenId) throw new PerSQLError('approval_not_found')
    return request
  }

  replace(token: string, request: Request): void {
    this.#ownPages.around(() => this.#kv.put(PREFIX + hashOf(token), request))
  }

  /** Drops what nobody may ask about any more. */
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
    for (const param of params) characters += typeof param === 'object' ? (param?.length ?? 4) : String(param).length
  }
  return characters
}

/** Returns the timer that deletes old requests. */
export const timers = (services: { readonly approvals: { readonly requests: Requests } }) => ({
  approvals: (nowMs: number) => services.approvals.requests.sweep(nowMs),
})
