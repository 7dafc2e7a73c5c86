import { quoteName } from '../../../sqlite/identifiers.ts'
import { declared, type TableMatch } from './match-tables.ts'
import { hashRow, keyText, rowBytes } from './row-text.ts'

/** The decision about a row that both sides shared: the side that alone changed it, or the conflict. */
export type RowDecision = 'take' | 'keep' | 'delete' | 'differs' | 'deleted_in_branch' | 'deleted_in_parent'

/** The hash that identifies the content of a row; `null` without a row, `undefined` if it isn't known. */
export type Hash = string | null | undefined

/** Decides about a row that exists on at least one side and differs between them. */
export function decideRow(base: string, parent: Hash, branch: Hash): RowDecision {
  if (parent === base) return branch === null ? 'delete' : 'take'
  if (branch === base) return 'keep'
  if (branch === null) return 'deleted_in_branch'
  return parent === null ? 'deleted_in_parent' : 'differs'
}

/** The table of keys and decisions for the rows of one table, in the transaction of a merge. */
export const DECISIONS_TABLE = '_persql_verdicts'

const CHUNK = 30_000

/** Collects rows as SQL literals and inserts them in groups. */
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
 * Creates the table of decisions and fills it with each row of the merge base that differs between the sides.
 * @param base the table of the merge base, if any
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
    const parentHash = noParent ? null : hashRow(ours)
    // If the parent's row is unchanged, the branch's row differs and needs no hash.
    const branchHash = noBranch ? null : parentHash === hash ? undefined : hashRow(branch)
    const verdict = decideRow(hash, parentHash, branchHash)
    note([at, verdict])
    inserts.add(`${at}, '${verdict}'`)
  }
  inserts.end()
}
