import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { type BookkeepingRows, findBookkeeping, readVersion } from '../migrations/bookkeeping.ts'
import { STAGED } from './merge-table-info.ts'
import { sentence } from './steps.ts'
import type { SchemaConflict } from './three-way.ts'

/** The rows that the parent receives in a table of a migration tool. */
interface Carried {
  readonly table: string
  readonly rows: number
}

/**
 * Merges the records of migration tools in the branch into the tables of the parent, without duplicates. Call it in a
 * transaction, after the schema was merged.
 * @param versions the versions, at the merge base, of tools that store only a version
 */
export function mergeBookkeeping(
  run: RunSql,
  tables: readonly BookkeepingRows[],
  versions: Readonly<Record<string, string>> | undefined,
): { readonly tables: Carried[]; readonly clashes: SchemaConflict[] } {
  const carried: Carried[] = []
  const clashes: SchemaConflict[] = []
  for (const { table, rows } of tables) {
    if (rows === null) continue
    try {
      const merged = mergeOne(run, table, versions?.[lower(table)])
      if (typeof merged === 'number') {
        if (merged > 0) carried.push({ table, rows: merged })
      } else clashes.push({ type: 'table', name: table, ...merged })
    } catch (cause) {
      clashes.push({ type: 'table', name: table, reason: sentence(cause), base: null, parent: null, branch: null })
    }
  }
  return { tables: carried, clashes }
}

/** Reads the versions of the branch's tools. Call it while its rows are staged. */
export function readStagedVersions(run: RunSql, tables: readonly BookkeepingRows[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    tables.flatMap(({ table, rows }) => {
      const columns = rows === null ? [] : readColumns(run, table)
      if (findBookkeeping(table, columns)?.is !== 'version') return []
      return [[lower(table), readVersion(run, STAGED + table, columns)] as const]
    }),
  )
}

/** Returns the number of rows added, or the reason why they can't be added. */
function mergeOne(
  run: RunSql,
  table: string,
  base: string | undefined,
): number | Omit<SchemaConflict, 'type' | 'name'> {
  // The rowid that is staged with a table without a primary key isn't a column of that table.
  const own = readColumns(run, table)
  const staged = new Set(readColumns(run, STAGED + table).map(lower))
  const columns = own.filter((column) => staged.has(lower(column)))
  const is = findBookkeeping(table, own)?.is
  if (is === undefined || columns.length < own.length || (typeof is === 'object' && 'lock' in is)) return 0
  const [ours, theirs] = [quoteName(table), quoteName(STAGED + table)]
  const names = columns.map(quoteName)
  if (is === 'version') {
    const [parent, branch] = [readVersion(run, table, own), readVersion(run, STAGED + table, own)]
    if (parent === branch || branch === base || branch === '[]') return 0
    if (parent !== base && parent !== '[]') {
      const reason =
        'The branch and its parent are at different schema versions. Migrate both to the same version, then merge.'
      return { reason, base: base ?? null, parent, branch }
    }
    run(`DELETE FROM ${ours}`)
    run(`INSERT INTO ${ours} (${names}) SELECT ${names} FROM ${theirs}`)
    return run(`SELECT count(*) FROM ${ours}`)[0]?.[0] as number
  }
  const same = is.key.map((column) => `p.${quoteName(column)} IS s.${quoteName(column)}`).join(' AND ')
  const missing = `FROM ${theirs} s WHERE NOT EXISTS (SELECT 1 FROM ${ours} p WHERE ${same})`
  const count = run(`SELECT count(*) ${missing}`)[0]?.[0] as number
  if (count === 0) return 0
  const number = is.number === undefined ? undefined : quoteName(is.number)
  const isTaken = number && run(`SELECT 1 ${missing} AND s.${number} IN (SELECT ${number} FROM ${ours})`).length > 0
  const values = names.map((name) =>
    isTaken && lower(name) === lower(number)
      ? `(SELECT max(${number}) FROM ${ours}) + row_number() OVER (ORDER BY s.${number})`
      : `s.${name}`,
  )
  const order = number ? `ORDER BY s.${number}` : ''
  run(`INSERT INTO ${ours} (${names}) SELECT ${values} ${missing} ${order}`)
  return count
}

const readColumns = (run: RunSql, table: string): string[] =>
  run('SELECT name FROM pragma_table_info(?)', table).map(([name]) => name as string)
