import type { Migration } from '../../storage/migrate.ts'

export const TRANSFERS: Migration = {
  name: 'transfers',
  sql: `
    -- Amounts that left this namespace. A pending one is debited here, and may already have arrived.
    CREATE TABLE transfer (
      id TEXT PRIMARY KEY,
      key TEXT UNIQUE,
      recipient TEXT NOT NULL,
      user_id TEXT NOT NULL,
      amount_nano INTEGER NOT NULL,
      status TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'returned'))
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX transfer_pending ON transfer (id) WHERE status = 'pending';
  `,
}

/** An amount that left a namespace. */
export interface Transfer {
  readonly id: string
  /** The slug of the namespace that receives the amount. */
  readonly to: string
  /** The owner of both namespaces who moved the amount. */
  readonly userId: string
  readonly amountNano: number
  readonly status: 'pending' | 'completed' | 'returned'
}

type Row = { id: string; recipient: string; user_id: string; amount_nano: number; status: Transfer['status'] }

/** Stores the outgoing transfers of a namespace. */
export class TransferRecords {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  add(key: string | null, to: string, userId: string, amountNano: number): Transfer {
    const id = `transfer_${crypto.randomUUID().replaceAll('-', '')}`
    this.#sql.exec(
      "INSERT INTO transfer (id, key, recipient, user_id, amount_nano, status) VALUES (?, ?, ?, ?, ?, 'pending')",
      id,
      key,
      to,
      userId,
      amountNano,
    )
    return { id, to, userId, amountNano, status: 'pending' }
  }

  byKey(key: string): Transfer | undefined {
    return this.#list('key = ?', key)[0]
  }

  get(id: string): Transfer | undefined {
    return this.#list('id = ?', id)[0]
  }

  pending(): Transfer[] {
    return this.#list("status = 'pending'")
  }

  /** Ends a pending transfer. Returns whether it was pending. */
  end(id: string, status: 'completed' | 'returned'): boolean {
    const sql = "UPDATE transfer SET status = ? WHERE id = ? AND status = 'pending'"
    return this.#sql.exec(sql, status, id).rowsWritten > 0
  }

  #list(where: string, ...params: string[]): Transfer[] {
    const rows = this.#sql.exec<Row>(`SELECT * FROM transfer WHERE ${where}`, ...params)
    return [...rows].map(({ id, recipient, user_id, amount_nano, status }) => {
      return { id, to: recipient, userId: user_id, amountNano: amount_nano, status }
    })
  }
}
