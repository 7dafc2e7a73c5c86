import { PerSQLError } from '@persql/contract'
import { type RunSql, SCHEMA_TABLE } from '../../sqlite/schema-map.ts'
import { lower, quoteName } from '../../sqlite/tokenizer.ts'

/** Beyond this a sequence is looked at before each insert; below it, counting on cannot reach the end. */
const FAR = '4611686018427387904'
const LAST = 2n ** 63n - 1n
/** With fewer rowids left, a statement that may take more than one is refused: none inserts as many rows. */
const FEW = 2n ** 32n

/**
 * Refuses to insert into a table whose AUTOINCREMENT sequence is used up: SQLite answers that with an error that rolls
 * back the transaction which the runtime holds open, and so ends the object.
 */
export class Sequences {
  readonly #run: RunSql
  /** Tables whose sequences have far to go. */
  readonly #far = new Set<string>()

  constructor(run: RunSql) {
    this.#run = run
  }

  /**
   * To be called before a statement runs that takes rowids from the sequences of these tables.
   * @param takes whether it takes one, or maybe more
   * @throws PerSQLError `sql_error`
   */
  check(tables: readonly string[], takes: 'once' | 'often'): void {
    for (const table of tables) {
      if (this.#far.has(table) || table === SCHEMA_TABLE || table === 'sqlite_sequence') continue
      const used = this.#used(table)
      if (used === undefined) this.#far.add(table)
      else if (used >= LAST - (takes === 'once' ? 0n : FEW)) throw usedUp(table, used)
    }
  }

  /** To be called when rowids may have been given, or sequences set. */
  forget(): void {
    this.#far.clear()
  }

  /** The highest rowid so far, where that is near the end. */
  #used(table: string): bigint | undefined {
    const [row] = this.#run('SELECT sql FROM sqlite_master WHERE type = ? AND lower(name) = ?', 'table', lower(table))
    if (!/autoincrement/i.test(String(row?.[0]))) return undefined
    const [[used] = []] = this.#run(
      `SELECT CAST(max(n) AS TEXT) FROM (
         SELECT max(rowid) AS n FROM ${quoteName(table)}
         UNION ALL SELECT seq FROM sqlite_sequence WHERE lower(name) = ?)
         WHERE typeof(n) = 'integer' AND n > ${FAR}`,
      lower(table),
    )
    return typeof used === 'string' ? BigInt(used) : undefined
  }
}

function usedUp(table: string, used: bigint): PerSQLError {
  const how = used === LAST ? 'is exhausted' : 'is nearly exhausted'
  const message = `The AUTOINCREMENT sequence of table "${table}" ${how}: it has reached ${used}.`
  const hint =
    'Insert rows with explicit IDs, or lower the sequence in sqlite_sequence and delete the rows with the highest IDs.'
  return new PerSQLError(
    'sql_error',
    { message },
    { extra: { errorDetail: { kind: 'unknown', message, table, hint } } },
  )
}
