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

/** Single refunds, by Stripe's id: one that fails later brings its amount back. */
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

/** A top-up that was asked for. Its id is what Stripe knows the request by, so a repetition gets the same page. */
export interface TopUp {
  readonly id: string
  readonly amountNano: number
  readonly expiresAtMs: number
  /** Where the payer is sent afterwards: kept, for Stripe refuses a request that differs from the first of its key. */
  readonly baseUrl: string
  /** Missing until Stripe's answer was recorded. */
  readonly checkout: { readonly sessionId: string; readonly url: string } | undefined
}

/** An amount before and after a piece of news. */
interface Growth {
  readonly beforeNano: number
  readonly afterNano: number
}

/** Stripe keeps a page open for a day at most, and counts from when it hears of it. */
const OPEN_MS = 23 * 60 * 60 * 1000

/** Payment pages that were asked for, and what was paid back. */
export class TopUps {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /**
   * The top-up of this key, or one of this amount that is still open, or else a new one.
   * @throws PerSQLError `idempotency_mismatch` when the key was used for another amount
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

  /** Forgets a top-up that Stripe refused: it would refuse it again for as long as it remembers the key. */
  cancel(id: string): void {
    this.#sql.exec('DELETE FROM topup_key WHERE topup_id = ?', id)
    this.setStatus(id, 'failed')
  }

  record(id: string, sessionId: string, url: string): void {
    this.#sql.exec('UPDATE topup SET session_id = ?, url = ? WHERE id = ?', sessionId, url, id)
  }

  /** What is paid stays paid, in whatever order the news come. */
  setStatus(id: string, status: 'paid' | 'failed' | 'expired'): void {
    this.#sql.exec("UPDATE topup SET status = ? WHERE id = ? AND status <> 'paid'", status, id)
  }

  /**
   * Records what was refunded of a payment in all. Returns what has been refunded of it by now, whether it failed
   * later or not, before and after.
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

  /** Records one refund of a payment. One that failed stays so, in whatever order the news come. */
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
   * Stripe's sum leaves out what failed before, and single refunds may not all have been reported: the larger of the two
   * is what has been refunded so far.
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
