import { createHash } from 'node:crypto'
import { PerSQLError } from '@persql/contract'
import { limitReached } from '../../../storage/limit-reached.ts'
import { randomText } from '../../../token.ts'
import type { StatementInput } from '../../calls/call.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'

/** A proposed write, exactly as it was sent. */
export interface Proposal {
  readonly statement: StatementInput
  /** The token that proposed the write and can apply it. */
  readonly tokenId: string
  readonly expiresAtMs: number
  /** The tables that the compiled statement reads and writes. */
  readonly effect: string
}

const PREFIX = 'proposal/'
/** Keys and key prefixes that are deleted together with the tables of a database. */
export const contentKeys = [PREFIX]
const MAX_PROPOSALS = 1_000

/** The open proposals, stored under the hash of their token. */
export class Proposals {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  readonly #sweepAt: (atMs: number) => void

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage, sweepAt: (atMs: number) => void) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
    this.#sweepAt = sweepAt
  }

  /** Stores a proposal and returns the token that applies it. @throws PerSQLError `limit_reached` */
  add(proposal: Proposal): string {
    if ([...this.#kv.list({ prefix: PREFIX, limit: MAX_PROPOSALS })].length >= MAX_PROPOSALS) {
      throw limitReached(MAX_PROPOSALS, 'open proposals', 'Apply one, or wait until one expires.')
    }
    const token = `pmut_${randomText(40)}`
    this.#ownPages.around(() => {
      this.#kv.put(toKey(token), proposal)
      this.#sweepAt(proposal.expiresAtMs)
    })
    return token
  }

  /** Returns a proposal to its creator. @throws PerSQLError `proposal_not_found` */
  get(token: string, tokenId: string, nowMs: number): Proposal {
    const proposal = this.#kv.get<Proposal>(toKey(token))
    if (!proposal || proposal.tokenId !== tokenId || proposal.expiresAtMs <= nowMs) {
      throw new PerSQLError('proposal_not_found')
    }
    return proposal
  }

  /** Deletes a proposal; called in the transaction that applies it. */
  spend(token: string): void {
    this.#ownPages.around(() => this.#kv.delete(toKey(token)))
  }

  /** Deletes expired proposals. Returns the time of the next sweep. */
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

/**
 * Returns the storage key of a proposal. It contains only the hash, so read access to the storage can't apply a
 * proposal.
 */
const toKey = (token: string) => PREFIX + createHash('sha256').update(token).digest('hex')

/** Returns the timer that deletes expired proposals. */
export const timers = (services: { readonly proposals: Proposals }) => ({
  proposals: (nowMs: number) => services.proposals.sweep(nowMs),
})
