import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { TableShape, Term } from './candidates.ts'

/** A tenant table that can be copied: it has rowids and is not virtual. */
export interface Table extends TableShape {
  /** SQL that creates the table and its indexes. */
  readonly schema: readonly string[]
  /** Stored columns in insert order, including the rowid. */
  readonly stored: readonly string[]
  /** A name of the rowid that no column hides. */
  readonly rowidName: string
}

/** Reads a table, or returns `undefined` if it can't be copied. */
export function readTable(run: RunSql, name: string): Table | undefined {
  const [kind] = run(`SELECT type, wr FROM pragma_table_list WHERE schema = 'main' AND name = ?`, name)
  const [made] = run(`SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?`, name)
  if (kind?.[0] !== 'table' || kind[1] !== 0 || !made) return undefined
  const columns = run('SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)', name) as [
    string,
    string,
    number,
    number,
  ][]
  const names = columns.map(([column]) => column)
  const rowidName = ['rowid', '_rowid_', 'oid'].find((word) => !names.some((column) => lower(column) === word))
  if (!rowidName) return undefined
  const keys = columns.filter(([, , pk]) => pk > 0)
  const rowid = keys.length === 1 && lower(keys[0]?.[1] ?? '') === 'integer' ? keys[0]?.[0] : undefined
  const plain = columns.filter(([, , , hidden]) => hidden === 0).map(([column]) => quoteName(column))
  const indexes = run(
    `SELECT l.name, l.partial, m.sql FROM pragma_index_list(?) l
     LEFT JOIN sqlite_master m ON m.type = 'index' AND m.name = l.name ORDER BY l.seq`,
    name,
  ) as [string, number, string | null][]
  return {
    name,
    columns: names,
    rowid,
    indexes: indexes.filter(([, partial]) => partial === 0).map(([index]) => readTerms(run, index)),
    foreignKeys: readForeignKeys(run, name),
    schema: [made[0] as string, ...indexes.flatMap(([, , sql]) => (sql === null ? [] : [sql]))],
    stored: rowid === undefined ? [rowidName, ...plain] : plain,
    rowidName,
  }
}

/** Returns the index's columns up to the first expression or non-binary collation. */
function readTerms(run: RunSql, index: string): Term[] {
  const rows = run('SELECT name, "desc", coll FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno', index)
  const end = rows.findIndex(([name, , collation]) => name === null || collation !== 'BINARY')
  return rows
    .slice(0, end < 0 ? undefined : end)
    .map(([name, descending]) => ({ column: name as string, descending: descending === 1 }))
}

function readForeignKeys(run: RunSql, name: string): string[][] {
  const keys = new Map<unknown, string[]>()
  for (const [id, column] of run('SELECT id, "from" FROM pragma_foreign_key_list(?) ORDER BY id, seq', name)) {
    keys.set(id, [...(keys.get(id) ?? []), column as string])
  }
  return [...keys.values()]
}
