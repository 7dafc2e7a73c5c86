import { quoteName } from '../../../sqlite/tokenizer.ts'
import { declared, type TableMatch } from './match-tables.ts'
import { hashOf, keyText, rowBytes } from './row-text.ts'

/**
 * What became of a row that both sides had in common: whose it is now, where one side alone has changed it, or how the
 * two are at odds.
 */
export type RowDecision = 'take' | 'keep' | 'delete' | 'differs' | 'deleted_in_branch' | 'deleted_in_parent'

/** By what a row is known again; `null` where there is no row, nothing for one that is too long to be remembered. */
export type Hash = string | null | undefined

/** Decides about a row that is not the same on both sides, and is on one of them at least. */
export function decideRow(base: string, parent: Hash, branch: Hash): RowDecision {
  if (parent === base) return branch === null ? 'delete' : 'take'
  if (branch === base) return 'keep'
  if (branch === null) return 'deleted_in_branch'
  return parent === null ? 'deleted_in_parent' : 'differs'
}

/** Within a merge's transaction: the keys of rows of one table, with their verdicts. */
export const DECISIONS_TABLE = '_persql_verdicts'

const CHUNK = 30_000

/** Inserts many rows that come one by one as SQL says them, a statement at a time. */
export class Inserts {
  readonly #run: (sql: string) => unknown
  readonly #into: string
  #values: string[] = []
  #length = 0

  constructor(run: (sql: string) => unknown, into: string) {
    this.#run = run
    this.#into = into
  }

  add(values: string): void {
    this.#values.push(`(${values})`)
    this.#length += values.length
    if (this.#length > CHUNK) this.end()
  }

  end(): void {
    if (this.#values.length > 0) this.#run(`${this.#into} VALUES ${this.#values}`)
    this.#values = []
    this.#length = 0
  }
}

/**
 * Makes the table of verdicts and fills it: each row that is known and not the same on both sides gets one.
 * @param base the table of what is known, if there is one
 */
export function decideRows(
  run: (sql: string) => unknown,
  scan: (sql: string) => Iterable<unknown>,
  match: TableMatch,
  base: string | undefined,
  note: (part: unknown) => void,
): void {
  const { table, staged, parent, columns, key, keyColumns, link, same } = match
  const names = keyColumns.map(({ name }) => name)
  run(`CREATE TABLE ${DECISIONS_TABLE} (${declared(keyColumns)}, verdict, PRIMARY KEY (${names})) WITHOUT ROWID`)
  if (base === undefined) return
  run(
    `CREATE INDEX ${quoteName(`_persql_keys_${table}`)} ON ${staged} (${keyColumns.map(({ collation }, i) => `${key[i]}${collation ? ` COLLATE ${quoteName(collation)}` : ''}`)})`,
  )
  const side = (name: string) => {
    const values = columns.map((column) => `${name}.${column}`)
    return `${name}.${key[0]} IS NULL, CASE WHEN ${name}.${key[0]} IS NOT NULL THEN ${rowBytes(values)} END`
  }
  const rows = scan(
    `SELECT ${keyText(names.map((name) => `b.${name}`))}, lower(hex(b.hash)), ${side('s')}, ${side('p')}
     FROM ${base} b LEFT JOIN ${staged} s ON ${link('s', 'b')} LEFT JOIN ${parent} p ON ${link('p', 'b')} WHERE NOT ${same}`,
  )
  const inserts = new Inserts(run, `INSERT INTO ${DECISIONS_TABLE}`)
  for (const row of rows as Iterable<[string, string, number, ArrayBuffer | null, number, ArrayBuffer | null]>) {
    const [at, hash, noBranch, branch, noParent, ours] = row
    const parentHash = noParent ? null : hashOf(ours)
    // Where the parent's is what it was, the branch's is another: it need not be looked at.
    const branchHash = noBranch ? null : parentHash === hash ? undefined : hashOf(branch)
    const verdict = decideRow(hash, parentHash, branchHash)
    note([at, verdict])
    inserts.add(`${at}, '${verdict}'`)
  }
  inserts.end()
}
