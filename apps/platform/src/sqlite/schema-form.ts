import { createHash } from 'node:crypto'
import { lower } from './identifiers.ts'
import type { SchemaObject, SchemaText } from './schema-text.ts'
import { readTableForm, type TableForm } from './table-form.ts'
import { splitAtCommas, TokenCursor, toFormTokens } from './token-cursor.ts'
import { parseIdentifier, word } from './tokenizer.ts'
import { parseVirtualTable } from './virtual-tables.ts'

/** The version of the rules, which is part of each hash. */
export const RULES = 1

/** Returns the key of an object: tables, indexes and views share one namespace, triggers have their own. */
export const toKey = ({ type, name }: { readonly type: string; readonly name: string }): string =>
  `${type === 'trigger' ? 'trigger' : ''} ${lower(name)}`

/**
 * Returns the structure of each object as text, by key. It is equal for objects that behave alike, however their
 * statements are written.
 * @param isIgnored whether a table with these columns, its indexes and its triggers are left out
 */
export function readSchemaForms(
  { tables, others }: SchemaText,
  isIgnored: (table: string, columns: readonly string[]) => boolean = () => false,
): Map<string, string> {
  const parsed = tables.map((object) => ({ object, form: readTableForm(object.sql) }))
  const kept = parsed.filter(({ object, form }) => !form || !isIgnored(object.name, form.columns))
  const ignored = new Set(parsed.filter((each) => !kept.includes(each)).map(({ object }) => lower(object.name)))
  const names = new Set([...tables, ...others].map(({ name }) => lower(name)))
  for (const { form } of parsed) for (const column of form?.columns ?? []) names.add(column)
  const isName = (name: string) => names.has(name)
  const forms = new Map(kept.map(({ object, form }) => [toKey(object), toTableText(object, form)]))
  for (const object of others) {
    if (ignored.size === 0 || !ignored.has(readOwnTable(object))) forms.set(toKey(object), toText(object, isName))
  }
  return forms
}

/** Returns a hash of the structure of a schema: equal for schemas that behave alike. */
export function hashForms(forms: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256').update(`${RULES}`)
  for (const key of [...forms.keys()].sort()) hash.update(`\0${key}\0${forms.get(key)}`)
  return hash.digest('hex').slice(0, 32)
}

/** Returns whether two objects behave alike. Names in double quotes that aren't lower case count as different names. */
export const isSame = (a: SchemaObject | undefined, b: SchemaObject | undefined): boolean =>
  a === undefined || b === undefined ? a === b : toOwnText(a) === toOwnText(b)

const toOwnText = (object: SchemaObject): string =>
  object.type === 'table'
    ? toTableText(object, readTableForm(object.sql))
    : toText(object, (name) => name === lower(object.name))

function toTableText({ sql }: SchemaObject, form: TableForm | undefined): string {
  if (form) return `table ${form.text}`
  return `table ${JSON.stringify(toVirtualForm(sql) ?? toFormTokens(sql, new TokenCursor(sql).rest, () => false))}`
}

/** Returns the module of a virtual table and its arguments, which only the module understands. */
function toVirtualForm(sql: string): readonly unknown[] | undefined {
  const virtual = parseVirtualTable(sql)
  return virtual && [virtual.module, virtual.args.map(toArgument)]
}

function toArgument(text: string): readonly string[] {
  const at = new TokenCursor(text)
  const [first, ...more] = at.rest
  if (first && more.length === 0) return [parseIdentifier(text, first)]
  return at.rest.map((token) => {
    const raw = text.slice(token.start, token.end)
    return token.kind === 'quoted' ? raw : lower(raw)
  })
}

function toText({ type, sql }: SchemaObject, isName: (name: string) => boolean): string {
  const form = type === 'index' ? toIndexForm(sql, isName) : type === 'trigger' ? toTriggerForm(sql, isName) : undefined
  return `${type} ${JSON.stringify(form ?? toFormTokens(sql, new TokenCursor(sql).rest, isName))}`
}

function toIndexForm(sql: string, isName: (name: string) => boolean): readonly unknown[] | undefined {
  const at = new TokenCursor(sql)
  at.take('CREATE')
  const isUnique = at.take('UNIQUE')
  at.take('INDEX')
  at.take('IF', 'NOT', 'EXISTS')
  at.takeName()
  if (at.takeText('.')) at.takeName()
  const table = at.take('ON') ? at.takeName() : undefined
  const columns = at.takeGroup()
  if (table === undefined || !columns) return undefined
  const terms = splitAtCommas(sql, columns).map((list) => {
    const isAscending = list.length > 1 && word(sql, list.at(-1)) === 'ASC'
    const term = toFormTokens(sql, isAscending ? list.slice(0, -1) : list, isName)
    const [first, second] = list
    // A name in any quotes is a column here.
    const isColumn = first?.kind === 'quoted' && (!second || ['ASC', 'DESC', 'COLLATE'].includes(word(sql, second)))
    return isColumn ? [parseIdentifier(sql, first), ...term.slice(1)] : term
  })
  return [isUnique, table, terms, toFormTokens(sql, at.rest, isName)]
}

/** Returns the form of a trigger without the words that change nothing. */
function toTriggerForm(sql: string, isName: (name: string) => boolean): readonly string[] {
  const list = [...new TokenCursor(sql).rest]
  const words = list.map((token) => word(sql, token))
  const each = words.findIndex((_, i) => ['FOR', 'EACH', 'ROW'].every((text, more) => words[i + more] === text))
  if (each >= 0) list.splice(each, 3)
  const form = toFormTokens(sql, list, isName)
  // The name is the third token.
  return ['DELETE', 'INSERT', 'UPDATE'].includes(words[3] ?? '') ? form.toSpliced(3, 0, 'before') : form
}

/** Returns the table of an index or trigger in lower case. */
function readOwnTable({ type, sql }: SchemaObject): string {
  if (type === 'view') return ''
  const list = new TokenCursor(sql).rest
  const table = list[list.findIndex((token) => word(sql, token) === 'ON') + 1]
  return table ? parseIdentifier(sql, table) : ''
}
