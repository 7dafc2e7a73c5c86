import { PerSQLError } from '@persql/contract'
import { ABOUT_SCHEMA, PURE, SCHEMA_TABLE } from '../../sqlite/schema-map.ts'
import { lower, quoteName, type Statement } from '../../sqlite/tokenizer.ts'
import { namedTables } from './named-tables.ts'

/** The schema and the caller's rights, as far as a refused statement is judged by them. */
export interface ScopeChecks {
  isInScope(name: string): boolean
  isView(name: string): boolean
  isVirtual(name: string): boolean
  /** @throws PerSQLError `table_out_of_scope` for a view or a virtual table that reads other tables */
  assertReadable(table: string): void
  /** Absent for statements that were compiled. @throws PerSQLError `table_out_of_scope` for triggers and foreign keys */
  assertWritable?(table: string): void
}

/**
 * Returns the refusal that a caller with a table scope receives in place of any other error, if the statement names a table
 * out of scope. The text and the scope decide, so that the answer is the same whether the table exists or not.
 */
export function scopeRefusal(
  { text, verb }: Pick<Statement, 'text' | 'verb'>,
  changesSchema: boolean,
  { isInScope, isView, isVirtual, assertReadable, assertWritable }: ScopeChecks,
): PerSQLError | undefined {
  if (verb === 'PRAGMA') return undefined
  for (const { name, isWritten } of namedTables(text)) {
    const table = canonical(name)
    if (PURE.includes(table)) continue
    const isOfView = isView(table)
    if (!isOfView && !isInScope(table)) return outside(table === SCHEMA_TABLE ? table : name)
    const check = isWritten ? assertWritable : isOfView || isVirtual(table) ? assertReadable : undefined
    try {
      if (!changesSchema) check?.(table)
    } catch (cause) {
      if (cause instanceof PerSQLError && cause.code === 'table_out_of_scope') return cause
      // A view or a trigger that does not compile: its error may name anything.
      return isInScope(table) ? new PerSQLError('table_unresolved') : outside(name)
    }
  }
  return changesSchema ? outside(SCHEMA_TABLE) : undefined
}

/** The name under which a table is scoped: all that tells of the schema has one. */
function canonical(name: string): string {
  const table = lower(name)
  return table === 'sqlite_master' || ABOUT_SCHEMA.includes(table) ? SCHEMA_TABLE : table
}

/** Returns statements that surely compile and fire whatever a statement that does not compile might have fired. */
export function writesLike({ verb, names }: Statement, table: string, columns: readonly string[]): string[] {
  const name = quoteName(table)
  const list = columns.map(quoteName)
  const insert = names.has('replace') ? 'REPLACE' : 'INSERT'
  const inserts = list.length > 0 ? [`${insert} INTO ${name} (${list}) VALUES (${list.map(() => 'NULL')})`] : []
  const updates = list.length > 0 ? [`UPDATE ${name} SET ${list.map((column) => `${column} = ${column}`)}`] : []
  if (verb === 'DELETE') return [`DELETE FROM ${name}`]
  if (verb === 'UPDATE') return updates
  return names.has('conflict') && names.has('update') ? [...inserts, ...updates] : inserts
}

/** Returns whether SQLite could not parse a statement. */
export const isSyntaxError = (cause: unknown): boolean =>
  cause instanceof Error && /^(near ".*": syntax error|incomplete input|unrecognized token)/s.test(cause.message)

const outside = (table: string) => new PerSQLError('table_out_of_scope', { table })
