import { quoteName } from '../../../sqlite/identifiers.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { isInternal } from '../../../sqlite/system-tables.ts'
import { sentence } from './steps.ts'

/** Returns the views and triggers that don't compile, with the reason. */
export function brokenPrograms(run: RunSql): Map<string, string> {
  const broken = new Map<string, string>()
  const attempt = (what: string, sql: string) => {
    try {
      run(`EXPLAIN ${sql}`)
    } catch (cause) {
      broken.set(what, sentence(cause))
    }
  }
  const names = (sql: string) => run(sql).map(([name]) => name as string)
  for (const view of names("SELECT name FROM sqlite_master WHERE type = 'view'")) {
    if (!isInternal(view)) attempt(view, `SELECT 1 FROM ${quoteName(view)}`)
  }
  for (const table of names("SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger'")) {
    const name = quoteName(table)
    attempt(`${table} (insert)`, `INSERT INTO ${name} DEFAULT VALUES`)
    attempt(`${table} (delete)`, `DELETE FROM ${name}`)
    const column = broken.has(table) ? undefined : firstColumn(run, table)
    if (column) attempt(`${table} (update)`, `UPDATE ${name} SET ${quoteName(column)} = 1`)
  }
  return broken
}

/** Returns the first column of a table or view; `undefined` for a broken view. */
function firstColumn(run: RunSql, table: string): string | undefined {
  try {
    return run('SELECT name FROM pragma_table_info(?) LIMIT 1', table)[0]?.[0] as string | undefined
  } catch {
    return undefined
  }
}

/** Returns the rows with missing references as texts, or the reason why they can't be checked. */
export function orphans(run: RunSql): Map<string, string> {
  try {
    return new Map(run('PRAGMA foreign_key_check').map((row) => [JSON.stringify(row), row[0] as string]))
  } catch (cause) {
    return new Map([[cause instanceof Error ? cause.message : String(cause), '']])
  }
}

/** Returns the entries of the second map that the first one doesn't have. */
export const added = (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): [string, string][] =>
  [...after].filter(([key]) => !before.has(key))
