import { quoteName } from '../../../sqlite/identifiers.ts'
import { tokens, word } from '../../../sqlite/tokenizer.ts'
import { normalTokens } from './normal-form.ts'

/**
 * Returns the column definitions that make `before` equal to `after` when appended to its columns; `undefined` if the
 * difference is anything else.
 */
export function addedColumns(before: string, after: string): string[] | undefined {
  const [a, b] = [normalTokens(before), normalTokens(after)]
  const count = b.length - a.length
  if (count <= 0) return undefined
  let from = 0
  while (from < a.length && a[from] === b[from]) from++
  // The tokens before and after can be equal: of all matching positions, use the one that starts with the comma.
  while (from >= 0 && b[from] !== ',') from--
  const fits = (at: number) => a.every((token, i) => token === b[i < at ? i : i + count])
  while (from > 0 && !(b[from] === ',' && fits(from))) from--
  if (from <= 0 || depthAt(b, from) !== 1) return undefined
  return definitions(after, from, from + count)
}

const CONSTRAINTS = new Set(['CONSTRAINT', 'PRIMARY', 'UNIQUE', 'CHECK', 'FOREIGN'])

/** Returns the texts between commas in a range of tokens. */
function definitions(sql: string, from: number, to: number): string[] | undefined {
  const list = [...tokens(sql)]
  const found: string[] = []
  let depth = 0
  let start = from + 1
  for (let i = from + 1; i <= to; i++) {
    const token = list[i]
    const ends = i === to || (depth === 0 && token && sql.slice(token.start, token.end) === ',')
    if (ends) {
      const [first, last] = [list[start], list[i - 1]]
      if (!first || !last || i === start || CONSTRAINTS.has(word(sql, first))) return undefined
      found.push(sql.slice(first.start, last.end))
      start = i + 1
    } else if (token?.kind === 'open') depth++
    else if (token?.kind === 'close') depth--
  }
  return depth === 0 ? found : undefined
}

const depthAt = (list: readonly string[], at: number): number =>
  list.slice(0, at).reduce((depth, token) => depth + (token === '(' ? 1 : token === ')' ? -1 : 0), 0)

/** Returns a `CREATE TABLE` or `CREATE VIRTUAL TABLE` statement with another name. */
export function withName(sql: string, name: string): string {
  const list = [...tokens(sql)]
  const table = list.findIndex((token) => word(sql, token) === 'TABLE')
  const old = list[table + 1]
  return old ? sql.slice(0, old.start) + quoteName(name) + sql.slice(old.end) : sql
}

export const isVirtual = (sql: string): boolean => /^\s*create\s+virtual\b/i.test(sql)
