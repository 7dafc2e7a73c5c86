import { add, costNano, growth, NOTHING, REQUEST_NANO, type Totals } from '../../money.ts'
import type { SizeMeasurement } from './measurement.ts'
import type { DaySample } from './size/day-samples.ts'

/** Permission to spend until the cumulative cost reaches `ceilingNano`. The higher `version` wins. */
export interface Allowance {
  readonly version: number
  readonly ceilingNano: number
}

/** The usage of a token since the last report, for charts but not for the bill: a crash can lose some of it. */
export interface TokenUsage extends Totals {
  readonly tokenId: string
}

/** The usage report of a database to its namespace. */
export interface Report {
  readonly totals: Totals
  readonly byToken: readonly TokenUsage[]
  /** The size, if a measurement has not been reported yet. */
  readonly measured?: SizeMeasurement
  /** The generation of the file, which grows with each save. It is on disk before the report is sent. */
  readonly generation?: number
  /** The stored bytes of its snapshots. */
  readonly snapshotBytes?: number
  /** The samples of its storage. */
  readonly samples?: readonly DaySample[]
}

/** The storage of a database at the end of a day. */
export type ClosedDay = Required<Pick<Report, 'measured' | 'snapshotBytes' | 'samples'>>

export const NO_REPORT: Report = Object.freeze({ totals: NOTHING, byToken: [] })

/** The number of tokens counted separately between two reports; the rest count as one, `other`. */
const MAX_TOKENS = 1_000

/**
 * The usage of a database since its creation, and its credit. Counters only grow, so repeated or late reports do no
 * harm.
 */
export class Meter {
  #totals: Totals
  #spentNano: number
  #allowance: Allowance = { version: 0, ceilingNano: 0 }
  /** The credit that is kept for later requests. */
  #reservedNano = 0
  #byToken = new Map<string, Totals>()

  constructor(totals: Totals = NOTHING) {
    this.#totals = totals
    this.#spentNano = costNano(totals)
  }

  get totals(): Totals {
    return this.#totals
  }

  get allowance(): Allowance {
    return this.#allowance
  }

  /** The remaining credit; below zero after a last request with many rows. */
  get creditNano(): number {
    return this.#allowance.ceilingNano - this.#spentNano
  }

  /** Returns whether the credit covers this number of further requests, besides those that it is reserved for. */
  canServe(requests = 1): boolean {
    return this.creditNano - this.#reservedNano >= requests * REQUEST_NANO
  }

  /** Reserves credit for one more request, or releases it. */
  reserve(requests: 1 | -1): void {
    this.#reservedNano += requests * REQUEST_NANO
  }

  charge(used: Totals, tokenId: string): void {
    this.#totals = add(this.#totals, used)
    this.#spentNano += costNano(used)
    this.#countFor(tokenId, used)
  }

  /** Raises the counters to those that the namespace has. They are billed already. */
  raise(onRecord: Totals): void {
    this.#totals = add(this.#totals, growth(this.#totals, onRecord))
    this.#spentNano = costNano(this.#totals)
  }

  /** Returns the report. The usage of tokens is returned once, unless `unreported` adds it again. */
  report(): Report {
    const byToken = [...this.#byToken].map(([tokenId, used]) => ({ tokenId, ...used }))
    this.#byToken.clear()
    return { totals: this.#totals, byToken }
  }

  /** Adds token usage again after its report failed. */
  unreported(byToken: readonly TokenUsage[]): void {
    for (const { tokenId, ...used } of byToken) this.#countFor(tokenId, used)
  }

  #countFor(tokenId: string, used: Totals): void {
    const known = this.#byToken.get(tokenId)
    if (known) this.#byToken.set(tokenId, add(known, used))
    else if (this.#byToken.size < MAX_TOKENS || tokenId === 'other') this.#byToken.set(tokenId, used)
    else this.#countFor('other', used)
  }

  /** Accepts an allowance unless a newer one is known. */
  accept(allowance: Allowance): void {
    if (allowance.version > this.#allowance.version) this.#allowance = allowance
  }

  /** Returns the remaining credit. Responses on their way with an older version are ignored. */
  giveBack(version = this.#allowance.version): void {
    this.#allowance = { version: Math.max(version, this.#allowance.version), ceilingNano: 0 }
  }

  unsaved(saved: Totals): boolean {
    return costNano(growth(saved, this.#totals)) > 0
  }
}
