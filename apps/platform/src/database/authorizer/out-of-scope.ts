import { PerSQLError } from '@persql/contract'
import { lower, quoteName } from '../../sqlite/identifiers.ts'
import { ABOUT_SCHEMA, PURE, SCHEMA_TABLE } from '../../sqlite/schema-map.ts'
import type { Statement } from '../../sqlite/tokenizer.ts'
import { namedTables } from './named-tables.ts'

/** The parts of the schema and the caller's permissions that decide about a refused statement. */
export interface ScopeChecks {
  isInScope(name: string): boolean
  isView(name: string): boolean
  isVirtual(name: string): boolean
  /** Checks a view or a virtual table that can read other tables. @throws PerSQLError `table_out_of_scope` */
  assertReadable(table: string): void
  /** Checks triggers and foreign keys; `undefined` for compiled statements. @throws PerSQLError `table_out_of_scope` */
  assertWritable?(table: string): void
}

/**
 * Returns the refusal that a caller with a table scope receives instead of any other error, if the statement names a
 * table out of scope. It depends only on the text and the scope, so the response is the same whether the table exists
 * or not.
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
      // A view or a trigger that doesn't compile: its error could name any table.
      return isInScope(table) ? new PerSQLError('table_unresolved') : outside(name)
    }
  }
  return changesSchema ? outside(SCHEMA_TABLE) : undefined
}

/** Returns the name that a table has in scopes: everything that describes the schema shares one. */
function canonical(name: string): string {
  const table = lower(name)
  return table === 'sqlite_master' || ABOUT_SCHEMA.includes(table) ? SCHEMA_TABLE : table
}

/** Returns statements that compile and fire every trigger that a statement that doesn't compile could have fired. */
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

/** Returns whether SQLite couldn't parse a statement. */
export const isSyntaxError = (cause: unknown): boolean =>
  cause instanceof Error && /^(near ".*": syntax error|incomplete input|unrecognized token)/s.test(cause.message)

const outside = (table: string) => new PerSQLError('table_out_of_scope', { table })
