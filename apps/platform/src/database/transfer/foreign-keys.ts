import { formatCount } from '@persql/endpoint-spec'
import { quoteName } from '../../sqlite/identifiers.ts'
import type { RunSql } from '../../sqlite/schema-map.ts'

/** Rows with missing references. */
interface Violation {
  readonly count: number
  /** The first rowids; `null` in a table without rowids. */
  readonly rowids: readonly (number | null)[]
}

/** Violated foreign keys by table, parent and key number, and the tables with a key that can't be checked. */
export interface Violations {
  readonly keys: ReadonlyMap<string, Violation>
  readonly mismatched: ReadonlySet<string>
}

const MAX_ROWIDS = 1_000

/** Checks all foreign keys. */
export function violations(run: RunSql): Violations {
  const found = new Map<string, { count: number; rowids: (number | null)[] }>()
  const mismatched = new Set<string>()
  const tables = run(
    `SELECT DISTINCT m.name FROM sqlite_master m, pragma_foreign_key_list(m.name) f
     WHERE m.type = 'table' AND lower(m.name) NOT GLOB '_cf_*' AND lower(m.name) NOT GLOB '_persql_*'`,
  )
  for (const [table] of tables as [string][]) {
    for (const [, rowid, parent, key] of checked(run, table, mismatched)) {
      const name = JSON.stringify([table, parent, key])
      const known = found.get(name) ?? { count: 0, rowids: [] }
      known.count++
      if (known.rowids.length < MAX_ROWIDS) known.rowids.push(rowid as number | null)
      found.set(name, known)
    }
  }
  return { keys: found, mismatched }
}

/**
 * Checks the foreign keys of a table. A key whose target can't be referenced has no violations: SQLite reports it on a
 * write.
 */
function checked(run: RunSql, table: string, mismatched: Set<string>): unknown[][] {
  try {
    return run(`PRAGMA foreign_key_check(${quoteName(table)})`)
  } catch {
    mismatched.add(table)
    return []
  }
}

/** Returns the first key with more violations than before, with the rowid of one row if SQLite provides it. */
export function newViolation(before: Violations, after: Violations) {
  for (const [name, { count, rowids }] of after.keys) {
    const known = before.keys.get(name)
    if (count <= (known?.count ?? 0)) continue
    const [table, parent] = JSON.parse(name) as [string, string]
    const message = 'FOREIGN KEY constraint failed'
    const rowid = rowids.find((each) => each !== null && !known?.rowids.includes(each))
    const row = rowid === undefined ? '' : `${count === 1 ? ':' : ', for example'} the row with rowid ${rowid}`
    const reference = count === 1 ? 'references a missing row' : 'reference missing rows'
    const reason = `${message}: ${formatCount(count, 'row')} of "${table}" ${reference} of "${parent}"${row}.`
    return { reason, extra: { errorDetail: { kind: 'fk_violation', message, table } } }
  }
  return undefined
}
