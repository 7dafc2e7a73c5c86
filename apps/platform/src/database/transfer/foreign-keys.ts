import type { Run } from '../guard/schema-map.ts'
import { quoteName } from '../guard/statement.ts'

/** How many rows lack the row they refer to: by table, parent and number of the key. */
export function violations(run: Run): Map<string, number> {
  const found = new Map<string, number>()
  const tables = run(
    `SELECT DISTINCT m.name FROM sqlite_master m, pragma_foreign_key_list(m.name) f
     WHERE m.type = 'table' AND lower(m.name) NOT GLOB '_cf_*' AND lower(m.name) NOT GLOB '_persql_*'`,
  )
  for (const [table] of tables as [string][]) {
    for (const [, , parent, key] of checked(run, table)) {
      const name = JSON.stringify([table, parent, key])
      found.set(name, (found.get(name) ?? 0) + 1)
    }
  }
  return found
}

/** A key to something that cannot be referred to has no rows that violate it: SQLite says so when they are written. */
function checked(run: Run, table: string): unknown[][] {
  try {
    return run(`PRAGMA foreign_key_check(${quoteName(table)})`)
  } catch {
    return []
  }
}

/** What is violated now and was not before. */
export function newViolation(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>) {
  for (const [name, count] of after) {
    if (count <= (before.get(name) ?? 0)) continue
    const [table, parent] = JSON.parse(name) as [string, string]
    const message = 'FOREIGN KEY constraint failed'
    const reason = `${message}: ${count} rows of "${table}" refer to rows of "${parent}" that are missing.`
    return { reason, extra: { errorDetail: { kind: 'fk_violation', message, table } } }
  }
  return undefined
}
