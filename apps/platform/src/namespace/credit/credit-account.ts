import { PerSQLError } from '@persql/contract'
import { costNano, growth, NOTHING, REQUEST_NANO, type Totals } from '../../money.ts'

/** The money of a namespace. The balance is the sum of the ledger minus the usage that isn't posted yet. */
export interface CreditAccount {
  readonly ledgerNano: number
  readonly unpostedNano: number
}

/**
 * The credit lease of one database. The database can spend until its cumulative cost reaches `ceilingNano`. `version`
 * grows with every change of the ceiling, so that outdated responses are recognized.
 */
export interface CreditLease {
  readonly seen: Totals
  readonly version: number
  readonly ceilingNano: number
}

export const NO_LEASE: CreditLease = Object.freeze({ seen: NOTHING, version: 0, ceilingNano: 0 })

/** The smallest lease, because each lease costs a call: 0.1 cent, 2,000 requests. */
const SMALL_NANO = 1_000_000
/** The largest lease: 1 dollar. */
const LARGE_NANO = 1_000_000_000

export const balance = (account: CreditAccount): number => account.ledgerNano - account.unpostedNano

/** Returns the balance below which the owners are warned: a tenth of the last top-up, at least $0.50. */
export const lowNano = (lastTopUpNano: number): number => Math.max(500_000_000, Math.floor(lastTopUpNano / 10))

/** Returns the amount that a database can still spend, as far as the namespace knows. */
export const outstanding = (lease: CreditLease): number => Math.max(0, lease.ceilingNano - costNano(lease.seen))

/**
 * Checks that a refusal would be true: if databases didn't return their credit, the balance can cover a request.
 * @throws PerSQLError `unavailable`
 */
export function assertAffordable(account: CreditAccount, freeNano: number, isComplete: boolean): void {
  if (freeNano < REQUEST_NANO && !isComplete && balance(account) >= REQUEST_NANO) throw new PerSQLError('unavailable')
}

/** Debits the usage in a report that previous reports don't have. Repeated and outdated reports change nothing. */
export function settle(
  account: CreditAccount,
  lease: CreditLease,
  reported: Totals,
): { account: CreditAccount; lease: CreditLease; used: Totals } {
  const used = growth(lease.seen, reported)
  return {
    account: { ...account, unpostedNano: account.unpostedNano + costNano(used) },
    lease: { ...lease, seen: maximum(lease.seen, reported) },
    used,
  }
}

/**
 * Allocates credit that no other lease holds. The share shrinks with the balance, so the balance can be spent to the
 * last cent. The ceiling never falls here, because the database can spend up to the old one until this response
 * arrives. Only a recall lowers it.
 */
export function grant(account: CreditAccount, lease: CreditLease, othersOutstanding: number): CreditLease {
  const free = Math.max(0, balance(account) - othersOutstanding)
  const share = Math.min(LARGE_NANO, Math.max(SMALL_NANO, Math.floor(free / 8)))
  const ceilingNano = Math.max(lease.ceilingNano, costNano(lease.seen) + Math.min(free, share))
  return { ...lease, version: lease.version + 1, ceilingNano }
}

/** Reclaims the unspent credit of a lease. */
export const recall = (lease: CreditLease): CreditLease => ({
  ...lease,
  version: lease.version + 1,
  ceilingNano: costNano(lease.seen),
})

const maximum = (a: Totals, b: Totals): Totals => ({
  requests: Math.max(a.requests, b.requests),
  rowsRead: Math.max(a.rowsRead, b.rowsRead),
  rowsWritten: Math.max(a.rowsWritten, b.rowsWritten),
  aiTokens: Math.max(a.aiTokens, b.aiTokens),
})
