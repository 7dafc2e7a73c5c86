import { RpcTarget } from 'cloudflare:workers'
import { now } from '../../clock.ts'
import { usd } from '../../money.ts'
import type { Audit, AuditEntry } from '../audit.ts'
import type { Bookings, Credit } from './bookings.ts'
import type { RefundPart, TopUp, TopUps } from './top-ups.ts'

/** The services that payments depend on. */
export interface PaymentLedgerOptions {
  readonly bookings: Bookings
  readonly topUps: TopUps
  readonly audit: Audit
}

/** Records payments. Each entry is made once per reference, together with its audit event. */
export class PaymentLedger extends RpcTarget {
  readonly #bookings: Bookings
  readonly #topUps: TopUps
  readonly #audit: Audit

  constructor({ bookings, topUps, audit }: PaymentLedgerOptions) {
    super()
    this.#bookings = bookings
    this.#topUps = topUps
    this.#audit = audit
  }

  /** Adds an amount, which can be negative, once per `ref`. Repeated calls change nothing. */
  credit(
    kind: 'topup' | 'adjustment',
    amountNano: number,
    ref: string,
    detail: AuditEntry['detail'],
    actor: string,
  ): Promise<Credit> {
    return this.#bookings.book(() => this.#bookings.enter(kind, amountNano, ref, detail, actor))
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

  /** Adds the funds of a payment once, even if Stripe reports it repeatedly. */
  payTopUp(id: string, amountNano: number, paymentIntent: string): Promise<Credit> {
    this.#topUps.setStatus(id, 'paid')
    return this.credit('topup', amountNano, `stripe:${paymentIntent}`, { topup: id }, 'stripe')
  }

  /** Debits refunds of a payment. `refundedNano` is the total of its refunds so far. */
  refund(paymentIntent: string, refundedNano: number): Promise<Credit> {
    return this.#bookings.book(() =>
      this.#enterRefunds(paymentIntent, this.#topUps.recordRefunded(paymentIntent, refundedNano)),
    )
  }

  /**
   * Debits one refund of a payment, unless a reported total includes it. Returns the amount to the balance if the
   * refund failed, because the payer didn't get the money. Events can arrive in any order or never, so a return always
   * follows a debit.
   */
  refundPart(paymentIntent: string, part: RefundPart): Promise<Credit> {
    return this.#bookings.book(() => {
      this.#enterRefunds(paymentIntent, this.#topUps.recordRefund(paymentIntent, part))
      if (!part.failed) return
      const detail = { payment: paymentIntent, refund: part.id, outcome: 'failed' }
      this.#bookings.enter('refund', part.amountNano, `stripe:${part.id}:failed`, detail, 'stripe')
    })
  }

  #enterRefunds(paymentIntent: string, { beforeNano, afterNano }: { beforeNano: number; afterNano: number }): void {
    if (afterNano <= beforeNano) return
    const ref = `stripe:${paymentIntent}:refunded:${afterNano}`
    this.#bookings.enter('refund', beforeNano - afterNano, ref, { payment: paymentIntent }, 'stripe')
  }

  /**
   * Debits a disputed amount, and returns it if the dispute is won. Events can arrive in any order or never, so the
   * debit is recorded first in both cases.
   */
  dispute(id: string, amountNano: number, outcome: 'opened' | 'won'): Promise<Credit> {
    return this.#bookings.book(() => {
      const enter = (side: 'opened' | 'won', nano: number) =>
        this.#bookings.enter('dispute', nano, `stripe:${id}:${side}`, { dispute: id, outcome: side }, 'stripe')
      enter('opened', -amountNano)
      if (outcome === 'won') enter('won', amountNano)
    })
  }
}
