import { lower } from './identifiers.ts'
import { parseIdentifier, type Token, tokens, word } from './tokenizer.ts'

/** The arguments of a CREATE VIRTUAL TABLE statement as its module receives them. */
export interface VirtualTable {
  readonly module: string
  readonly args: readonly string[]
}

/** The options of FTS5 in its order of comparison. Options can be abbreviated, and the first match counts. */
const FTS5_OPTIONS = [
  ...['prefix', 'tokenize', 'content', 'contentless_delete', 'contentless_unindexed', 'content_rowid'],
  ...['columnsize', 'locale', 'detail', 'tokendata'],
]

/**
 * Returns the names of tables and views that a virtual table reads besides its own, or `undefined` for unknown modules.
 */
export function listSources(sql: string): readonly string[] | undefined {
  const table = parseVirtualTable(sql)
  switch (table?.module) {
    case 'rtree':
    case 'rtree_i32':
      return []
    case 'fts5':
      return findContent(table.args)
    case 'fts5vocab': {
      // `fts5vocab(table, type)`. The form with a schema is for the temporary schema only, which PerSQL doesn't have.
      const [source] = table.args
      return table.args.length === 2 && source ? [unquote(source)?.text ?? source] : undefined
    }
    default:
      return undefined
  }
}

/** Parses `CREATE VIRTUAL TABLE … USING module(…)`. Returns `undefined` for any other SQL. */
export function parseVirtualTable(sql: string): VirtualTable | undefined {
  const list = [...tokens(sql)]
  let at = 0
  const next = (...words: string[]) => {
    const isNext = words.every((each, i) => word(sql, list[at + i]) === each)
    if (isNext) at += words.length
    return isNext
  }
  if (!next('CREATE', 'VIRTUAL', 'TABLE')) return undefined
  next('IF', 'NOT', 'EXISTS')
  at++
  if (getText(sql, list[at]) === '.') at += 2
  const module = list[at + 1]
  if (!next('USING') || !module) return undefined
  return { module: parseIdentifier(sql, module), args: splitArguments(sql, list.slice(at + 1)) }
}

/** Splits arguments at commas outside parentheses, each from its first to its last token, as SQLite does. */
function splitArguments(sql: string, list: readonly Token[]): string[] {
  const args: string[] = []
  let depth = 0
  let from: number | undefined
  let end = 0
  const cut = () => {
    if (from !== undefined) args.push(sql.slice(from, end))
    from = undefined
  }
  for (const token of list) {
    if (token.kind === 'open' && depth++ === 0) continue
    if (token.kind === 'close' && --depth <= 0) break
    if (depth === 1 && getText(sql, token) === ',') {
      cut()
      continue
    }
    from ??= token.start
    end = token.end
  }
  cut()
  return args
}

/**
 * Returns the table in FTS5's option `content` or an abbreviation of it. Empty if the index stores its content or is
 * contentless.
 */
function findContent(args: readonly string[]): readonly string[] | undefined {
  const found: string[] = []
  for (const arg of args) {
    const [, given, rest] = /^([^\s"'`[=]+)\s*=([\s\S]*)$/.exec(arg) ?? []
    if (given === undefined || rest === undefined) continue
    const name = FTS5_OPTIONS.find((each) => each.startsWith(lower(given)))
    // An option that only a later version of FTS5 knows.
    if (name === undefined) return undefined
    const value = rest.trim()
    if (name === 'content' && value !== '') {
      const source = unquote(value)
      if (source && source.end !== value.length) return undefined
      const table = source?.text ?? value
      if (table !== '') found.push(table)
    }
  }
  return found
}

/**
 * Removes quotes as FTS5 does: a doubled closing quote stands for one, also in brackets. Returns `undefined` without
 * quotes.
 */
function unquote(text: string): { readonly text: string; readonly end: number } | undefined {
  const open = text[0] as string
  if (!`"'\`[`.includes(open)) return undefined
  const close = open === '[' ? ']' : open
  let out = ''
  for (let i = 1; i < text.length; i++) {
    if (text[i] !== close) out += text[i]
    else if (text[i + 1] === close) out += text[i++]
    else return { text: out, end: i + 1 }
  }
  return { text: out, end: text.length }
}

const getText = (sql: string, token: Token | undefined) => (token ? sql.slice(token.start, token.end) : undefined)
