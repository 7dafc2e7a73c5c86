import { costNano, growth, NOTHING, type Totals } from '../../money.ts'

/** Money of a namespace. The balance is what the ledger says, less what was used and is not posted in it yet. */
export interface CreditAccount {
  readonly ledgerNano: number
  readonly unpostedNano: number
}

/**
 * What the namespace knows of one database's spending. The database may spend until its cumulative cost reaches
 * `ceilingNano`. `version` grows with every change of the ceiling, so that an answer overtaken on its way is known.
 */
export interface CreditLease {
  readonly seen: Totals
  readonly version: number
  readonly ceilingNano: number
}

export const NO_LEASE: CreditLease = Object.freeze({ seen: NOTHING, version: 0, ceilingNano: 0 })

/** Leases of less than this are not worth a call: 0.1 cent, 2,000 requests. */
const SMALL_NANO = 1_000_000
/** No database holds more than this: one dollar. */
const LARGE_NANO = 1_000_000_000

export const balance = (account: CreditAccount): number => account.ledgerNano - account.unpostedNano

/** The balance below which the owners are warned: a tenth of the last top-up, and half a dollar at least. */
export const lowNano = (lastTopUpNano: number): number => Math.max(500_000_000, Math.floor(lastTopUpNano / 10))

/** What a database may still spend, as far as the namespace knows. */
export const outstanding = (lease: CreditLease): number => Math.max(0, lease.ceilingNano - costNano(lease.seen))

/** Debits what a report has beyond the last one seen. Repeated and overtaken reports change nothing. */
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
 * A new ceiling out of what no other lease has promised away. It shrinks with the balance, so the last cent is exact;
 * but it is never below the last one, which the database may go by until this answer arrives: only a recall lowers it.
 */
export function grant(account: CreditAccount, lease: CreditLease, othersOutstanding: number): CreditLease {
  const free = Math.max(0, balance(account) - othersOutstanding)
  const share = Math.min(LARGE_NANO, Math.max(SMALL_NANO, Math.floor(free / 8)))
  const ceilingNano = Math.max(lease.ceilingNano, costNano(lease.seen) + Math.min(free, share))
  return { ...lease, version: lease.version + 1, ceilingNano }
}

/** Takes back what is not spent. */
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
