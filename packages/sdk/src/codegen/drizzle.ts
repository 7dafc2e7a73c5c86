import type { SchemaColumn } from '../types.ts'
import { columnDefinition, parenthesised, splitList } from './sql-text.ts'
import type { CodegenTable } from './tables.ts'

const string = (text: string) => `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
const sqlText = (text: string) =>
  `sql\`${text.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${')}\``

/** The text of a module that declares the tables for drizzle. */
export function drizzleSchema(tables: readonly CodegenTable[]): string {
  const names = new Names(tables)
  const declarations = tables.map((table) => declaration(table, names))
  const body = declarations.join('\n\n')
  const used = (name: string) => new RegExp(`(?<![.\\w])${name}\\b`).test(body)
  const functions = BUILDERS.filter(used).map((name) => (name === 'AnySQLiteColumn' ? `type ${name}` : name))
  const imports = [
    ...(used('sql') ? [`import { sql } from 'drizzle-orm'`] : []),
    ...(functions.length > 0 ? [`import { ${functions.join(', ')} } from 'drizzle-orm/sqlite-core'`] : []),
  ]
  return `// Written by persql-codegen: run it again instead of changing this.\n${imports.join('\n')}\n\n${body}\n`
}

const BUILDERS = [
  'AnySQLiteColumn',
  'blob',
  'foreignKey',
  'index',
  'integer',
  'numeric',
  'primaryKey',
  'real',
  'sqliteTable',
  'text',
  'unique',
  'uniqueIndex',
]
/** Names that a table must not take in the module. */
const TAKEN = [...BUILDERS, 'sql']

/** Names in the module: of tables, and of columns in their tables. */
class Names {
  readonly #tables: Map<string, string>
  readonly #columns = new Map<string, Map<string, string>>()
  readonly tables: readonly CodegenTable[]

  constructor(tables: readonly CodegenTable[]) {
    this.tables = tables
    this.#tables = identifiers(
      tables.map(({ name }) => name),
      TAKEN,
    )
    for (const { name, columns } of tables) {
      this.#columns.set(
        name,
        identifiers(
          columns.map((column) => column.name),
          [],
        ),
      )
    }
  }

  table = (name: string) => this.#tables.get(name) as string
  column = (table: string, name: string) => this.#columns.get(table)?.get(name) as string
  /** SQLite takes names of either case. */
  find = (name: string) => this.tables.find((table) => table.name.toLowerCase() === name.toLowerCase())
}

function identifiers(names: readonly string[], taken: readonly string[]): Map<string, string> {
  const used = new Set(taken)
  return new Map(
    names.map((name) => {
      const words = name.split(/[^A-Za-z0-9]+/).filter(Boolean)
      const camel = words
        .map((word, i) => (i === 0 ? word.charAt(0).toLowerCase() : word.charAt(0).toUpperCase()) + word.slice(1))
        .join('')
      let identifier = /^[A-Za-z]/.test(camel) ? camel : `_${camel}`
      if (RESERVED.test(identifier)) identifier += '_'
      while (used.has(identifier)) identifier += '_'
      used.add(identifier)
      return [name, identifier]
    }),
  )
}

const RESERVED =
  /^(arguments|await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|eval|export|extends|false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|public|return|static|super|switch|this|throw|true|try|typeof|undefined|var|void|while|with|yield)$/

function declaration(table: CodegenTable, names: Names): string {
  const columns = table.columns.map(
    (column) => `  ${names.column(table.name, column.name)}: ${columnCode(table, column, names)},`,
  )
  const more = extras(table, names)
  const last = more.length > 0 ? `, (t) => [\n${more.map((line) => `  ${line},`).join('\n')}\n]` : ''
  return `export const ${names.table(table.name)} = sqliteTable(${string(table.name)}, {\n${columns.join('\n')}\n}${last})`
}

function columnCode(table: CodegenTable, column: SchemaColumn, names: Names): string {
  const parts = [builder(column)]
  const keys = table.columns.filter(({ primaryKey }) => primaryKey > 0)
  if (keys.length === 1 && column.primaryKey > 0) {
    const counting = /\bAUTOINCREMENT\b/i.test(columnDefinition(table.sql, column.name))
    parts.push(counting ? '.primaryKey({ autoIncrement: true })' : '.primaryKey()')
  }
  if (column.notNull) parts.push('.notNull()')
  if (column.generated) parts.push(generated(table, column))
  else if (column.default !== null) parts.push(`.default(${defaultCode(column.default)})`)
  for (const key of table.foreignKeys) {
    const parent = names.find(key.table)
    if (key.columns.length > 1 || key.columns[0] !== column.name || !parent) continue
    const target = parentColumn(key.to[0] ?? null, parent, 0)
    if (!target) continue
    const actions = actionsCode(key.onDelete, key.onUpdate)
    parts.push(
      `.references((): AnySQLiteColumn => ${names.table(parent.name)}.${names.column(parent.name, target)}${actions && `, ${actions}`})`,
    )
  }
  return parts.join('')
}

