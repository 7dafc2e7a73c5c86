import { PerSQLError } from '@persql/contract'
import { lower } from './identifiers.ts'

/** A single SQL statement from a caller. */
export interface Statement {
  /** The statement without surrounding white space, comments and semicolons. For EXPLAIN, the explained statement. */
  readonly text: string
  /** The first keyword in upper case. After a WITH clause, the verb of the main statement. */
  readonly verb: string
  /** Whether the caller requested an explanation of `text` instead of running it. */
  readonly explain: 'no' | 'program' | 'plan'
  /** The `[start, end]` positions of the parameters in `text`. */
  readonly placeholders: readonly (readonly [number, number])[]
  /** Whether the caller's text resolved conflicts by ROLLBACK, which `text` has replaced with ABORT. */
  readonly hadRollback: boolean
  /** All names in the statement, in lower case and without quotes. */
  readonly names: ReadonlySet<string>
}

type Kind = 'word' | 'quoted' | 'variable' | 'semicolon' | 'open' | 'close' | 'other'
/** A token's kind and position in the SQL. */
export interface Token {
  readonly kind: Kind
  readonly start: number
  readonly end: number
}

/**
 * Splits SQL into tokens exactly as SQLite's own tokenizer does (`sqlite3GetToken` in src/tokenize.c), so both agree on
 * every semicolon. White space and comments are omitted.
 */
export function* tokens(sql: string): Generator<Token> {
  let at = 0
  while (at < sql.length) {
    const start = at
    const c = sql.charCodeAt(at)
    if (isSpace(c)) at++
    else if (c === 45 && sql.charCodeAt(at + 1) === 45) at = until(sql, '\n', at)
    else if (c === 47 && sql.charCodeAt(at + 1) === 42 && at + 2 < sql.length) {
      const end = sql.indexOf('*/', at + 3)
      const short = sql.startsWith('*/', at + 2) ? at + 2 : -1
      at = short >= 0 ? short + 2 : end < 0 ? sql.length : end + 2
    } else if (c === 39 || c === 34 || c === 96) {
      at = closingQuote(sql, at)
      yield { kind: 'quoted', start, end: at }
    } else if (c === 91) {
      at = Math.min(until(sql, ']', at) + 1, sql.length)
      yield { kind: 'quoted', start, end: at }
    } else if (c === 63) {
      at++
      while (isDigit(sql.charCodeAt(at))) at++
      yield { kind: 'variable', start, end: at }
    } else if (c === 36 || c === 58 || c === 64 || c === 35) {
      at++
      while (isName(sql.charCodeAt(at))) at++
      // SQLite reads `$a(…)` and `$a::b` as one variable, including quotes and semicolons. No client needs that.
      if (c === 35 || (at > start + 1 && (sql[at] === '(' || sql.startsWith('::', at)))) {
        throw new PerSQLError('statement_not_allowed', {
          what: `The parameter "${sql.slice(start, at + 1)}"`,
          instead: 'Use "?" placeholders.',
        })
      }
      yield { kind: 'variable', start, end: at }
    } else if (c === 59) yield { kind: 'semicolon', start, end: ++at }
    else if (c === 40) yield { kind: 'open', start, end: ++at }
    else if (c === 41) yield { kind: 'close', start, end: ++at }
    else if ((c === 88 || c === 120) && sql.charCodeAt(at + 1) === 39) {
      at = Math.min(until(sql, "'", at + 2) + 1, sql.length)
      yield { kind: 'other', start, end: at }
    } else if (isName(c) && !isDigit(c)) {
      while (isName(sql.charCodeAt(at))) at++
      yield { kind: 'word', start, end: at }
    } else if (isDigit(c)) {
      while (isName(sql.charCodeAt(at)) || sql.charCodeAt(at) === 46) at++
      yield { kind: 'other', start, end: at }
    } else yield { kind: 'other', start, end: ++at }
  }
}

/**
 * Parses the single statement of a request.
 * @throws PerSQLError `multiple_statements`, `empty_statement`, `statement_not_allowed` or `sql_error`
 */
export function parseStatement(sent: string): Statement {
  const sql = withoutRollback(sent)
  if (sql.includes('\0')) {
    throw new PerSQLError('statement_not_allowed', {
      what: 'A NUL character in SQL',
      instead: 'Bind it as a parameter.',
    })
  }
  let list = [...tokens(sql)]
  while (list[0]?.kind === 'semicolon') list.shift()
  const end = endOfStatement(sql, list)
  if (list.slice(end).some((token) => token.kind !== 'semicolon')) throw new PerSQLError('multiple_statements')
  list = list.slice(0, end)

  let explain: Statement['explain'] = 'no'
  if (word(sql, list[0]) === 'EXPLAIN') {
    const plan = word(sql, list[1]) === 'QUERY' && word(sql, list[2]) === 'PLAN'
    explain = plan ? 'plan' : 'program'
    list = list.slice(plan ? 3 : 1)
  }
  const first = list[0]
  const last = list.at(-1)
  if (!first || !last) throw new PerSQLError('empty_statement')
  // No statement begins with QUERY, but after the authorizer's EXPLAIN it would read as EXPLAIN QUERY PLAN.
  if (word(sql, first) === 'QUERY') throw syntaxError(sql.slice(first.start, first.end))
  const offset = first.start
  return Object.freeze({
    text: sql.slice(offset, last.end),
    verb: getVerb(sql, list),
    explain,
    hadRollback: sql !== sent,
    placeholders: list.filter((t) => t.kind === 'variable').map((t) => [t.start - offset, t.end - offset] as const),
    names: new Set(list.filter((t) => t.kind === 'word' || t.kind === 'quoted').map((t) => parseIdentifier(sql, t))),
  })
}

