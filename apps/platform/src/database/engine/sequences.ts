import { PerSQLError } from '@persql/contract'
import { lower, quoteName } from '../../sqlite/identifiers.ts'
import { type RunSql, SCHEMA_TABLE } from '../../sqlite/schema-map.ts'

/** Above this value, a sequence is checked before each insert; below it, no run of inserts can reach the end. */
const FAR = '4611686018427387904'
const LAST = 2n ** 63n - 1n
/** With fewer rowids left, a statement that can insert several rows is refused: no statement inserts this many. */
const FEW = 2n ** 32n

/**
 * Refuses inserts into a table whose AUTOINCREMENT sequence is exhausted. The error of SQLite would roll back the
 * transaction that the runtime holds open, which ends the object.
 */
export class Sequences {
  readonly #run: RunSql
  /** Tables whose sequences are far from the end. */
  readonly #far = new Set<string>()

  constructor(run: RunSql) {
    this.#run = run
  }

  /**
   * Checks these tables before a statement inserts rows with rowids from their sequences.
   * @param takes whether the statement needs one rowid or possibly more
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

  /** Drops the checked tables. Call it when explicit rowids may have been inserted or sequences changed. */
  forget(): void {
    this.#far.clear()
  }

  /** Returns the highest rowid so far if it is near the end. */
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
