import { add, costNano, growth, NOTHING, REQUEST_NANO, type Totals } from '../../money.ts'
import type { SizeMeasurement } from './measurement.ts'

/** Permission to spend until the cumulative cost reaches `ceilingNano`; of two, the one with the higher `version` counts. */
export interface Allowance {
  readonly version: number
  readonly ceilingNano: number
}

/** What a token used since the last report: for charts, not for the bill, so it may fall short when something crashes. */
export interface TokenUsage extends Totals {
  readonly tokenId: string
}

/** What a database tells its namespace. */
export interface Report {
  readonly totals: Totals
  readonly byToken: readonly TokenUsage[]
  /** How large it is, when that was measured and not told yet. */
  readonly measured?: SizeMeasurement
}

export const NO_REPORT: Report = Object.freeze({ totals: NOTHING, byToken: [] })

/** More tokens than this between two reports are counted as one, `other`. */
const MAX_TOKENS = 1_000

/**
 * What one database has used since it was made, and how far it may go. Counters only grow, so reporting them twice,
 * or late, does no harm.
 */
export class Meter {
  #totals: Totals
  #spentNano: number
  #allowance: Allowance = { version: 0, ceilingNano: 0 }
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

  /** What is left to spend; below zero after a last request with many rows. */
  get creditNano(): number {
    return this.#allowance.ceilingNano - this.#spentNano
  }

  /** Whether the price of one more request is covered. */
  canServe(): boolean {
    return this.creditNano >= REQUEST_NANO
  }

  charge(used: Totals, tokenId: string): void {
    this.#totals = add(this.#totals, used)
    this.#spentNano += costNano(used)
    this.#countFor(tokenId, used)
  }

  /** Everything to be told; what tokens used is told once, unless it is given back. */
  report(): Report {
    const byToken = [...this.#byToken].map(([tokenId, used]) => ({ tokenId, ...used }))
    this.#byToken.clear()
    return { totals: this.#totals, byToken }
  }

  /** Takes back what did not arrive. */
  unreported(byToken: readonly TokenUsage[]): void {
    for (const { tokenId, ...used } of byToken) this.#countFor(tokenId, used)
  }

  #countFor(tokenId: string, used: Totals): void {
    const known = this.#byToken.get(tokenId)
    if (known) this.#byToken.set(tokenId, add(known, used))
    else if (this.#byToken.size < MAX_TOKENS || tokenId === 'other') this.#byToken.set(tokenId, used)
    else this.#countFor('other', used)
  }

  /** Takes an allowance over unless a later one is known. */
  accept(allowance: Allowance): void {
    if (allowance.version > this.#allowance.version) this.#allowance = allowance
  }

  /** Gives back what is not spent. Answers on their way with an older version no longer count. */
  giveBack(version = this.#allowance.version): void {
    this.#allowance = { version: Math.max(version, this.#allowance.version), ceilingNano: 0 }
  }

  unsaved(saved: Totals): boolean {
    return costNano(growth(saved, this.#totals)) > 0
  }
}
