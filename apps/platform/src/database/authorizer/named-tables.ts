import { parseIdentifier, type Token, tokens, word } from '../../sqlite/tokenizer.ts'

/** A table, view or table-valued function that a statement names where SQL expects a table. */
export interface NamedTable {
  /** The name as the caller wrote it, without quotes. */
  readonly name: string
  readonly isWritten: boolean
  /** The first argument of a table-valued function, if it is a literal. */
  readonly argument?: string
  /** Its range in the text, with the schema before the name and the column list after it. */
  readonly start: number
  readonly end: number
}

interface Frame {
  /** Tables of WITH that are visible up to the closing parenthesis. */
  readonly ctes: string[]
  isFrom: boolean
}

const newFrame = (isFrom = false): Frame => ({ ctes: [], isFrom })

/** Reserved words that end a FROM clause. */
const ENDS_FROM = new Set([
  ...['WHERE', 'GROUP', 'HAVING', 'ORDER', 'LIMIT', 'UNION', 'INTERSECT', 'EXCEPT'],
  ...['RETURNING', 'SELECT', 'VALUES', 'SET'],
])
const SUBQUERY = new Set(['SELECT', 'WITH', 'VALUES'])
/** Words before an UPDATE that doesn't start a statement. */
const BEFORE_UPDATE = new Set(['DO', 'ON', 'AFTER', 'BEFORE', 'OF'])

/**
 * Lists the tables that a statement names, existing or not, in the order of the text and without names that WITH
 * defines. For statements that don't compile, so that the compiler can't list them.
 */
export function namedTables(sql: string): NamedTable[] {
  const list = [...tokens(sql)]
  const said = (at: number) => word(sql, list[at])
  const text = (at: number) => (list[at] ? sql.slice(list[at].start, list[at].end) : '')
  const closing = matchParentheses(list)
  const schemaVerb = ['CREATE', 'DROP', 'ALTER'].includes(said(0)) ? said(0) : undefined
  const onTable = schemaVerb === 'CREATE' && [1, 2].some((at) => ['INDEX', 'TRIGGER'].includes(said(at)))
  const found: NamedTable[] = []
  let frames = [newFrame()]
  /** The number of enclosing WITH clauses that define a name. */
  const visible = new Map<string, number>()
  const show = (name: string, by: 1 | -1) => visible.set(name, (visible.get(name) ?? 0) + by)
  let expects: 'read' | 'write' | undefined
  let isOnSeen = false
  const top = () => frames[frames.length - 1] as Frame

  for (let i = 0; i < list.length; i++) {
    const { kind } = list[i] as Token
    const keyword = said(i)
    if (expects && (kind === 'word' || kind === 'quoted')) {
      const { start } = list[i] as Token
      const isQualified = text(i + 1) === '.'
      if (isQualified) i += 2
      const token = list[i]
      if (token && (isQualified || expects === 'write' || !visible.get(parseIdentifier(sql, token)))) {
        const isCall = expects === 'read' && list[i + 1]?.kind === 'open'
        const argument =
          isCall && list[i + 2]?.kind === 'quoted' ? parseIdentifier(sql, list[i + 2] as Token) : undefined
        const { end } = (isCall ? list[closing[i + 1] as number] : undefined) ?? token
        const about = { name: spelling(sql, token), isWritten: expects === 'write', start, end }
        found.push(argument === undefined ? about : { ...about, argument })
      }
      expects = undefined
    } else if (kind === 'open') {
      const isList = expects === 'read' && !SUBQUERY.has(said(i + 1))
      frames.push(newFrame(isList))
      expects = isList ? 'read' : undefined
    } else if (kind === 'close') {
      if (frames.length > 1) for (const name of frames.pop()?.ctes ?? []) show(name, -1)
      expects = undefined
    } else if (kind === 'semicolon') {
      frames = [newFrame()]
      visible.clear()
      expects = undefined
    } else if (text(i) === ',') expects = top().isFrom ? 'read' : undefined
    else if (keyword === 'WITH') {
      for (const name of listCtes(sql, list, i, closing)) {
        top().ctes.push(name)
        show(name, 1)
      }
    } else if (keyword === 'FROM' && said(i - 1) !== 'DISTINCT') {
      top().isFrom = true
      expects = said(i - 1) === 'DELETE' ? 'write' : 'read'
    } else if (keyword === 'JOIN' || keyword === 'REFERENCES') expects = 'read'
    else if (keyword === 'IN') expects = list[i + 1]?.kind === 'open' ? undefined : 'read'
    else if (keyword === 'INTO') expects = 'write'
    else if (keyword === 'UPDATE' && !BEFORE_UPDATE.has(said(i - 1)) && !['OF', 'ON'].includes(said(i + 1))) {
      if (said(i + 1) === 'OR') i += 2
      expects = 'write'
    } else if (keyword === 'TABLE' && schemaVerb) {
      if (said(i + 1) === 'IF') i += said(i + 2) === 'NOT' ? 3 : 2
      expects = 'write'
    } else if (keyword === 'ON' && onTable && !isOnSeen && frames.length === 1) {
      isOnSeen = true
      expects = 'read'
    } else if (ENDS_FROM.has(keyword) || (keyword === 'WINDOW' && said(i + 2) === 'AS')) top().isFrom = false
  }
  return found
}

/**
 * Returns the names that `WITH [RECURSIVE] name [(…)] AS [[NOT] MATERIALIZED] (…), …` defines; none if WITH is itself a
 * name.
 */
function listCtes(sql: string, list: readonly Token[], from: number, closing: readonly number[]): string[] {
  const names: string[] = []
  let at = from + (word(sql, list[from + 1]) === 'RECURSIVE' ? 2 : 1)
  while (at < list.length) {
    const token = list[at] as Token
    if (token.kind !== 'word' && token.kind !== 'quoted') break
    at++
    if (list[at]?.kind === 'open') at = (closing[at] as number) + 1
    if (word(sql, list[at]) !== 'AS') break
    at++
    while (['NOT', 'MATERIALIZED'].includes(word(sql, list[at]))) at++
    if (list[at]?.kind !== 'open') break
    names.push(parseIdentifier(sql, token))
    at = (closing[at] as number) + 1
    if (list[at] === undefined || sql.slice(list[at]?.start, list[at]?.end) !== ',') break
    at++
  }
  return names
}

/** Returns the index of the closing parenthesis for each opening one. */
function matchParentheses(list: readonly Token[]): number[] {
  const closing: number[] = []
  const open: number[] = []
  list.forEach(({ kind }, at) => {
    if (kind === 'open') open.push(at)
    if (kind === 'close') closing[open.pop() ?? list.length] = at
  })
  for (const at of open) closing[at] = list.length
  return closing
}

/** Returns a name without quotes, in the caller's spelling. */
function spelling(sql: string, token: Token): string {
  const raw = sql.slice(token.start, token.end)
  if (token.kind !== 'quoted') return raw
  const quote = raw[0] as string
  const inner = raw.slice(1, raw.length > 1 ? -1 : undefined)
  return quote === '[' ? inner : inner.replaceAll(quote + quote, quote)
}
