import { createHash } from 'node:crypto'
import { PerSQLError } from '@persql/contract'
import { limitReached } from '../../../storage/limit-reached.ts'
import { randomText } from '../../../token.ts'
import type { StatementInput } from '../../calls/call.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'

/** A write that was proposed, frozen as it was then. */
export interface Proposal {
  readonly statement: StatementInput
  /** Who proposed it, and so may apply it. */
  readonly tokenId: string
  readonly expiresAtMs: number
  /** What the compiled statement would do: tables read and written. */
  readonly effect: string
}

const PREFIX = 'proposal/'
/** The keys, or how they begin, of what is deleted with the rows and tables of a database. */
export const contentKeys = [PREFIX]
const MAX_PROPOSALS = 1_000

/** Proposals that wait to be applied, under the hash of their token. */
export class Proposals {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  readonly #sweepAt: (atMs: number) => void

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage, sweepAt: (atMs: number) => void) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
    this.#sweepAt = sweepAt
  }

  /** Keeps a proposal. Returns the token that applies it. @throws PerSQLError `limit_reached` */
  add(proposal: Proposal): string {
    if ([...this.#kv.list({ prefix: PREFIX, limit: MAX_PROPOSALS })].length >= MAX_PROPOSALS) {
      throw limitReached(MAX_PROPOSALS, 'open proposals', 'Apply one, or wait until one expires.')
    }
    const token = `pmut_${randomText(40)}`
    this.#ownPages.around(() => {
      this.#kv.put(keyOf(token), proposal)
      this.#sweepAt(proposal.expiresAtMs)
    })
    return token
  }

  /** The proposal of this token, for whoever made it. @throws PerSQLError `proposal_not_found` */
  get(token: string, tokenId: string, nowMs: number): Proposal {
    const proposal = this.#kv.get<Proposal>(keyOf(token))
    if (!proposal || proposal.tokenId !== tokenId || proposal.expiresAtMs <= nowMs) {
      throw new PerSQLError('proposal_not_found')
    }
    return proposal
  }

  /** To be called in the transaction that applies it. */
  spend(token: string): void {
    this.#ownPages.around(() => this.#kv.delete(keyOf(token)))
  }

  /** Drops those whose time is over. Returns when to come again. */
  sweep(nowMs: number): number | undefined {
    let next: number | undefined
    this.#ownPages.around(() => {
      for (const [key, { expiresAtMs }] of [...this.#kv.list<Proposal>({ prefix: PREFIX })]) {
        if (expiresAtMs <= nowMs) this.#kv.delete(key)
        else next = Math.min(next ?? expiresAtMs, expiresAtMs)
      }
    })
    return next
  }
}

/** Only the hash is kept: who reads the storage cannot apply anything. */
const keyOf = (token: string) => PREFIX + createHash('sha256').update(token).digest('hex')

/** Returns the timer that deletes expired proposals. */
export const timers = (services: { readonly proposals: Proposals }) => ({
  proposals: (nowMs: number) => services.proposals.sweep(nowMs),
})
