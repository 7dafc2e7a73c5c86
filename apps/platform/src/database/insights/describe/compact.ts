import type { SchemaDescription } from '@persql/contract'
import { formatCount } from '@persql/endpoint-spec'
import { quoteName } from '../../../sqlite/identifiers.ts'

/** Longer texts are cut, table by table, to limit the cost of a prompt. */
const MAX_LENGTH = 60_000

type Table = SchemaDescription['tables'][number]

/** Formats the schema as a short text for a prompt: a block for each table and view, and a line for each column. */
export function compactText({ databaseDescription, tables, views, triggers }: SchemaDescription): string {
  const blocks = [...tables.map(tableBlock), ...views.map(viewBlock)]
  const names = [...tables.map(({ table }) => table), ...views.map(({ name }) => name)]
  const parts = [`SQLite database${about(databaseDescription)}`]
  let length = parts[0]?.length ?? 0
  let shown = 0
  for (const block of blocks) {
    length += block.length + 2
    if (length > MAX_LENGTH) break
    parts.push(block)
    shown++
  }
  const rest = names.slice(shown).map(name)
  if (rest.length > 0) parts.push(cut(`Omitted to save space: ${rest.join(', ')}`, MAX_LENGTH / 10))
  else if (triggers.length > 0) {
    parts.push(cut(`Triggers: ${triggers.map((one) => `${name(one.name)} on ${name(one.table)}`).join(', ')}`, 2_000))
  }
  return parts.join('\n\n')
}

function tableBlock({ table, description, rowCount, columns, foreignKeys, indexes }: Table): string {
  const key = columns.filter((column) => column.primaryKey > 0).sort((a, b) => a.primaryKey - b.primaryKey)
  const parents = new Map(
    foreignKeys
      .filter((one) => one.columns.length === 1)
      .map((one) => [one.columns[0], `${name(one.table)}${one.to[0] ? `.${name(one.to[0])}` : ''}`]),
  )
  const lines = columns.map((column) => {
    const words = [
      name(column.name),
      column.type,
      ...(key.length === 1 && column.primaryKey === 1 ? ['PRIMARY KEY'] : []),
      ...(column.notNull ? ['NOT NULL'] : []),
      ...(column.default === null ? [] : [`DEFAULT ${oneLine(column.default)}`]),
      ...(column.generated ? ['GENERATED'] : []),
      ...(parents.has(column.name) ? [`-> ${parents.get(column.name)}`] : []),
    ]
    return `  ${words.filter(Boolean).join(' ')}${about(column.description)}`
  })
  if (key.length > 1) lines.push(`  PRIMARY KEY ${list(key.map((column) => column.name))}`)
  for (const { columns, table, to } of foreignKeys) {
    if (columns.length < 2) continue
    lines.push(`  ${list(columns)} -> ${name(table)}${to[0] ? ` ${list(to as string[])}` : ''}`)
  }
  for (const { sql, unique, columns } of indexes) {
    if (unique && !isKey(columns, key)) lines.push(`  UNIQUE ${list(columns)}`)
    else if (sql !== null) lines.push(`  INDEX ${list(columns)}`)
  }
  return [
    `${name(table)}${rowCount === null ? '' : ` (${formatCount(rowCount, 'row')})`}${about(description)}`,
    ...lines,
  ].join('\n')
}

function viewBlock({ name: view, description, columns }: SchemaDescription['views'][number]): string {
  const lines = columns.map(
    (column) => `  ${[name(column.name), column.type].filter(Boolean).join(' ')}${about(column.description)}`,
  )
  return [`${name(view)} (view)${about(description)}`, ...lines].join('\n')
}

const isKey = (columns: readonly string[], key: readonly { readonly name: string }[]) =>
  columns.length === key.length && columns.every((column, i) => column === key[i]?.name)
const list = (columns: readonly string[]) => `(${columns.map((column) => name(column)).join(', ')})`
const about = (description: string | null) => (description ? `: ${oneLine(description)}` : '')
const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim()
const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text)
/** Quotes a name if SQL requires it. */
const name = (text: string) =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) || text === '(expression)' ? text : quoteName(text)
