import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { isInternal } from '../../../sqlite/system-tables.ts'

type Column = readonly [name: string, type: string, notNull: number, pk: number, hidden: number]

/**
 * Inserts a row with this ID into a table, so that SQLite assigns the IDs above it, and returns a function that deletes
 * it. Call both in one transaction. Triggers don't run for the row.
 */
export function placeRow(run: RunSql, table: string, id: number): () => void {
  const name = quoteName(table)
  const columns = run(
    'SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?)',
    table,
  ) as unknown as Column[]
  const isStrict = run("SELECT strict FROM pragma_table_list WHERE schema = 'main' AND name = ?", table)[0]?.[0] === 1
  const given = columns.filter(([, , , , hidden]) => hidden === 0)
  const values = given.map(([, type, notNull, pk]) => (pk === 1 ? id : notNull ? unusual(type, isStrict) : 'NULL'))
  const key = quoteName(columns.find(([, , , pk]) => pk === 1)?.[0] ?? 'rowid')
  const [[text = ''] = []] = run("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", table) as [string][]
  const switches = SWITCHES.filter(([, word]) => word.test(text)).map(([name]) => name)
  const quietly = (sql: string) => withoutTriggers(run, table, () => withSwitches(run, switches, () => run(sql)))
  quietly(`INSERT OR ABORT INTO ${name} (${given.map(([column]) => quoteName(column))}) VALUES (${values})`)
  return () => quietly(`DELETE FROM ${name} WHERE ${key} = ${id}`)
}

/** Returns a value of a type that no other row has. It is also valid JSON, for an index that parses it. */
function unusual(type: string, isStrict: boolean): string {
  const hex = crypto.randomUUID().replaceAll('-', '')
  const number = -(1e15 + Math.floor(Math.random() * 1e15))
  const declared = lower(type)
  if (isStrict && declared === 'blob') return `X'${hex}'`
  if (isStrict && declared === 'real') return `${number}.0`
  if (/int/.test(declared) || (isStrict && declared === 'any')) return `${number}`
  return /char|clob|text|blob/.test(declared) || declared === '' ? `'"${hex}"'` : `${number}`
}

// The row can violate CHECK constraints and foreign keys. SQLite discards deferred violations when that switch is
// turned off.
const SWITCHES = [
  ['ignore_check_constraints', /\bcheck\b/i],
  ['defer_foreign_keys', /\breferences\b/i],
] as const

function withSwitches(run: RunSql, names: readonly string[], work: () => void): void {
  const changed = names.filter((name) => run(`PRAGMA ${name}`)[0]?.[0] === 0)
  for (const name of changed) run(`PRAGMA ${name} = ON`)
  try {
    work()
  } finally {
    for (const name of changed) run(`PRAGMA ${name} = OFF`)
  }
}

function withoutTriggers(run: RunSql, table: string, work: () => void): void {
  const triggers = run(
    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE ORDER BY rowid",
    table,
  ) as [string, string][]
  const own = triggers.filter(([name]) => !isInternal(name))
  for (const [name] of own) run(`DROP TRIGGER ${quoteName(name)}`)
  work()
  for (const [, sql] of own) run(sql)
}
