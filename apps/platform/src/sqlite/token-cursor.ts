import { lower } from './identifiers.ts'
import { parseIdentifier, type Token, tokens, word } from './tokenizer.ts'

/** Reads the tokens of a statement one after the other. */
export class TokenCursor {
  readonly sql: string
  readonly #list: readonly Token[]
  #at = 0

  constructor(sql: string, list: readonly Token[] = [...tokens(sql)]) {
    this.sql = sql
    this.#list = list
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#list.length
  }

  /** The remaining tokens. */
  get rest(): readonly Token[] {
    return this.#list.slice(this.#at)
  }

  /** Returns a token without passing it. */
  peek(ahead = 0): Token | undefined {
    return this.#list[this.#at + ahead]
  }

  /** Returns the keyword of a token in upper case without passing it, or an empty string. */
  peekWord(ahead = 0): string {
    return word(this.sql, this.peek(ahead))
  }

  /** Returns the text of a token without passing it. */
  peekText(ahead = 0): string {
    const token = this.peek(ahead)
    return token ? this.sql.slice(token.start, token.end) : ''
  }

  /** Passes these keywords if they are next. */
  take(...words: readonly string[]): boolean {
    if (words.some((each, i) => this.peekWord(i) !== each)) return false
    this.#at += words.length
    return true
  }

  /** Passes this character if it is next. */
  takeText(text: string): boolean {
    if (this.peekText() !== text) return false
    this.#at++
    return true
  }

  next(): Token | undefined {
    return this.#list[this.#at++]
  }

  /** Passes a name and returns it in lower case; `undefined` if the next token is not a name. */
  takeName(): string | undefined {
    const token = this.peek()
    if (token?.kind !== 'word' && token?.kind !== 'quoted') return undefined
    this.#at++
    return parseIdentifier(this.sql, token)
  }

  /** Passes a pair of parentheses and returns the tokens between them; `undefined` without one. */
  takeGroup(): readonly Token[] | undefined {
    if (this.peek()?.kind !== 'open') return undefined
    const start = ++this.#at
    for (let depth = 1; this.#at < this.#list.length; this.#at++) {
      const { kind } = this.#list[this.#at] as Token
      if (kind === 'open') depth++
      else if (kind === 'close' && --depth === 0) return this.#list.slice(start, this.#at++)
    }
    return undefined
  }
}

/** Splits tokens at the commas outside of parentheses. */
export function splitAtCommas(sql: string, list: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]]
  let depth = 0
  for (const token of list) {
    if (token.kind === 'open') depth++
    else if (token.kind === 'close') depth--
    if (depth === 0 && sql.slice(token.start, token.end) === ',') parts.push([])
    else parts.at(-1)?.push(token)
  }
  return parts
}

/** Words that mean something else in an expression if they are not quoted. */
const RESERVED = new Set(
  `add all alter and as autoincrement between case check collate commit constraint create cross current_date current_time
  current_timestamp default deferrable delete distinct drop else escape except exists false foreign from full group having
  in index inner insert intersect into is isnull join left limit natural not nothing notnull null on or order outer primary
  raise references returning right select set table then to transaction true union unique update using values when where`
    .trim()
    .split(/\s+/),
)

/**
 * Returns tokens in a form that ignores white space, comments, the case of names and unnecessary quotes.
 * @param isName whether a name in lower case exists: SQLite reads a name in double quotes that doesn't exist as a text
 */
export function toFormTokens(sql: string, list: readonly Token[], isName: (name: string) => boolean): string[] {
  const text = (token: Token | undefined) => (token ? sql.slice(token.start, token.end) : '')
  return list.map((token, i) => {
    const raw = text(token)
    if (token.kind !== 'quoted') return lower(raw)
    if (word(sql, list[i - 1]) === 'COLLATE') return parseIdentifier(sql, token)
    if (raw[0] === "'") return raw
    const name = parseIdentifier(sql, token)
    const isQualified = text(list[i - 1]) === '.' || ['.', '('].includes(text(list[i + 1]))
    const isText = raw[0] === '"' && !isQualified && raw !== lower(raw) && !isName(name)
    return isText ? raw : formatName(name)
  })
}

/** Returns a name in lower case, in quotes if it would mean something else without them. */
const formatName = (name: string): string =>
  /^[a-z_\u0080-\uffff][a-z0-9_$\u0080-\uffff]*$/.test(name) && !RESERVED.has(name)
    ? name
    : `"${name.replaceAll('"', '""')}"`
