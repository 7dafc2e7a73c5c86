import { type Statement, type Token, tokens, word } from './tokenizer.ts'

const LOOKUP = /^pragma_(table|index|foreign_key)_/
const CATALOGS = ['sqlite_master', 'sqlite_schema']

/**
 * Hides the runtime's tables from statements that read the catalog. The catalog lists them, but the runtime refuses to
 * describe them, so a statement that inspects all tables, as many tools do, would fail. Such a statement gets a catalog
 * without them.
 */
export function hideRuntimeTables(statement: Statement): Statement {
  return [...statement.names].some((name) => LOOKUP.test(name)) ? withCatalog(statement, HIDDEN) : statement
}

/**
 * Hides PerSQL's own tables too, from a statement that reads the catalog and names none of them. Tools that compare a
 * schema with the catalog would drop them.
 */
export function hideSystemTables(statement: Statement): Statement {
  if ([...statement.names].some((name) => name.startsWith('_persql_'))) return statement
  return withCatalog(statement, `${HIDDEN} AND tbl_name NOT GLOB '_persql_*'`)
}

/** Returns a statement that reads the catalog from this SELECT. */
function withCatalog(statement: Statement, catalog: string): Statement {
  const { text, names, placeholders } = statement
  const used = CATALOGS.filter((name) => names.has(name))
  if (used.length === 0 || text.includes(HIDDEN) || !['SELECT', 'VALUES'].includes(statement.verb)) return statement
  const catalogs = used.map((name) => `${name} AS (${catalog})`).join(', ')
  const with_ = text.slice(0, endOfWith(text))
  const front = with_ ? `${with_} ${catalogs},` : `WITH ${catalogs} `
  const moved = front.length - with_.length
  return Object.freeze({
    ...statement,
    text: front + text.slice(with_.length),
    placeholders: placeholders.map(([start, end]) => [start + moved, end + moved] as const),
  })
}

/** Returns the end of a leading `WITH` or `WITH RECURSIVE`, even with comments between the words. */
function endOfWith(text: string): number {
  const [first, second] = firstTwo(text)
  if (word(text, first) !== 'WITH') return 0
  return (word(text, second) === 'RECURSIVE' ? second : first)?.end ?? 0
}

function firstTwo(text: string): (Token | undefined)[] {
  const all = tokens(text)
  return [all.next().value ?? undefined, all.next().value ?? undefined]
}

const HIDDEN = "SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_schema WHERE tbl_name NOT GLOB '_cf_*'"
