import type { PerSQLDatabase } from '../database.ts'
import type { SchemaTable } from '../types.ts'

/** A foreign key with all its columns. */
export interface ForeignKey {
  columns: string[]
  table: string
  /** `null`: the primary key of that table. */
  to: (string | null)[]
  onDelete: string
  onUpdate: string
}

/** A table with its foreign keys grouped by key. */
export interface CodegenTable extends Omit<SchemaTable, 'foreignKeys'> {
  foreignKeys: ForeignKey[]
}

interface KeyRow extends Record<string, string | number | null> {
  key: number
  column: string
  parent: string
  to: string | null
  onDelete: string
  onUpdate: string
}

const KEYS = `SELECT id AS key, "from" AS "column", "table" AS parent, "to", on_delete AS onDelete, on_update AS onUpdate
  FROM pragma_foreign_key_list(?) ORDER BY id, seq`

/** Reads the tables of a database. */
export async function readTables(db: PerSQLDatabase): Promise<CodegenTable[]> {
  const { tables } = await db.schema()
  return Promise.all(
    tables.map(async (table) => {
      if (table.foreignKeys.length === 0) return { ...table, foreignKeys: [] }
      const keys = new Map<number, ForeignKey>()
      for (const { key, column, parent, to, onDelete, onUpdate } of (await db.query<KeyRow>(KEYS, [table.name])).data) {
        const known = keys.get(key) ?? { columns: [], table: parent, to: [], onDelete, onUpdate }
        known.columns.push(column)
        known.to.push(to)
        keys.set(key, known)
      }
      return { ...table, foreignKeys: [...keys.values()] }
    }),
  )
}
