import type { PlatformClient } from './harness.ts'

type Db = ReturnType<PlatformClient['database']>
type Answer = Awaited<ReturnType<Db['request']>>
interface Statement {
  readonly sql: string
  readonly params?: readonly unknown[]
}

/** An interactive transaction, with the number of its last step. */
export class Tx {
  readonly id: string
  readonly #db: Db
  step = 0

  constructor(db: Db, id: string) {
    this.#db = db
    this.id = id
  }

  /** Runs a statement as a step of any number. */
  at(step: number, sql: string, params: readonly unknown[] = []): Promise<Answer> {
    return this.#db.request(`/transactions/${this.id}/statements`, { body: { step, statements: [{ sql, params }] } })
  }

  /** Runs a statement as the next step, without counting it. */
  send(sql: string, params: readonly unknown[] = []): Promise<Answer> {
    return this.at(this.step + 1, sql, params)
  }

  /** Runs a statement as the next step. @throws Error with the response, if it fails */
  async run(sql: string, params: readonly unknown[] = []): Promise<{ rows: unknown[][]; changes?: number }> {
    const { status, body } = await this.send(sql, params)
    if (status !== 200) throw new Error(`${sql}: ${JSON.stringify(body)}`)
    this.step++
    return body.data.results[0]
  }

  commit(statements?: readonly Statement[]): Promise<Answer> {
    return this.#db.request(`/transactions/${this.id}/commit`, { body: { statements } })
  }

  rollback(): Promise<Answer> {
    return this.#db.request(`/transactions/${this.id}/rollback`, { method: 'POST' })
  }
}

/** Returns what opens transactions of a database. */
export const openTransactions = (db: Db) => ({
  async begin(mode?: string): Promise<Tx> {
    const { status, body } = await db.request('/transactions', { body: { mode } })
    if (status !== 201) throw new Error(`begin: ${status} ${JSON.stringify(body)}`)
    return new Tx(db, body.data.id)
  },
})
