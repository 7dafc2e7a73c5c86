import { type Api, type Output, PerSQLError, type WelcomeCredit } from '@persql/contract'
import { now } from '../../clock.ts'
import { NOTHING, usd } from '../../money.ts'
import type { IdentityStore } from '../identity.ts'
import type { DayClose } from '../ledger/day-close.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { balance } from './credit-account.ts'
import type { CreditAllocator } from './credit-allocator.ts'
import type { LowBalance } from './low-balance.ts'
import { chargeRequest } from './request-charge.ts'

/** The state of a namespace for the operator. */
export interface Standing {
  readonly status: 'active' | 'suspended'
  readonly balanceNano: number
  readonly driftNano: number
}

/** The services that billing depends on. */
export interface BillingOptions {
  readonly identity: IdentityStore
  readonly ledger: () => Ledger
  readonly lending: CreditAllocator
  readonly lowBalance: LowBalance
  readonly dayClose: DayClose
}

/** Bills requests of the namespace itself, and reports balance, usage and ledger. */
export class Billing {
  readonly #options: BillingOptions

  constructor(options: BillingOptions) {
    this.#options = options
  }

  /** Bills a request that reaches no database. @throws PerSQLError `insufficient_balance`, `namespace_suspended`, `unavailable` */
  async charge(): Promise<void> {
    const { identity, ledger, lending, lowBalance } = this.#options
    if (identity.known?.suspended) throw new PerSQLError('namespace_suspended')
    await chargeRequest({
      reclaim: () => lending.reclaim(),
      assertFree: (isComplete) => lending.assertFree(isComplete),
      debit: () => ledger().debit('', '', { ...NOTHING, requests: 1 }),
    })
    lowBalance.check(now())
  }

  /** Returns the usage by kind, database, token and day. `from` and `to` are UTC days. */
  async usage(from: string, to: string): Promise<Output<Api['get_usage']>> {
    const { lending } = this.#options
    await lending.collect()
    const ledger = this.#options.ledger()
    const spend = ledger.spend()
    const costNano = Object.values(spend).reduce((sum, { costUsd }) => sum + Math.round(costUsd * 1e9), 0)
    return {
      spend,
      costUsd: usd(costNano),
      databases: ledger.byDatabase(),
      days: ledger.history(from, to),
      tokens: ledger.tokenHistory(from, to),
    }
  }

  /** Returns the balance, with ledger entries older than `before`. */
  async statement(limit: number, before?: number): Promise<Output<Api['get_billing']>> {
    const { lending } = this.#options
    await lending.collect()
    const ledger = this.#options.ledger()
    const balanceNano = balance(ledger.account)
    return {
      balanceUsd: usd(balanceNano),
      balanceNanoUsd: String(balanceNano),
      transferableUsd: usd(Math.max(0, ledger.paidNano())),
      welcomeCredit: this.welcomeCredit(),
      spend: ledger.spend(),
      ledger: ledger.entries(limit, before),
    }
  }

  /** Returns the credit that the namespace started with, or why it has none. */
  welcomeCredit(): WelcomeCredit {
    const { identity, ledger } = this.#options
    const creditNano = ledger().welcomeNano()
    return { amountUsd: usd(creditNano), reason: creditNano > 0 ? null : (identity.existing.uncredited ?? 'disabled') }
  }

  /** Returns the state from the current figures, without usage that databases haven't reported yet. */
  standing(): Standing {
    const { identity, ledger, dayClose } = this.#options
    return { status: identity.status, balanceNano: balance(ledger().account), driftNano: dayClose.driftNano }
  }
}
