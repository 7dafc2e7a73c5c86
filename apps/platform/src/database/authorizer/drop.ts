import { PerSQLError } from '@persql/contract'
import { lower, quoteName } from '../../sqlite/identifiers.ts'
import type { RunSql } from '../../sqlite/schema-map.ts'
import { parseIdentifier, type Statement, type Token, tokens, word } from '../../sqlite/tokenizer.ts'

const ACTIONS: Readonly<Record<string, string>> = {
  CASCADE: 'delete rows of',
  'SET NULL': 'set the reference to NULL in rows of',
  'SET DEFAULT': 'set the reference to its default in rows of',
}

/** Returns the table that a DROP TABLE names, in lower case; `undefined` for any other statement. */
export function droppedTable({
  text,
  verb,
  explain,
}: Pick<Statement, 'text' | 'verb' | 'explain'>): string | undefined {
  if (verb !== 'DROP' || explain !== 'no') return undefined
  const list = [...tokens(text)]
  return word(text, list[1]) === 'TABLE' ? parseIdentifier(text, list.at(-1) as Token) : undefined
}

/**
 * Refuses to drop a table if that would change rows of other tables: SQLite deletes all rows of a table before it drops
 * the table, and that triggers the foreign key actions of other tables.
 * @param spared tables that are dropped next, so their rows don't matter
 * @throws PerSQLError `sql_error`
 */
export function refuseCascade(run: RunSql, table: string, spared: ReadonlySet<string>): void {
  if (run('PRAGMA foreign_keys')[0]?.[0] !== 1) return
  const keys = run(
    `SELECT m.name, f.id, f.on_delete, json_group_array(f."from") FROM sqlite_master m, pragma_foreign_key_list(m.name) f
     WHERE m.type = 'table' AND lower(m.name) NOT GLOB '_cf_*' AND lower(m.name) NOT GLOB '_persql_*'
       AND f."table" = ?1 COLLATE NOCASE AND m.name <> ?1 COLLATE NOCASE AND f.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
     GROUP BY m.name, f.id`,
    table,
  ) as [string, number, string, string][]
  for (const [child, , action, columns] of keys) {
    if (spared.has(lower(child))) continue
    const refers = (JSON.parse(columns) as string[]).map((column) => `${quoteName(column)} IS NOT NULL`)
    if (run(`SELECT 1 FROM ${quoteName(child)} WHERE ${refers.join(' AND ')} LIMIT 1`).length === 0) continue
    const hint =
      `To rebuild "${table}" and keep these rows, make PRAGMA foreign_keys=OFF the first statement of a migration, or of a batch with "transaction": true. ` +
      `Otherwise delete the rows first.`
    const message = `Dropping "${table}" would ${ACTIONS[action]} "${child}" (ON DELETE ${action}).`
    const errorDetail = { kind: 'fk_violation', message, table: child, hint }
    throw new PerSQLError('sql_error', { message: `${message} ${hint}` }, { extra: { errorDetail } })
  }
}
