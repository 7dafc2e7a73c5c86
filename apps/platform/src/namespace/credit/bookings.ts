import { now } from '../../clock.ts'
import { usd } from '../../money.ts'
import type { Audit, AuditEntry } from '../audit.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { balance } from './credit-account.ts'
import type { LowBalance } from './low-balance.ts'

/** The kinds of ledger entries with an audit event. */
export type BookedKind = 'topup' | 'adjustment' | 'refund' | 'dispute' | 'transfer' | 'restore_adjustment'
const ENTERED: { readonly [K in BookedKind]: string } = {
  topup: 'topped_up',
  adjustment: 'adjusted',
  refund: 'refunded',
  dispute: 'disputed',
  transfer: 'transferred',
  restore_adjustment: 'restored',
}

/** The balance after an entry. */
export interface Credit {
  readonly balanceNano: number
}

/** The services that ledger entries depend on. */
export interface BookingsOptions {
  readonly storage: DurableObjectStorage
  readonly ledger: () => Ledger
  readonly audit: Audit
  readonly lowBalance: LowBalance
  /** Called after an entry is stored and before it is acknowledged. */
  readonly settled: () => Promise<void>
  /** Restarts the object from its stored state. */
  readonly abort: (reason: string) => void
}

/** Makes ledger entries, each once per reference, together with its audit event. */
export class Bookings {
  readonly #options: BookingsOptions

  constructor(options: BookingsOptions) {
    this.#options = options
  }

  /** Runs `enter` in one transaction. Returns the balance when the leases fit it. */
  async book(enter: () => void): Promise<Credit> {
    const { ledger, settled } = this.#options
    this.write(enter)
    await settled()
    return { balanceNano: balance(ledger().account) }
  }

  /** Runs `enter` in one transaction and returns its result. The leases must fit the new balance. */
  write<T>(enter: () => T): T {
    const { storage, abort } = this.#options
    try {
      return storage.transactionSync(enter)
    } catch (cause) {
      // The state in memory can be ahead of storage now.
      abort('booking_failed')
      throw cause
    }
  }

  /** Adds an entry once per `ref`. Call it within `book` or `write`. */
  enter(kind: BookedKind, amountNano: number, ref: string, detail: AuditEntry['detail'], actor: string): void {
    const { ledger, audit, lowBalance } = this.#options
    if (!ledger().enter(kind, amountNano, ref, detail, now())) return
    audit.add(actor, `balance.${ENTERED[kind]}`, ref, { ...detail, usd: usd(amountNano) }, now())
    if (amountNano > 0) lowBalance.rearm()
    lowBalance.check(now())
  }
}
