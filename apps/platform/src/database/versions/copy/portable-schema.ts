import { type Token, tokens, word } from '../../../sqlite/tokenizer.ts'

/** Words that are followed by a value, so that a text after them isn't a name. */
const BEFORE_VALUE = new Set([
  ...['DEFAULT', 'WHEN', 'THEN', 'ELSE', 'CASE', 'LIKE', 'GLOB', 'MATCH', 'REGEXP', 'ESCAPE', 'AND', 'OR', 'NOT'],
  ...['BETWEEN', 'IS', 'IN', 'SELECT', 'DISTINCT', 'WHERE', 'HAVING', 'BY', 'RETURNING', 'VALUES'],
])

/**
 * Rewrites the texts of a CREATE statement that have a carriage return at the end of a line, because the sqlite3 shell
 * drops those when it reads a file. The meaning stays the same. Names with a carriage return, and arguments of virtual
 * tables, stay unchanged.
 */
export function toPortableSql(sql: string): string {
  if (!sql.includes('\r\n') || /^\s*create\s+virtual\b/i.test(sql)) return sql
  const list = [...tokens(sql)]
  let result = ''
  let from = 0
  let depth = 0
  const isTable = word(sql, list[1]) === 'TABLE'
  const raises: boolean[] = []
  list.forEach((token, i) => {
    const before = list[i - 1]
    if (token.kind === 'open') raises[depth++] = word(sql, before) === 'RAISE'
    else if (token.kind === 'close') depth--
    if (sql[token.start] !== "'" || raises[depth - 1] || !isValue(sql, before, isTable && depth < 2)) return
    const text = sql.slice(token.start, token.end)
    if (!text.includes('\r\n')) return
    result += `${sql.slice(from, token.start)}(${text.replaceAll('\r\n', "' || char(13) || '\n")})`
    from = token.end
  })
  return result + sql.slice(from)
}

/** Returns whether a text after this token is a value; in a column list, it can be a column name. */
function isValue(sql: string, before: Token | undefined, isColumn: boolean): boolean {
  if (before === undefined || before.kind === 'close' || before.kind === 'quoted') return false
  if (before.kind === 'word') return BEFORE_VALUE.has(word(sql, before))
  const c = sql[before.start] as string
  if (before.kind === 'open' || c === ',') return !isColumn
  return /[-+*/%|&<>=~!]/.test(c)
}
