import { type Api, BYTE_HOURS_PER_NANO, type DayUsage, type Output, rates, type Spend } from '@persql/contract'
import { toIso, toUtcDay } from '../../clock.ts'
import { costNano, NOTHING, type Totals, usd } from '../../money.ts'
import type { Migration } from '../../storage/migrate.ts'
import type { CreditAccount } from '../credit/credit-account.ts'

type Entry = Output<Api['get_billing']>['ledger'][number]

const MONEY = 'money'
/** The reference of the welcome credit. */
export const WELCOME = 'welcome'

/**
 * Storage is billed in whole nano-dollars. The billed amount is stored, because it can't be derived from the
 * byte-hours.
 */
export const STORAGE_CHARGES: Migration = {
  name: 'storage charges',
  sql: `
    ALTER TABLE usage ADD COLUMN storage_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE database ADD COLUMN sampled_at INTEGER;
  `,
}

interface Money extends CreditAccount {
  /** The UTC day that all usage counts for until it is closed. */
  readonly day: string
  /** Byte-hours that don't add up to a whole nano-dollar yet. */
  readonly byteHours: number
}

/** Usage by token, for charts. Bills are based on `usage`. */
export const TOKEN_USAGE: Migration = {
  name: 'usage by token',
  sql: `
    CREATE TABLE token_usage (
      day TEXT NOT NULL,
      token_id TEXT NOT NULL,
      requests INTEGER NOT NULL,
      rows_read INTEGER NOT NULL,
      rows_written INTEGER NOT NULL,
      PRIMARY KEY (day, token_id)
    ) STRICT, WITHOUT ROWID;
  `,
}

/** Databases count AI tokens like all other usage, and assign them to tokens in the same way. */
export const AI_TOKENS: Migration = {
  name: 'tokens of the model by database and by token',
  sql: `
    ALTER TABLE database ADD COLUMN ai_tokens INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE token_usage ADD COLUMN ai_tokens INTEGER NOT NULL DEFAULT 0;
  `,
}

/** The usage of a token on one day. */
interface TokenDay extends Record<string, string | number> {
  readonly day: string
  readonly token: string
  readonly requests: number
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly aiTokens: number
}

/** The result of comparing running sums with the tables. */
export interface Reconciliation {
  readonly balanceNano: number
  readonly driftNano: number
}

