import { lower } from '../../../sqlite/identifiers.ts'
import { SCHEMA_TABLE } from '../../../sqlite/schema-map.ts'
import type { Analysis } from '../../authorizer/authorizer.ts'

// Keyed by analysis, which is recreated after each schema change.
const known = new WeakMap<Analysis, readonly string[]>()

/**
 * Returns the tables that a statement writes according to its compiled program, including writes by triggers and
 * cascades, and views with INSTEAD OF triggers. A virtual table and its shadow tables count as one: a write to one of
 * them is a write to all.
 */
export function tablesWritten(analysis: Analysis, sql: SqlStorage): readonly string[] {
  let tables = known.get(analysis)
  if (!tables) {
    const { effect, sequenceImplied } = analysis
    // The outcome shows schema changes, and SQLite itself maintains the AUTOINCREMENT sequence.
    const implied = new Set([SCHEMA_TABLE, ...(sequenceImplied ? ['sqlite_sequence'] : [])])
    const named = effect.writes.filter((table) => !implied.has(table))
    const written = new Set([...named, ...findViews(effect.fires, sql)])
    for (const family of families(sql)) {
      if (family.some((member) => written.has(member))) for (const member of family) written.add(member)
    }
    tables = [...written].sort()
    known.set(analysis, tables)
  }
  return tables
}

const findViews = (triggers: readonly string[], sql: SqlStorage): string[] =>
  triggers.length === 0 ? [] : [...sql.exec(OF_VIEWS, JSON.stringify(triggers)).raw()].map(([name]) => name as string)

const OF_VIEWS = `
  SELECT v.name FROM sqlite_master t JOIN sqlite_master v ON lower(v.name) = lower(t.tbl_name) AND v.type = 'view'
  WHERE t.type = 'trigger' AND t.name IN (SELECT value FROM json_each(?))`

/** Returns each virtual table with its shadow tables. */
function families(sql: SqlStorage): string[][] {
  const list = [...sql.exec(BEHIND).raw()] as [string, string][]
  const shadows = list.filter(([, type]) => type === 'shadow').map(([name]) => name)
  return list
    .filter(([, type]) => type === 'virtual')
    .map(([name]) => [name, ...shadows.filter((shadow) => lower(shadow).startsWith(`${lower(name)}_`))])
}

const BEHIND = "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('virtual', 'shadow')"
