import { execFileSync } from 'node:child_process'
import type { Database } from './transfer.ts'
import { readRows } from './transfer.ts'

/**
 * The content of a database: its schema as text, and all values of each table, each as its type and hexadecimal or
 * decimal digits.
 */
export interface Contents {
  readonly schema: unknown[][]
  readonly rows: Record<string, string[]>
}

/** A table to read: its columns, and the order of its rows. */
export interface Readable {
  readonly name: string
  readonly columns: readonly string[]
  readonly order: string
}

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`

const SCHEMA = `SELECT type, name, tbl_name, hex(sql) FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow') ORDER BY type, name`

/** Returns the SQL that encodes a value as ASCII text, unique across all values and types. */
const ascii = (column: string) =>
  `typeof(${column}) || ':' || CASE WHEN typeof(${column}) IN ('text', 'blob') THEN hex(${column}) ELSE quote(${column}) END`

const select = ({ name, columns, order }: Readable) =>
  `SELECT ${columns.map((column) => ascii(quoteName(column)))} FROM ${quoteName(name)} ORDER BY ${order}`

/** SQLite versions print REALs differently, so compare them as numbers. */
const comparable = (value: unknown): string => {
  const [, kind = '', text = ''] = /^(\w+):(.*)$/s.exec(String(value)) ?? []
  return kind === 'real' ? `real:${Number(text.replace(/Inf/, 'Infinity'))}` : `${kind}:${text}`
}

const listed = (rows: readonly unknown[][]) => rows.map((row) => row.map(comparable).join('|'))

/** Reads a database through its API. */
export async function readContents(db: Database, tables: readonly Readable[]): Promise<Contents> {
  const rows: Contents['rows'] = {}
  for (const table of tables) rows[table.name] = listed(await readRows(db, select(table)))
  return { schema: await readRows(db, SCHEMA), rows }
}

/** Runs a script in Debian's sqlite3. */
export const shell = (file: string, input: string | Uint8Array): string =>
  execFileSync('sqlite3', ['-batch', '-bail', file], { input, encoding: 'utf8', maxBuffer: 1e9 })

/** Reads a database file with Debian's sqlite3. */
export function contentsOfFile(file: string, tables: readonly Readable[]): Contents {
  const read = (sql: string) =>
    (JSON.parse(shell(file, `.mode json\n${sql};\n`) || '[]') as Record<string, unknown>[]).map(Object.values)
  const rows: Contents['rows'] = {}
  for (const table of tables) rows[table.name] = listed(read(named(table)))
  return { schema: read(SCHEMA), rows }
}

/** Names each column, because JSON drops columns with repeated names. ORDER BY prefers result names, so no table has these. */
const named = (table: Readable) =>
  `SELECT ${table.columns.map((column, i) => `${ascii(quoteName(column))} AS "result ${i}"`)} FROM ${quoteName(table.name)} ORDER BY ${table.order}`

/** Returns the first differences between two databases. */
export function differences(actual: Contents, expected: Contents): string[] {
  const found: string[] = []
  const compare = (where: string, one: unknown, other: unknown) => {
    if (one !== other) found.push(`${where}: ${String(one).slice(0, 200)} instead of ${String(other).slice(0, 200)}`)
  }
  const compareAll = (where: string, one: readonly unknown[], other: readonly unknown[]) => {
    compare(`length of ${where}`, one.length, other.length)
    other.forEach((each, i) => {
      compare(`${where} ${i}`, one[i], each)
    })
  }
  compareAll('schema', actual.schema.map(String), expected.schema.map(String))
  for (const [table, rows] of Object.entries(expected.rows)) {
    const others = actual.rows[table] ?? []
    compare(`rows of ${table}`, others.length, rows.length)
    rows.forEach((row, i) => {
      compareAll(`${table} ${i}`, others[i]?.split('|') ?? [], row.split('|'))
    })
  }
  return found.slice(0, 20)
}