/** The balance, ledger and usage of a namespace. Every method is synchronous, so it runs in one transaction. */
export class Ledger {
  readonly #storage: DurableObjectStorage
  #money: Money
  #lastTopUpNano: number | undefined

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
    this.#money = { ...NO_MONEY, ...storage.kv.get<Money>(MONEY) }
  }

  get account(): CreditAccount {
    return this.#money
  }

  /** The open UTC day. */
  get day(): string {
    return this.#money.day
  }

  /** Adds an entry once per `ref`. Returns whether it is new. */
  enter(kind: Entry['kind'], amountNano: number, ref: string, detail: unknown, nowMs: number): boolean {
    const { sql } = this.#storage
    if (this.has(ref)) return false
    const ledgerNano = this.#money.ledgerNano + amountNano
    if (!Number.isSafeInteger(ledgerNano))
      throw new Error(`The balance ${ledgerNano} nano-USD exceeds the exact integer range.`)
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
    this.#lastTopUpNano = undefined
    return true
  }

  /**
   * Debits usage of a database, or of the namespace itself if the ID is empty. The close of the day turns it into a
   * ledger entry.
   */
  debit(databaseId: string, slug: string, used: Totals): void {
    const cost = costNano(used)
    if (cost === 0) return
    this.#count(databaseId, slug, { ...used, byteHours: 0, storageNano: 0 })
    this.#put({ ...this.#money, unpostedNano: this.#money.unpostedNano + cost })
  }

  /** Debits storage. The remaining fraction of a nano-dollar carries over to the next sample. */
  debitStorage(databaseId: string, slug: string, byteHours: number): void {
    if (byteHours === 0) return
    const due = this.#money.byteHours + byteHours
    const storageNano = Math.floor(due / BYTE_HOURS_PER_NANO)
    this.#count(databaseId, slug, { ...NOTHING, byteHours, storageNano })
    const unpostedNano = this.#money.unpostedNano + storageNano
    this.#put({ ...this.#money, unpostedNano, byteHours: due % BYTE_HOURS_PER_NANO })
  }

  #count(
    databaseId: string,
    slug: string,
    used: Totals & { readonly byteHours: number; readonly storageNano: number },
  ): void {
    this.#storage.sql.exec(
      `INSERT INTO usage
         (day, database_id, slug, requests, rows_read, rows_written, ai_tokens, storage_byte_hours, storage_nano)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, rows_read = rows_read + excluded.rows_read,
         rows_written = rows_written + excluded.rows_written, ai_tokens = ai_tokens + excluded.ai_tokens,
         storage_byte_hours = storage_byte_hours + excluded.storage_byte_hours,
         storage_nano = storage_nano + excluded.storage_nano`,
      this.#money.day,
      databaseId,
      slug,
      used.requests,
      used.rowsRead,
      used.rowsWritten,
      used.aiTokens,
      used.byteHours,
      used.storageNano,
    )
  }

  /** Counts usage of a token for the charts. */
  countForToken(tokenId: string, { requests, rowsRead, rowsWritten, aiTokens }: Totals): void {
    this.#storage.sql.exec(
      `INSERT INTO token_usage (day, token_id, requests, rows_read, rows_written, ai_tokens) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, rows_read = rows_read + excluded.rows_read,
         rows_written = rows_written + excluded.rows_written, ai_tokens = ai_tokens + excluded.ai_tokens`,
      this.#money.day,
      tokenId,
      requests,
      rowsRead,
      rowsWritten,
      aiTokens,
    )
  }

  /** Returns the usage of each token, or of each console user, per day of a period. */
  tokenHistory(from: string, to: string): TokenDay[] {
    return this.#storage.sql
      .exec<TokenDay>(
        `SELECT day, token_id AS token, requests, rows_read AS rowsRead, rows_written AS rowsWritten,
           ai_tokens AS aiTokens FROM token_usage WHERE day BETWEEN ? AND ? ORDER BY day, token_id`,
        from,
        to,
      )
      .toArray()
  }

  /** Posts the usage of the open day and opens today. Repeated calls change nothing. */
  close(nowMs: number): void {
    const { day, unpostedNano } = this.#money
    const today = toUtcDay(nowMs)
    if (today <= day) return
    this.#storage.transactionSync(() => {
      if (unpostedNano > 0) this.enter('usage', -unpostedNano, `usage:${day}`, this.#spend('WHERE day = ?', day), nowMs)
      this.#put({ ...this.#money, unpostedNano: 0, day: today })
    })
  }

  /** Adds up all tables. A drift other than 0 means that a running sum is wrong. */
  reconcile(): Reconciliation {
    const { ledgerNano, unpostedNano, day } = this.#money
    const entries = this.#sum('SELECT total(amount_nano) FROM ledger')
    const open = this.#sum(`SELECT total(${COST}) FROM usage WHERE day = ?`, day)
    const balanceNano = ledgerNano - unpostedNano
    return { balanceNano, driftNano: balanceNano - (entries - open) }
  }

  /** Returns whether there is an entry with this reference. */
  has(ref: string): boolean {
    return [...this.#storage.sql.exec('SELECT 1 FROM ledger WHERE ref = ?', ref)].length > 0
  }

  /** Returns the welcome credit that the namespace started with. */
  welcomeNano(): number {
    return this.#sum('SELECT total(amount_nano) FROM ledger WHERE ref = ?', WELCOME)
  }

  /** Returns the balance without welcome credit. Usage takes the welcome credit first. */
  paidNano(): number {
    const leftNano = this.welcomeNano() - this.#sum(`SELECT total(${COST}) FROM usage`)
    return this.#money.ledgerNano - this.#money.unpostedNano - Math.max(0, leftNano)
  }

  /** Returns the amount of the last payment, of the operator's last credit or of the last transfer. */
  lastTopUpNano(): number {
    this.#lastTopUpNano ??= this.#readLastTopUp()
    return this.#lastTopUpNano
  }

  #readLastTopUp(): number {
    const rows = this.#storage.sql.exec(
      "SELECT amount_nano FROM ledger WHERE kind IN ('topup', 'adjustment', 'transfer') AND amount_nano > 0 ORDER BY id DESC LIMIT 1",
    )
    return ([...rows.raw()][0]?.[0] as number | undefined) ?? 0
  }

  /** Returns the total usage by meter. */
  spend(): Spend {
    return this.#spend('')
  }

  /** Returns the usage of each database per day of a period, both ends included. */
  history(from: string, to: string): DayUsage[] {
    return [
      ...this.#storage.sql
        .exec(
          `SELECT day, slug, requests, rows_read, rows_written, storage_byte_hours, ai_tokens, ${COST} FROM usage
         WHERE day BETWEEN ? AND ? ORDER BY day, slug`,
          from,
          to,
        )
        .raw(),
    ].map((row) => {
      const [day, database, requests, rowsRead, rowsWritten, storageByteHours, aiTokens, nano] = row as [
        string,
        string,
        ...number[],
      ]
      const counts = { requests, rowsRead, rowsWritten, storageByteHours, aiTokens } as Omit<
        DayUsage,
        'day' | 'database' | 'costUsd'
      >
      return { day, database, ...counts, costUsd: usd(nano as number) }
    })
  }

  /** Returns the total usage by database, busiest first. Calls without a database have an empty ID. */
  byDatabase(): { slug: string; requests: number; rowsRead: number; rowsWritten: number; costUsd: number }[] {
    return [
      ...this.#storage.sql
        .exec(
          `SELECT slug, sum(requests), sum(rows_read), sum(rows_written), sum(${COST}) FROM usage
           WHERE database_id <> '' GROUP BY database_id ORDER BY 2 DESC`,
        )
        .raw(),
    ].map((row) => {
      const [slug, requests, rowsRead, rowsWritten, nano] = row as [string, number, number, number, number]
      return { slug, requests, rowsRead, rowsWritten, costUsd: usd(nano) }
    })
  }

  /** Returns the newest entries first, older than `before`. */
  entries(limit: number, before = Number.MAX_SAFE_INTEGER): Entry[] {
    return [
      ...this.#storage.sql.exec(
        `SELECT id, at, kind, amount_nano, balance_nano, ref, detail FROM ledger
         WHERE id < (+CAST(? AS INTEGER)) ORDER BY id DESC LIMIT ?`,
        before,
        limit,
      ),
    ].map((row) => ({
      id: row.id as number,
      at: toIso(row.at as number),
      kind: row.kind as Entry['kind'],
      amountUsd: usd(row.amount_nano as number),
      balanceUsd: usd(row.balance_nano as number),
      ref: row.ref as string,
      detail: JSON.parse(row.detail as string) as Entry['detail'],
    }))
  }

  #spend(where: string, ...params: string[]): Spend {
    const cursor = this.#storage.sql.exec(
      `SELECT total(requests), total(rows_read), total(rows_written), total(storage_byte_hours), total(ai_tokens),
         total(storage_nano) FROM usage ${where}`,
      ...params,
    )
    const row = [...cursor.raw()][0] as number[]
    const [requests = 0, rowsRead = 0, rowsWritten = 0, storageByteHours = 0, aiTokens = 0, storageNano = 0] = row
    const line = (quantity: number, nano: number) => ({ quantity, costUsd: usd(nano) })
    return {
      requests: line(requests, requests * rates.requests),
      rowsRead: line(rowsRead, rowsRead * rates.rowsRead),
      rowsWritten: line(rowsWritten, rowsWritten * rates.rowsWritten),
      storageByteHours: line(storageByteHours, storageNano),
      aiTokens: line(aiTokens, aiTokens * rates.aiTokens),
    }
  }

  #sum(sql: string, ...params: string[]): number {
    return [...this.#storage.sql.exec(sql, ...params).raw()][0]?.[0] as number
  }

  #put(money: Money): void {
    this.#storage.kv.put(MONEY, money)
    this.#money = money
  }
}

const NO_MONEY: Money = { ledgerNano: 0, unpostedNano: 0, day: '', byteHours: 0 }
/** The cost of a row of `usage`, in nano-dollars. */
const COST = `(requests * ${rates.requests} + rows_read * ${rates.rowsRead} + rows_written * ${rates.rowsWritten}
  + ai_tokens * ${rates.aiTokens} + storage_nano)`
