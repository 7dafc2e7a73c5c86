import { tokens, word } from '../../sqlite/tokenizer.ts'
import { decodeText } from '../../sqlite/values.ts'
import type { LongValue, Row } from './import-steps.ts'
import { unistr } from './unistr.ts'

/** The result of a scan for a row of plain values: its end, `incomplete` if text is missing, or `other`. */
export type RowScan = number | 'incomplete' | 'other'

/** In a row that is too long for a statement, longer values become parameters: at most 100 are possible. */
const LONG_CHARACTERS = 300
const NUMBER = /[+-]?\s*(?:0x[0-9a-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)/iy
const CAST = /CAST\s*\(\s*(X'[0-9A-Fa-f]*')\s*AS\s+TEXT\s*\)/iy
const CONSTANT = /(?:NULL|TRUE|FALSE|CURRENT_(?:TIMESTAMP|DATE|TIME))(?![\w$\u0080-\uffff])/iy
/** The maximum length of the start of a value: with fewer characters, the rest may not have been received. */
const LOOK_AHEAD = 40
/** Words that make a row depend on others, so that the rows of the statement can't be inserted one at a time. */
const DEPENDENT = new Set(['SELECT', 'VALUES', 'LAST_INSERT_ROWID', 'CHANGES', 'TOTAL_CHANGES'])
const CHAR = /\s*,\s*'((?:[^']|''){0,20})'\s*,\s*char\((\d{1,7})\)\s*\)/y

/**
 * Returns the end of the row of plain values whose parenthesis is at `at`; `special` runs for values that must be
 * rewritten.
 */
export function endOfRow(sql: string, at: number, special: () => void): RowScan {
  let i = at + 1
  for (;;) {
    i = skipSpace(sql, i)
    const end = endOfValue(sql, i, special)
    if (typeof end !== 'number') return end
    i = skipSpace(sql, end)
    const c = sql.charCodeAt(i)
    if (c === 44) i++
    else if (c === 41) return i + 1
    else return i + LOOK_AHEAD >= sql.length ? 'incomplete' : 'other'
  }
}

function endOfValue(sql: string, at: number, special: () => void): RowScan {
  const c = sql.charCodeAt(at)
  if (Number.isNaN(c)) return 'incomplete'
  if (c === 39) return endOfText(sql, at)
  if ((c >= 48 && c <= 57) || c === 45 || c === 43 || c === 46) return matchEnd(NUMBER, sql, at)
  if (c === 88 || c === 120) {
    if (sql.charCodeAt(at + 1) !== 39) return at + 1 < sql.length ? 'other' : 'incomplete'
    const end = sql.indexOf("'", at + 2)
    return end < 0 ? 'incomplete' : end + 1
  }
  if (c === 67 || c === 99) {
    const end = matchEnd(CAST, sql, at)
    if (typeof end === 'number') return end
    if ((sql.charCodeAt(at + 1) | 32) === 97) return sql.indexOf(')', at) < 0 ? 'incomplete' : end
  }
  if (FIRST_OF_CONSTANTS.has(c)) return matchEnd(CONSTANT, sql, at)
  special()
  return specialText(sql, at)?.end ?? (sql.length - at < 20 || !sql.includes(';', at) ? 'incomplete' : 'other')
}

function matchEnd(pattern: RegExp, sql: string, at: number): RowScan {
  pattern.lastIndex = at
  if (pattern.test(sql)) return pattern.lastIndex
  return sql.length - at < LOOK_AHEAD ? 'incomplete' : 'other'
}

function endOfText(sql: string, at: number): RowScan {
  for (let i = at + 1; ; i += 2) {
    i = sql.indexOf("'", i)
    if (i < 0 || i + 1 >= sql.length) return 'incomplete'
    if (sql.charCodeAt(i + 1) !== 39) return i + 1
  }
}

const FIRST_OF_CONSTANTS = new Set([...'NnTtFfCc'].map((letter) => letter.charCodeAt(0)))

/** Returns the end of a row of expressions that don't depend on other rows. Its parenthesis is at `at`. */
export function endOfExpressions(sql: string, at: number): RowScan {
  const rest = sql.slice(at)
  let depth = 0
  for (const token of tokens(rest)) {
    if (token.kind === 'open') depth++
    else if (token.kind === 'close' && --depth === 0) return at + token.end
    else if (token.kind === 'semicolon' || token.kind === 'variable') return 'other'
    else if (token.kind === 'word' && DEPENDENT.has(word(rest, token))) return 'other'
  }
  return 'incomplete'
}