/** By SQLite's rules of affinity; of NUMERIC, by what the declared type says besides. */
function builder({ name, type }: SchemaColumn): string {
  const column = string(name)
  if (/INT/i.test(type)) return `integer(${column})`
  if (/CHAR|CLOB|TEXT/i.test(type)) return `text(${column})`
  if (/BLOB/i.test(type) || type === '') return `blob(${column}, { mode: 'buffer' })`
  if (/REAL|FLOA|DOUB/i.test(type)) return `real(${column})`
  if (/^BOOL/i.test(type)) return `integer(${column}, { mode: 'boolean' })`
  if (/^JSON/i.test(type)) return `text(${column}, { mode: 'json' })`
  if (/^(DATE|TIME)/i.test(type)) return `text(${column})`
  return `numeric(${column}, { mode: 'number' })`
}

function generated(table: CodegenTable, { name }: SchemaColumn): string {
  const definition = columnDefinition(table.sql, name)
  const at = /\bAS\s*\(/i.exec(definition)
  const found = at && parenthesised(definition, at.index)
  if (!found) return ''
  const mode = /^\s*STORED\b/i.test(definition.slice(found.end)) ? 'stored' : 'virtual'
  return `.generatedAlwaysAs(${sqlText(found.inner)}, { mode: '${mode}' })`
}

/** A literal where the type takes one, else the expression. */
function defaultCode(text: string): string {
  const bare = text.trim()
  const literal = /^'((?:[^']|'')*)'$/.exec(bare)
  if (literal) return sqlText(bare)
  if (/^[+-]?\d+(\.\d+)?$/.test(bare) || /^(CURRENT_\w+|NULL|TRUE|FALSE)$/i.test(bare)) return sqlText(bare)
  return sqlText(`(${bare})`)
}

function actionsCode(onDelete: string, onUpdate: string): string {
  const actions = Object.entries({ onDelete, onUpdate }).filter(([, action]) => action !== 'NO ACTION')
  return actions.length > 0 ? `{ ${actions.map(([on, action]) => `${on}: '${action.toLowerCase()}'`).join(', ')} }` : ''
}

function parentColumn(to: string | null, parent: CodegenTable, place: number): string | undefined {
  if (to === null) return parent.columns.find(({ primaryKey }) => primaryKey === place + 1)?.name
  return parent.columns.find(({ name }) => name.toLowerCase() === to.toLowerCase())?.name
}

/** Keys of several columns, and indexes. */
function extras(table: CodegenTable, names: Names): string[] {
  const own = (name: string) => `t.${names.column(table.name, name)}`
  const keys = table.columns.filter(({ primaryKey }) => primaryKey > 0).sort((a, b) => a.primaryKey - b.primaryKey)
  const keyNames = keys.map(({ name }) => name)
  const lines = keys.length > 1 ? [`primaryKey({ columns: [${keyNames.map(own).join(', ')}] })`] : []
  for (const { columns, table: to, to: targets, onDelete, onUpdate } of table.foreignKeys) {
    const parent = names.find(to)
    if (columns.length < 2 || !parent) continue
    const foreign = columns.map((_, i) => parentColumn(targets[i] ?? null, parent, i))
    if (foreign.includes(undefined)) continue
    const listed = foreign.map((name) => `${names.table(parent.name)}.${names.column(parent.name, name as string)}`)
    const actions = Object.entries({ onDelete, onUpdate })
      .filter(([, action]) => action !== 'NO ACTION')
      .map(([on, action]) => `.${on}('${action.toLowerCase()}')`)
    lines.push(
      `foreignKey({ columns: [${columns.map(own).join(', ')}], foreignColumns: [${listed.join(', ')}] })${actions.join('')}`,
    )
  }
  for (const { name, unique, columns, sql } of table.indexes) {
    if (sql === null) {
      if (columns.join() !== keyNames.join()) lines.push(`unique().on(${columns.map(own).join(', ')})`)
      continue
    }
    const after = /\bON\b/i.exec(sql)?.index ?? 0
    const list = parenthesised(sql, after)
    const terms = list ? splitList(list.inner) : []
    const on = columns.map((column, i) => (column === '(expression)' ? sqlText(terms[i] ?? '') : own(column)))
    const where = /^\s*WHERE\b([\s\S]*)$/i.exec(sql.slice(list?.end))?.[1]?.trim()
    lines.push(
      `${unique ? 'uniqueIndex' : 'index'}(${string(name)}).on(${on.join(', ')})${where ? `.where(${sqlText(where)})` : ''}`,
    )
  }
  return lines
}
