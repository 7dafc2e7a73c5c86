import type { PerSQLDatabase, PerSQLError, QueryResult, Statement } from '@persql/sdk'
import { find, type Wanted } from './find-checkpoints.ts'
import { type CheckpointRow, CREATE_TABLES, TABLES, type ValueRow, type WriteRow } from './tables.ts'

/** A stored checkpoint with its values and writes. */
export interface StoredCheckpoint {
  checkpoint: CheckpointRow
  values: ValueRow[]
  writes: WriteRow[]
}

/** The number of checkpoints per query, so that a caller who stops early doesn't pay for all. */
const PAGE = 10
/** A transaction has at most 100 statements, and may have to create the tables first. */
const MAX_STATEMENTS = 100 - CREATE_TABLES.length

/** The storage of the saver. The first write creates the tables; until then all reads are empty. */
export class Store {
  readonly #database: PerSQLDatabase

  constructor(database: PerSQLDatabase) {
    this.#database = database
  }

  async rows<T extends object>(sql: string, params: string[]): Promise<T[]> {
    return (await this.#database.query<T>(sql, params)).data
  }

  /** Writes in one transaction. More statements than its limit run in several, so that the last statement implies all others. */
  async write(statements: readonly Statement[]): Promise<void> {
    for (let i = 0; i < statements.length; i += MAX_STATEMENTS) {
      const some = statements.slice(i, i + MAX_STATEMENTS)
      const written = await this.#existing(() => this.#database.transaction(some))
      if (!written) await this.#database.transaction([...CREATE_TABLES, ...some])
    }
  }

  async deleteThread(threadId: string): Promise<void> {
    const statements = TABLES.map((table) => ({ sql: `DELETE FROM ${table} WHERE thread_id = ?`, params: [threadId] }))
    await this.#existing(() => this.#database.transaction(statements))
  }

  /** Yields checkpoints page by page, up to `limit`. */
  async *find(wanted: Omit<Wanted, 'after'>): AsyncGenerator<StoredCheckpoint> {
    let left = wanted.limit
    let size = PAGE
    let after: Wanted['after']
    while (left > 0) {
      const limit = Math.min(size, left)
      const page = await this.#page({ ...wanted, after, limit })
      if (page === 'too_large') {
        size = Math.ceil(limit / 3)
        continue
      }
      yield* page
      const last = page.at(-1)?.checkpoint
      if (!last || page.length < limit) return
      left -= limit
      after = [last.checkpoint_id, last.thread_id, last.checkpoint_ns]
    }
  }

  async #page(wanted: Wanted): Promise<StoredCheckpoint[] | 'too_large'> {
    try {
      const results = await this.#existing(() => this.#database.transaction(find(wanted)))
      return results ? joined(results) : []
    } catch (error) {
      if ((error as PerSQLError).code === 'result_too_large' && wanted.limit > 1) return 'too_large'
      throw error
    }
  }

  /** Returns `undefined` if the tables don't exist yet. */
  async #existing<T>(run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run()
    } catch (error) {
      const { detail } = error as PerSQLError
      if (detail?.kind === 'unknown_table') return undefined
      throw error
    }
  }
}

function joined([checkpoints, values, writes]: QueryResult[]): StoredCheckpoint[] {
  const found = new Map<string, StoredCheckpoint>()
  for (const row of getRows<CheckpointRow>(checkpoints)) {
    found.set(toKey(row), { checkpoint: row, values: [], writes: [] })
  }
  for (const row of getRows<ValueRow>(values)) found.get(toKey(row))?.values.push(row)
  for (const row of getRows<WriteRow>(writes)) found.get(toKey(row))?.writes.push(row)
  return [...found.values()]
}

const getRows = <T>(result: QueryResult | undefined) => (result?.data ?? []) as unknown as T[]
const toKey = ({ thread_id, checkpoint_ns, checkpoint_id }: CheckpointRow | ValueRow | WriteRow) =>
  JSON.stringify([thread_id, checkpoint_ns, checkpoint_id])