/** Skips white space and comments as SQLite does, but not an unterminated comment. */
export function skipSpace(sql: string, at: number): number {
  let i = at
  for (;;) {
    const c = sql.charCodeAt(i)
    if (c === 32 || c === 10 || c === 13 || c === 9) i++
    else if (c !== 45 && c !== 47) return i
    else {
      const [mark, from] = isComment(sql, i) ? (c === 45 ? ['\n', i] : ['*/', i + 2]) : ['', i]
      const end = mark === '' ? -1 : sql.indexOf(mark, from)
      if (end < 0) return i
      i = end + mark.length
    }
  }
}

/** Returns whether a comment starts here. */
const isComment = (sql: string, at: number): boolean => sql.startsWith('--', at) || sql.startsWith('/*', at)

/** Returns whether a comment begins at a position, or can begin there because the text after it has not arrived. */
export const canBeComment = (sql: string, at: number): boolean =>
  isComment(sql, at) || (at === sql.length - 1 && (sql[at] === '-' || sql[at] === '/'))

/**
 * Reads a text with line ends in the format of the sqlite3 shell: `replace('a\nb','\n',char(10))`,
 * `unistr('a\u000ab')`. The value is bytes if the text isn't UTF-8.
 */
function specialText(sql: string, at: number): { value: string | Uint8Array; end: number } | undefined {
  if (sql.charCodeAt(at) === 39) {
    const end = endOfText(sql, at)
    return typeof end === 'number' ? { value: unquoted(sql.slice(at, end)), end } : undefined
  }
  if (/^unistr\('/i.test(sql.slice(at, at + 8))) {
    const inner = specialText(sql, at + 7)
    if (!inner || typeof inner.value !== 'string' || sql[inner.end] !== ')') return undefined
    const bytes = unistr(inner.value)
    return bytes && { value: decodeText(bytes) ?? bytes, end: inner.end + 1 }
  }
  if (!/^replace\(/i.test(sql.slice(at, at + 8))) return undefined
  const inner = specialText(sql, at + 8)
  if (typeof inner?.value !== 'string') return undefined
  CHAR.lastIndex = inner.end
  const [, mark = '', code] = CHAR.exec(sql) ?? []
  if (!mark || Number(code) > 0x10ffff || (Number(code) >= 0xd800 && Number(code) <= 0xdfff)) return undefined
  const value = inner.value.replaceAll(mark.replaceAll("''", "'"), () => String.fromCodePoint(Number(code)))
  return { value, end: CHAR.lastIndex }
}

const unquoted = (literal: string) => literal.slice(1, -1).replaceAll("''", "'")

/** Returns the values of a row that `endOfRow` has found, each as plain SQL. */
export function splitValues(row: string): string[] {
  const values: string[] = []
  for (let i = 1; ; i++) {
    const at = skipSpace(row, i)
    const end = endOfValue(row, at, () => {}) as number
    const text = row.slice(at, end)
    const special = /^[ru]/i.test(text) ? specialText(row, at) : undefined
    values.push(special ? textLiteral(special.value) : text.startsWith("'") ? textLiteral(unquoted(text)) : text)
    i = skipSpace(row, end)
    if (row.charCodeAt(i) === 41) return values
  }
}

/**
 * Returns a text as a literal, with a cast for a NUL character, which SQL can't contain, and for bytes that aren't
 * UTF-8.
 */
export function textLiteral(value: string | Uint8Array): string {
  if (typeof value !== 'string') return `CAST(X'${value.toHex()}' AS TEXT)`
  if (value.includes('\0')) return `CAST(X'${new TextEncoder().encode(value).toHex()}' AS TEXT)`
  return `'${value.replaceAll("'", "''")}'`
}

/** Returns a row of literals; if it is too long for a statement, its long values become parameters. */
export function toRow(literals: readonly string[], maxCharacters: number): Row {
  const text = `(${literals.join(',')})`
  if (text.length <= maxCharacters) return { text, params: [] }
  const params: LongValue[] = []
  const values = literals.map((literal) => {
    if (literal.length <= LONG_CHARACTERS || /^[\d+.-]/.test(literal)) return literal
    if (literal.startsWith("'")) {
      params.push(unquoted(literal))
      return '?'
    }
    const hex = /'([0-9A-Fa-f]*)'/.exec(literal)?.[1] ?? ''
    // SQLite reports invalid hexadecimal digits.
    if (hex.length % 2 === 1) return literal
    params.push({ base64: Uint8Array.fromHex(hex).toBase64() })
    return literal.startsWith('C') || literal.startsWith('c') ? 'CAST(? AS TEXT)' : '?'
  })
  return { text: `(${values.join(',')})`, params }
}
