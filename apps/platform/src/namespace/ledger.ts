import { type Api, type Output, rates, type Spend } from '@persql/contract'
import { costNano, type Totals, usd } from '../money.ts'
import type { Account } from './account.ts'

type Entry = Output<Api['get_billing']>['ledger'][number]

const MONEY = 'money'

interface Money extends Account {
  /** The UTC day whose usage is not posted yet. */
  readonly day: string
}

/** Balance, ledger and usage of one namespace. Every method is one synchronous step, so one transaction. */
export class Ledger {
  readonly #storage: DurableObjectStorage
  #money: Money

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
    this.#money = storage.kv.get<Money>(MONEY) ?? { ledgerNano: 0, unpostedNano: 0, day: '' }
  }

  get account(): Account {
    return this.#money
  }

  /** Adds an entry once per `ref`, however often it is asked to. Returns whether it was new. */
  enter(kind: Entry['kind'], amountNano: number, ref: string, detail: unknown, nowMs: number): boolean {
    const { sql } = this.#storage
    if ([...sql.exec('SELECT 1 FROM ledger WHERE ref = ?', ref)].length > 0) return false
    const ledgerNano = this.#money.ledgerNano + amountNano
    if (!Number.isSafeInteger(ledgerNano))
      throw new Error(`A balance of ${ledgerNano} nano-dollars cannot be kept exactly.`)
    sql.exec(
      'INSERT INTO ledger (at, kind, amount_nano, balance_nano, ref, detail) VALUES (?, ?, ?, ?, ?, ?)',
      nowMs,
      kind,
      amountNano,
      ledgerNano,
      ref,
      JSON.stringify(detail),
    )
    this.#put({ ...this.#money, ledgerNano })
    return true
  }

  /** Debits usage. The day's usage becomes one ledger entry when the day is over. */
  debit(databaseId: string, slug: string, used: Totals, nowMs: number): void {
    const cost = costNano(used)
    if (cost === 0) return
    const day = dayOf(nowMs)
    if (day !== this.#money.day) this.post(nowMs)
    this.#storage.sql.exec(
      `INSERT INTO usage (day, database_id, slug, requests, rows_read, rows_written) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, rows_read = rows_read + excluded.rows_read,
         rows_written = rows_written + excluded.rows_written`,
      day,
      databaseId,
      slug,
      used.requests,
      used.rowsRead,
      used.rowsWritten,
    )
    this.#put({ ...this.#money, unpostedNano: this.#money.unpostedNano + cost })
  }

  /** Posts the usage of the day that was open, and opens today. */
  post(nowMs: number): void {
    const { day, unpostedNano } = this.#money
    const today = dayOf(nowMs)
    if (today <= day) return
    this.#storage.transactionSync(() => {
      if (unpostedNano > 0)
        this.enter('usage', -unpostedNano, `usage:${day}`, this.#quantities('WHERE day = ?', day), nowMs)
      this.#put({ ...this.#money, unpostedNano: 0, day: today })
    })
  }

  /** Usage by meter since the beginning. */
  spend(): Spend {
    const quantities = this.#quantities('')
    const line = (quantity: number, costUsd: number) => ({ quantity, costUsd })
    return {
      requests: line(quantities.requests, usd(quantities.requests * rates.requests)),
      rowsRead: line(quantities.rowsRead, usd(quantities.rowsRead * rates.rowsRead)),
      rowsWritten: line(quantities.rowsWritten, usd(quantities.rowsWritten * rates.rowsWritten)),
      storageByteHours: line(quantities.storageByteHours, 0),
      aiTokens: line(quantities.aiTokens, usd(quantities.aiTokens * rates.aiTokens)),
    }
  }

  /** Usage by database since the beginning, the busiest first. Calls to no database have the empty id. */
  byDatabase(): { slug: string; requests: number; rowsRead: number; rowsWritten: number; costUsd: number }[] {
    return [
      ...this.#storage.sql
        .exec(
          `SELECT slug, sum(requests), sum(rows_read), sum(rows_written) FROM usage WHERE database_id <> ''
           GROUP BY database_id ORDER BY 2 DESC`,
        )
        .raw(),
    ].map((row) => {
      const [slug, requests, rowsRead, rowsWritten] = row as [string, number, number, number]
      return { slug, requests, rowsRead, rowsWritten, costUsd: usd(costNano({ requests, rowsRead, rowsWritten })) }
    })
  }

  /** The newest entries first. */
  entries(limit: number): Entry[] {
    return [
      ...this.#storage.sql.exec(
        'SELECT id, at, kind, amount_nano, balance_nano, ref, detail FROM ledger ORDER BY id DESC LIMIT ?',
        limit,
      ),
    ].map((row) => ({
      id: row.id as number,
      at: new Date(row.at as number).toISOString(),
      kind: row.kind as Entry['kind'],
      amountUsd: usd(row.amount_nano as number),
      balanceUsd: usd(row.balance_nano as number),
      ref: row.ref as string,
      detail: JSON.parse(row.detail as string) as Entry['detail'],
    }))
  }

  #quantities(where: string, ...params: string[]) {
    const cursor = this.#storage.sql.exec(
      `SELECT total(requests), total(rows_read), total(rows_written), total(storage_byte_hours), total(ai_tokens)
       FROM usage ${where}`,
      ...params,
    )
    const row = [...cursor.raw()][0] as number[]
    const [requests = 0, rowsRead = 0, rowsWritten = 0, storageByteHours = 0, aiTokens = 0] = row
    return { requests, rowsRead, rowsWritten, storageByteHours, aiTokens }
  }

  #put(money: Money): void {
    this.#storage.kv.put(MONEY, money)
    this.#money = money
  }
}

/** The UTC day of a moment, `2026-11-21`. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
