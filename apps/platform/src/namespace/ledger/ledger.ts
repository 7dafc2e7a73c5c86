import { type Api, BYTE_HOURS_PER_NANO, type DayUsage, type Output, rates, type Spend } from '@persql/contract'
import { toIso } from '../../clock.ts'
import { costNano, NOTHING, type Totals, usd } from '../../money.ts'
import type { Migration } from '../../storage/migrate.ts'
import type { CreditAccount } from '../credit/credit-account.ts'

type Entry = Output<Api['get_billing']>['ledger'][number]

const MONEY = 'money'

/** Storage is charged in whole nano-dollars; what it was charged is kept, for it cannot be told from the byte-hours. */
export const STORAGE_CHARGES: Migration = {
  name: 'storage charges',
  sql: `
    ALTER TABLE usage ADD COLUMN storage_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE database ADD COLUMN sampled_at INTEGER;
  `,
}

interface Money extends CreditAccount {
  /** The UTC day that takes all usage until it is closed. */
  readonly day: string
  /** Byte-hours that did not make a whole nano-dollar yet. */
  readonly byteHours: number
}

/** For charts: what is billed stands in `usage`. */
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

/** Tokens of the model are counted by databases like all else, and ascribed like all else. */
export const AI_TOKENS: Migration = {
  name: 'tokens of the model by database and by token',
  sql: `
    ALTER TABLE database ADD COLUMN ai_tokens INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE token_usage ADD COLUMN ai_tokens INTEGER NOT NULL DEFAULT 0;
  `,
}

/** What a token used on a day. */
interface TokenDay extends Record<string, string | number> {
  readonly day: string
  readonly token: string
  readonly requests: number
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly aiTokens: number
}

/** Running figures against what the tables say. */
export interface Reconciliation {
  readonly balanceNano: number
  readonly driftNano: number
}

/** Balance, ledger and usage of one namespace. Every method is one synchronous step, so one transaction. */
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

  /** The UTC day that is open. */
  get day(): string {
    return this.#money.day
  }

  /** Adds an entry once per `ref`, however often it is asked to. Returns whether it was new. */
  enter(kind: Entry['kind'], amountNano: number, ref: string, detail: unknown, nowMs: number): boolean {
    const { sql } = this.#storage
    if ([...sql.exec('SELECT 1 FROM ledger WHERE ref = ?', ref)].length > 0) return false
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

  /** Debits usage of a database, or of none when the id is empty. It becomes a ledger entry when the day is closed. */
  debit(databaseId: string, slug: string, used: Totals): void {
    const cost = costNano(used)
    if (cost === 0) return
    this.#count(databaseId, slug, { ...used, byteHours: 0, storageNano: 0 })
    this.#put({ ...this.#money, unpostedNano: this.#money.unpostedNano + cost })
  }

  /** Debits storage. The fraction of a nano-dollar that is left is carried over to the next sample. */
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

  /** Counts what a token used, for the charts. */
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

  /** What each token, or person in the console, used on each day of a span. */
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

  /** Posts the usage of the open day, and opens today. Done again it does nothing. */
  close(nowMs: number): void {
    const { day, unpostedNano } = this.#money
    const today = dayOf(nowMs)
    if (today <= day) return
    this.#storage.transactionSync(() => {
      if (unpostedNano > 0) this.enter('usage', -unpostedNano, `usage:${day}`, this.#spend('WHERE day = ?', day), nowMs)
      this.#put({ ...this.#money, unpostedNano: 0, day: today })
    })
  }

  /** Adds everything up anew: a drift other than zero means that something was counted wrongly. */
  reconcile(): Reconciliation {
    const { ledgerNano, unpostedNano, day } = this.#money
    const sum = (sql: string, ...params: string[]) =>
      [...this.#storage.sql.exec(sql, ...params).raw()][0]?.[0] as number
    const entries = sum('SELECT total(amount_nano) FROM ledger')
    const open = sum(`SELECT total(${COST}) FROM usage WHERE day = ?`, day)
    const balanceNano = ledgerNano - unpostedNano
    return { balanceNano, driftNano: balanceNano - (entries - open) }
  }

  /** What the last payment, or credit of the operator's, brought. */
  lastTopUpNano(): number {
    this.#lastTopUpNano ??= this.#readLastTopUp()
    return this.#lastTopUpNano
  }

  #readLastTopUp(): number {
    const rows = this.#storage.sql.exec(
      "SELECT amount_nano FROM ledger WHERE kind IN ('topup', 'adjustment') AND amount_nano > 0 ORDER BY id DESC LIMIT 1",
    )
    return ([...rows.raw()][0]?.[0] as number | undefined) ?? 0
  }

  /** Usage by meter since the beginning. */
  spend(): Spend {
    return this.#spend('')
  }

  /** What each database used on each day of a span, both ends included. */
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

  /** Usage by database since the beginning, the busiest first. Calls to no database have the empty id. */
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

  /** The newest entries first, older than `before`. */
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

  #put(money: Money): void {
    this.#storage.kv.put(MONEY, money)
    this.#money = money
  }
}

const NO_MONEY: Money = { ledgerNano: 0, unpostedNano: 0, day: '', byteHours: 0 }
/** Cost of a row of `usage`, in nano-dollars. */
const COST = `(requests * ${rates.requests} + rows_read * ${rates.rowsRead} + rows_written * ${rates.rowsWritten}
  + ai_tokens * ${rates.aiTokens} + storage_nano)`

/** The UTC day of a moment, `2026-11-21`. */
export const dayOf = (ms: number): string => toIso(ms).slice(0, 10)