/**
 * Replaces conflict resolution by ROLLBACK with ABORT. A statement here is its own transaction, or part of one that its
 * first error rolls back, so both have the same effect. SQLite's ROLLBACK would end the transaction that the runtime
 * holds open, and with it the object.
 */
export function withoutRollback(sql: string): string {
  if (!/rollback/i.test(sql)) return sql
  const list = [...tokens(sql)]
  let out = ''
  let from = 0
  list.forEach((token, i) => {
    if (word(sql, token) !== 'ROLLBACK') return
    const [before, last] = [list[i - 2], list[i - 1]]
    const clause = `${word(sql, before)} ${word(sql, last)}`
    const raises = last?.kind === 'open' && word(sql, before) === 'RAISE'
    if (!raises && !['INSERT OR', 'UPDATE OR', 'ON CONFLICT'].includes(clause)) return
    out += `${sql.slice(from, token.start)}ABORT`
    from = token.end
  })
  return out + sql.slice(from)
}

/**
 * Returns the index of the token after the statement that begins at the token `from`. A trigger's body contains
 * semicolons and ends at `; END ;`.
 */
export function endOfStatement(sql: string, list: readonly Token[], from = 0): number {
  let at = from
  const next = (...words: string[]) => words.includes(word(sql, list[at])) && ++at > 0
  next('EXPLAIN') && next('QUERY') && next('PLAN')
  const trigger = next('CREATE') && (next('TEMP', 'TEMPORARY') || true) && next('TRIGGER')
  if (!trigger) {
    for (at = from; at < list.length && list[at]?.kind !== 'semicolon'; ) at++
    return at
  }
  for (; at < list.length; at++) {
    const ends = list[at]?.kind === 'semicolon' && word(sql, list[at + 1]) === 'END'
    if (ends && (at + 2 >= list.length || list[at + 2]?.kind === 'semicolon')) return at + 2
  }
  return list.length
}

/** Returns the first keyword or, after WITH, the first keyword outside the parentheses of its tables. */
function getVerb(sql: string, list: readonly Token[]): string {
  const first = word(sql, list[0])
  if (first !== 'WITH') return first
  let depth = 0
  for (const token of list) {
    if (token.kind === 'open') depth++
    else if (token.kind === 'close') depth--
    else if (depth === 0 && token.kind === 'word') {
      const verb = word(sql, token)
      if (['SELECT', 'VALUES', 'INSERT', 'REPLACE', 'UPDATE', 'DELETE'].includes(verb)) return verb
    }
  }
  return first
}

/** Returns a keyword in upper case, or an empty string for any other token. */
export function word(sql: string, token: Token | undefined): string {
  return token?.kind === 'word' ? sql.slice(token.start, token.end).toUpperCase() : ''
}

/** Returns SQLite's own error for a token that its grammar doesn't expect. */
export function syntaxError(near: string): PerSQLError {
  const message = `near "${near}": syntax error`
  return new PerSQLError('sql_error', { message }, { extra: { errorDetail: { message, kind: 'syntax_error', near } } })
}

/**
 * Returns a token's name as SQLite compares it: unquoted, with doubled quotes reduced and ASCII letters in lower case.
 */
export function parseIdentifier(
  sql: string,
  token: { readonly kind: string; readonly start: number; readonly end: number },
): string {
  const raw = sql.slice(token.start, token.end)
  if (token.kind !== 'quoted') return lower(raw)
  const quote = raw[0] as string
  const inner = raw.slice(1, raw.length > 1 ? -1 : undefined)
  return lower(quote === '[' ? inner : inner.replaceAll(quote + quote, quote))
}

function closingQuote(sql: string, at: number): number {
  const quote = sql.charCodeAt(at)
  for (let i = at + 1; i < sql.length; i++) {
    if (sql.charCodeAt(i) !== quote) continue
    if (sql.charCodeAt(i + 1) !== quote) return i + 1
    i++
  }
  return sql.length
}

function until(sql: string, mark: string, from: number): number {
  const at = sql.indexOf(mark, from)
  return at < 0 ? sql.length : at
}

const isDigit = (c: number) => c >= 48 && c <= 57
// SQLite accepts a vertical tab as white space only after other white space, and refuses it elsewhere.
const isSpace = (c: number) => c === 32 || (c >= 9 && c <= 13) || c === 0xfeff
/** IdChar in SQLite: letters, digits, `_`, `$` and all characters beyond ASCII. */
const isName = (c: number) =>
  (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || isDigit(c) || c === 95 || c === 36 || c >= 128
