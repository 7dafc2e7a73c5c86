import { PerSQLError } from '@persql/contract'
import type { Migration } from '../../storage/migrate.ts'

export const TOP_UPS: Migration = {
  name: 'top-ups, refunds',
  sql: `
    CREATE TABLE topup (
      id TEXT PRIMARY KEY,
      amount_nano INTEGER NOT NULL,
      status TEXT NOT NULL CHECK (status IN ('open', 'paid', 'failed', 'expired')),
      session_id TEXT,
      url TEXT,
      base_url TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE topup_key (key TEXT PRIMARY KEY, topup_id TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE refund (payment_intent TEXT PRIMARY KEY, refunded_nano INTEGER NOT NULL) STRICT;
  `,
}

/** Single refunds by Stripe's ID. A refund can fail later, and its amount is then returned to the balance. */
export const REFUND_PARTS: Migration = {
  name: 'single refunds',
  sql: `
    CREATE TABLE refund_part (
      id TEXT PRIMARY KEY,
      payment_intent TEXT NOT NULL,
      amount_nano INTEGER NOT NULL,
      failed INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX refund_part_payment ON refund_part (payment_intent);
  `,
}

/** One refund of a payment. */
export interface RefundPart {
  readonly id: string
  readonly amountNano: number
  readonly failed: boolean
}

/** A requested top-up. Its ID is Stripe's idempotency key, so a retry gets the same payment page. */
export interface TopUp {
  readonly id: string
  readonly amountNano: number
  readonly expiresAtMs: number
  /** The base URL for the redirect after payment. Stored, because Stripe rejects a retry with other parameters. */
  readonly baseUrl: string
  /** `undefined` until Stripe's response was recorded. */
  readonly checkout: { readonly sessionId: string; readonly url: string } | undefined
}

/** An amount before and after an event. */
interface Growth {
  readonly beforeNano: number
  readonly afterNano: number
}

/** Stripe expires a payment page after 24 hours at most, from the time when it receives the request. */
const OPEN_MS = 23 * 60 * 60 * 1000

/** Payment pages and refunds. */
export class TopUps {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /**
   * Returns the top-up of this key, an open one with the same amount, or a new one.
   * @throws PerSQLError `idempotency_mismatch` if the key was used for another amount
   */
  reserve(amountNano: number, key: string | null, baseUrl: string, nowMs: number): TopUp {
    const keyed = this.#find(
      'id = (SELECT topup_id FROM topup_key WHERE key = ?) AND expires_at > (+CAST(? AS INTEGER))',
      key ?? '',
      nowMs,
    )
    if (keyed && keyed.amountNano !== amountNano) {
      throw new PerSQLError('idempotency_mismatch', { header: 'Idempotency-Key' })
    }
    const open = `amount_nano = (+CAST(? AS INTEGER)) AND status = 'open' AND expires_at > (+CAST(? AS INTEGER))
      ORDER BY created_at DESC`
    const topUp = keyed ?? this.#find(open, amountNano, nowMs) ?? this.#add(amountNano, baseUrl, nowMs)
    if (key !== null) this.#sql.exec('INSERT OR REPLACE INTO topup_key VALUES (?, ?)', key, topUp.id)
    return topUp
  }

  #add(amountNano: number, baseUrl: string, nowMs: number): TopUp {
    const id = `topup_${crypto.randomUUID().replaceAll('-', '')}`
    const expiresAtMs = nowMs + OPEN_MS
    this.#sql.exec(
      "INSERT INTO topup (id, amount_nano, status, base_url, created_at, expires_at) VALUES (?, ?, 'open', ?, ?, ?)",
      id,
      amountNano,
      baseUrl,
      nowMs,
      expiresAtMs,
    )
    return { id, amountNano, expiresAtMs, baseUrl, checkout: undefined }
  }

  /** Cancels a top-up that Stripe rejected. Stripe would repeat its response for this key. */
  cancel(id: string): void {
    this.#sql.exec('DELETE FROM topup_key WHERE topup_id = ?', id)
    this.setStatus(id, 'failed')
  }

  record(id: string, sessionId: string, url: string): void {
    this.#sql.exec('UPDATE topup SET session_id = ?, url = ? WHERE id = ?', sessionId, url, id)
  }

  /** Sets the status. A paid top-up stays paid, because events can arrive in any order. */
  setStatus(id: string, status: 'paid' | 'failed' | 'expired'): void {
    this.#sql.exec("UPDATE topup SET status = ? WHERE id = ? AND status <> 'paid'", status, id)
  }

  /**
   * Records the total refunds of a payment. Returns the refunded amount before and after, including refunds that failed
   * later.
   */
  recordRefunded(paymentIntent: string, refundedNano: number): Growth {
    return this.#growth(paymentIntent, () =>
      this.#sql.exec(
        `INSERT INTO refund VALUES (?, ?)
         ON CONFLICT DO UPDATE SET refunded_nano = max(refunded_nano, excluded.refunded_nano)`,
        paymentIntent,
        refundedNano,
      ),
    )
  }

  /** Records one refund of a payment. A failed refund stays failed, because events can arrive in any order. */
  recordRefund(paymentIntent: string, { id, amountNano, failed }: RefundPart): Growth {
    return this.#growth(paymentIntent, () =>
      this.#sql.exec(
        'INSERT INTO refund_part VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET failed = max(failed, excluded.failed)',
        id,
        paymentIntent,
        amountNano,
        failed ? 1 : 0,
      ),
    )
  }

  #growth(paymentIntent: string, record: () => void): Growth {
    const beforeNano = this.#refundedNano(paymentIntent)
    record()
    return { beforeNano, afterNano: this.#refundedNano(paymentIntent) }
  }

  /**
   * Returns the amount refunded so far. Stripe's total excludes refunds that already failed, and single refunds may not
   * all have been reported, so the larger sum is correct.
   */
  #refundedNano(paymentIntent: string): number {
    const [row] = this.#sql
      .exec(
        `SELECT max(
           (SELECT total(refunded_nano) FROM refund WHERE payment_intent = ?1),
           (SELECT total(amount_nano) FROM refund_part WHERE payment_intent = ?1)
         )`,
        paymentIntent,
      )
      .raw()
    return (row?.[0] as number | undefined) ?? 0
  }

  #find(where: string, ...params: (string | number)[]): TopUp | undefined {
    const [row] = this.#sql.exec(`SELECT * FROM topup WHERE ${where} LIMIT 1`, ...params)
    return (
      row && {
        id: row.id as string,
        amountNano: row.amount_nano as number,
        expiresAtMs: row.expires_at as number,
        baseUrl: row.base_url as string,
        checkout: row.url === null ? undefined : { sessionId: row.session_id as string, url: row.url as string },
      }
    )
  }
}
