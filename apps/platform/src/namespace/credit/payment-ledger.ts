import { RpcTarget } from 'cloudflare:workers'
import { now } from '../../clock.ts'
import { usd } from '../../money.ts'
import type { Audit, AuditEntry } from '../audit.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { balance } from './credit-account.ts'
import type { LowBalance } from './low-balance.ts'
import type { RefundPart, TopUp, TopUps } from './top-ups.ts'

type LedgerKind = 'topup' | 'adjustment' | 'refund' | 'dispute'
const ENTERED: { readonly [K in LedgerKind]: string } = {
  topup: 'topped_up',
  adjustment: 'adjusted',
  refund: 'refunded',
  dispute: 'disputed',
}

/** The balance after an entry. */
interface Credit {
  readonly balanceNano: number
}

interface Parts {
  readonly storage: DurableObjectStorage
  readonly ledger: () => Ledger
  readonly topUps: TopUps
  readonly audit: Audit
  readonly lowBalance: LowBalance
  /** Called when an entry is on record, before it is acknowledged. */
  readonly settled: () => Promise<void>
  /** Starts the object afresh from what is stored. */
  readonly abort: (reason: string) => void
}

/** Money that comes and goes. Each entry, with its line in the audit log, is made once for its reference. */
export class PaymentLedger extends RpcTarget {
  readonly #storage: DurableObjectStorage
  readonly #ledger: () => Ledger
  readonly #topUps: TopUps
  readonly #audit: Audit
  readonly #lowBalance: LowBalance
  readonly #settled: () => Promise<void>
  readonly #abort: (reason: string) => void

  constructor({ storage, ledger, topUps, audit, lowBalance, settled, abort }: Parts) {
    super()
    this.#storage = storage
    this.#ledger = ledger
    this.#topUps = topUps
    this.#audit = audit
    this.#lowBalance = lowBalance
    this.#settled = settled
    this.#abort = abort
  }

  /** Adds an amount, or takes a negative one, once per `ref`, however often it is asked to. */
  credit(
    kind: 'topup' | 'adjustment',
    amountNano: number,
    ref: string,
    detail: AuditEntry['detail'],
    actor: string,
  ): Promise<Credit> {
    return this.#book(() => this.#enter(kind, amountNano, ref, detail, actor))
  }

  #enter(kind: LedgerKind, amountNano: number, ref: string, detail: AuditEntry['detail'], actor: string): void {
    if (!this.#ledger().enter(kind, amountNano, ref, detail, now())) return
    this.#audit.add(actor, `balance.${ENTERED[kind]}`, ref, { ...detail, usd: usd(amountNano) }, now())
    if (amountNano > 0) this.#lowBalance.rearm()
    this.#lowBalance.check(now())
  }

  /** @throws PerSQLError `idempotency_mismatch` */
  reserveTopUp(amountNano: number, key: string | null, baseUrl: string, actor: string): TopUp {
    const topUp = this.#topUps.reserve(amountNano, key, baseUrl, now())
    if (!topUp.checkout) this.#audit.add(actor, 'topup.requested', topUp.id, { usd: usd(amountNano) }, now())
    return topUp
  }

  recordCheckout(id: string, sessionId: string, url: string): void {
    this.#topUps.record(id, sessionId, url)
  }

  giveUpTopUp(id: string): void {
    this.#topUps.cancel(id)
  }

  endTopUp(id: string, status: 'failed' | 'expired'): void {
    this.#topUps.setStatus(id, status)
  }

  /** Credits a payment, once however often it is told. */
  payTopUp(id: string, amountNano: number, paymentIntent: string): Promise<Credit> {
    this.#topUps.setStatus(id, 'paid')
    return this.credit('topup', amountNano, `stripe:${paymentIntent}`, { topup: id }, 'stripe')
  }

  /** Takes back what was refunded of a payment; `refundedNano` is what was refunded of it in all. */
  refund(paymentIntent: string, refundedNano: number): Promise<Credit> {
    return this.#book(() => this.#enterRefunds(paymentIntent, this.#topUps.recordRefunded(paymentIntent, refundedNano)))
  }

  /**
   * Takes back one refund of a payment, unless it is in what was taken, and returns its amount when it failed: the payer
   * did not get it. Whatever comes first, and whatever never comes: what is returned was taken before.
   */
  refundPart(paymentIntent: string, part: RefundPart): Promise<Credit> {
    return this.#book(() => {
      this.#enterRefunds(paymentIntent, this.#topUps.recordRefund(paymentIntent, part))
      if (!part.failed) return
      const detail = { payment: paymentIntent, refund: part.id, outcome: 'failed' }
      this.#enter('refund', part.amountNano, `stripe:${part.id}:failed`, detail, 'stripe')
    })
  }

  #enterRefunds(paymentIntent: string, { beforeNano, afterNano }: { beforeNano: number; afterNano: number }): void {
    if (afterNano <= beforeNano) return
    const ref = `stripe:${paymentIntent}:refunded:${afterNano}`
    this.#enter('refund', beforeNano - afterNano, ref, { payment: paymentIntent }, 'stripe')
  }

  /**
   * Takes the disputed amount, and gives it back when the dispute is won. Whatever comes first, and whatever never comes:
   * what is given back was taken before.
   */
  dispute(id: string, amountNano: number, outcome: 'opened' | 'won'): Promise<Credit> {
    return this.#book(() => {
      const enter = (side: 'opened' | 'won', nano: number) =>
        this.#enter('dispute', nano, `stripe:${id}:${side}`, { dispute: id, outcome: side }, 'stripe')
      enter('opened', -amountNano)
      if (outcome === 'won') enter('won', amountNano)
    })
  }

  async #book(enter: () => void): Promise<Credit> {
    try {
      this.#storage.transactionSync(enter)
    } catch (cause) {
      // What is in memory may be ahead of what is stored now.
      this.#abort('booking_failed')
      throw cause
    }
    await this.#settled()
    return { balanceNano: balance(this.#ledger().account) }
  }
}
