import { lower } from '../../../sqlite/identifiers.ts'
import { isInternal } from '../../../sqlite/system-tables.ts'
import { namedTables } from '../../authorizer/named-tables.ts'
import { userTables } from '../../engine/schema.ts'
import type { Column, ForeignKey, Index, Model } from './model.ts'

type Row = readonly unknown[]
type Rows = (sql: string, ...params: unknown[]) => Row[]

/** Reads the schema. With a table scope, the result names no table outside the scope. */
export function readModel(sql: SqlStorage, scope: readonly string[] | null): Model {
  const rows: Rows = (text, ...params) => [...sql.exec(text, ...params).raw()]
  const kinds = new Map(
    rows(`SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main'`).map(([name, type, wr]) => [
      name,
      { type, hasRowid: wr === 0 },
    ]),
  )
  const allowed = scope && new Set(scope.map(lower))
  const isInScope = (name: string) => allowed === null || allowed.has(lower(name))
  const tables = userTables(sql, scope).map(({ name, sql: text }) => ({
    name,
    sql: maskTables(text, isInScope),
    virtual: kinds.get(name)?.type === 'virtual',
    hasRowid: kinds.get(name)?.hasRowid ?? false,
    columns: readColumns(rows, name).columns,
    indexes: readIndexes(rows, name),
    foreignKeys: readForeignKeys(rows, name).filter(({ table }) => isInScope(table)),
  }))
  const visible = new Set(tables.map(({ name }) => lower(name)))
  const programs = (type: string) =>
    (
      rows('SELECT name, tbl_name, sql FROM sqlite_master WHERE type = ? ORDER BY name', type) as [
        string,
        string,
        string,
      ][]
    ).filter(([name]) => !isInternal(name))
  return {
    tables,
    views: scope ? [] : programs('view').map(([name, , text]) => ({ name, sql: text, ...readColumns(rows, name) })),
    triggers: programs('trigger')
      .filter(
        ([, table, text]) =>
          scope === null || (visible.has(lower(table)) && namedTables(text).every(({ name }) => isInScope(name))),
      )
      .map(([name, table, text]) => ({ name, table, sql: text })),
  }
}

/** Replaces the names of tables outside the scope that a CREATE TABLE statement references. */
function maskTables(sql: string, isInScope: (table: string) => boolean): string {
  let masked = ''
  let from = 0
  for (const { name, isWritten, start, end } of namedTables(sql)) {
    if (isWritten || isInScope(name)) continue
    masked += `${sql.slice(from, start)}"(out of scope)"`
    from = end
  }
  return masked + sql.slice(from)
}

function readColumns(rows: Rows, table: string): { columns: Column[]; error: string | undefined } {
  try {
    const columns = rows('SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)', table)
      .filter(([, , , , , hidden]) => hidden !== 1)
      .map(([name, type, notNull, value, primaryKey, hidden]) => ({
        name: name as string,
        type: type as string,
        notNull: notNull === 1,
        default: value as string | null,
        primaryKey: primaryKey as number,
        generated: hidden !== 0,
      }))
    return { columns, error: undefined }
  } catch (cause) {
    return { columns: [], error: (cause as Error).message }
  }
}

function readIndexes(rows: Rows, table: string): Index[] {
  return rows(
    `SELECT l.name, l."unique", l.partial, m.sql FROM pragma_index_list(?) l
     LEFT JOIN sqlite_master m ON m.name = l.name AND m.type = 'index' ORDER BY l.seq DESC`,
    table,
  ).map(([name, unique, partial, sql]) => ({
    name: name as string,
    unique: unique === 1,
    partial: partial === 1,
    sql: sql as string | null,
    terms: rows('SELECT name, "desc", coll FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno', name).map(
      ([column, descending, collation]) => ({
        name: column as string | null,
        descending: descending === 1,
        collation: collation as string,
      }),
    ),
  }))
}

function readForeignKeys(rows: Rows, table: string): ForeignKey[] {
  const keys = new Map<unknown, { columns: string[]; to: (string | null)[] } & Omit<ForeignKey, 'columns' | 'to'>>()
  const list = rows(
    'SELECT id, "from", "table", "to", on_delete, on_update FROM pragma_foreign_key_list(?) ORDER BY id, seq',
    table,
  ) as [number, string, string, string | null, string, string][]
  for (const [id, column, parent, to, onDelete, onUpdate] of list) {
    const key = keys.get(id) ?? { columns: [], table: parent, to: [], onDelete, onUpdate }
    key.columns.push(column)
    key.to.push(to)
    keys.set(id, key)
  }
  return [...keys.values()]
}
