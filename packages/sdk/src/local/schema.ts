import type { Schema, Table } from '../types.ts'
import type { Engine, Native } from './engine.ts'

const rows = (engine: Engine, sql: string, ...params: Native[]) => engine.compile(sql).run(params)
const quote = (name: string) => `"${name.replaceAll('"', '""')}"`
const text = (value: Native | undefined) => (value === null || value === undefined ? null : String(value))

function userTables(engine: Engine): { name: string; sql: string }[] {
  const shadows = new Set(
    rows(engine, `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'`).map(([name]) => name),
  )
  return rows(engine, `SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name`)
    .map(([name, sql]) => ({ name: String(name), sql: text(sql) ?? '' }))
    .filter(({ name }) => !/^(sqlite_|_persql_)/i.test(name) && !shadows.has(name))
}

/** Returns the tables with their row counts. */
export const readTables = (engine: Engine): Table[] =>
  userTables(engine).map(({ name }) => ({
    name,
    rowCount: Number(rows(engine, `SELECT count(*) FROM ${quote(name)}`)[0]?.[0]),
  }))

/** Returns the schema as data. */
export function readSchema(engine: Engine): Schema {
  const programs = (type: string) =>
    rows(engine, 'SELECT name, tbl_name, sql FROM sqlite_master WHERE type = ? ORDER BY name', type)
  return {
    tables: userTables(engine).map(({ name, sql }) => ({
      name,
      sql,
      columns: rows(
        engine,
        'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)',
        name,
      ).map(([column, type, notNull, value, primaryKey, hidden]) => ({
        name: String(column),
        type: String(type),
        notNull: notNull === 1n,
        default: text(value),
        primaryKey: Number(primaryKey),
        generated: hidden === 2n || hidden === 3n,
      })),
      indexes: rows(
        engine,
        `SELECT l.name, l."unique", m.sql FROM pragma_index_list(?) l LEFT JOIN sqlite_master m ON m.name = l.name AND m.type = 'index'`,
        name,
      ).map(([index, unique, definition]) => ({
        name: String(index),
        unique: unique === 1n,
        columns: rows(engine, 'SELECT name FROM pragma_index_info(?)', index as string).map(
          ([column]) => text(column) ?? '(expression)',
        ),
        sql: text(definition),
      })),
      foreignKeys: rows(
        engine,
        'SELECT "from", "table", "to", on_delete, on_update FROM pragma_foreign_key_list(?) ORDER BY id, seq',
        name,
      ).map(([column, table, to, onDelete, onUpdate]) => ({
        column: String(column),
        table: String(table),
        to: text(to),
        onDelete: String(onDelete),
        onUpdate: String(onUpdate),
      })),
    })),
    views: programs('view').map(([name, , sql]) => ({ name: String(name), sql: String(sql) })),
    triggers: programs('trigger').map(([name, table, sql]) => ({
      name: String(name),
      table: String(table),
      sql: String(sql),
    })),
  }
}
