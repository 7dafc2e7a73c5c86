import { quoteName } from '../../sqlite/identifiers.ts'
import type { RunSql } from '../../sqlite/schema-map.ts'
import { parseIdentifier, type Statement, type Token, tokens, word } from '../../sqlite/tokenizer.ts'
import { numbering } from '../authorizer/bind.ts'
import { selectIntegers } from './exact-integers.ts'

/** The RETURNING clause of a write. */
export interface Returning {
  /** The written table as the statement names it, with its alias. */
  readonly target: string
  /** The name of the table, in lower case. */
  readonly table: string
  /** The list after RETURNING. */
  readonly list: string
  /** The expressions of the list, without their aliases. */
  readonly expressions: readonly string[]
}

const VERBS: ReadonlySet<string> = new Set(['INSERT', 'REPLACE', 'UPDATE', 'DELETE'])

/** Reads the RETURNING clause of a write; `undefined` if it has none. */
export function readReturning({ text, verb, placeholders }: Statement, run: RunSql): Returning | undefined {
  if (!VERBS.has(verb)) return undefined
  const all = [...tokens(text)]
  const outside = findOutside(all)
  const start = outside.findLastIndex((at) => word(text, all[at]) === 'RETURNING')
  const first = outside[start]
  const target = findTarget(text, all, outside, verb)
  if (first === undefined || target === undefined) return undefined
  // A copy of an unnamed placeholder has to name its number.
  const numbers = new Map(numbering(text, placeholders).map((number, i) => [placeholders[i]?.[0], number]))
  const toText = (part: readonly Token[]) =>
    part
      .map((token) => {
        const plain = text.slice(token.start, token.end)
        return plain === '?' ? `?${numbers.get(token.start)}` : plain
      })
      .join(' ')
  const expressions = splitList(text, all.slice(first + 1)).flatMap((item) =>
    item.length === 1 && toText(item) === '*'
      ? listColumns(target.table, run).map(quoteName)
      : [`(${toText(withoutAlias(text, item, target, run))})`],
  )
  const list = text.slice(all[first]?.end)
  return { ...target, list, expressions }
}

/** Returns the statement with one more column, which has the integers of each row. */
export function returnIntegers(statement: Statement, { expressions }: Returning): Statement {
  const text = `${statement.text}, ${selectIntegers(expressions)}`
  const placeholders = [...tokens(text)]
    .filter(({ kind }) => kind === 'variable')
    .map(({ start, end }) => [start, end] as const)
  return { ...statement, text, placeholders }
}

/** Returns the indexes of the tokens outside parentheses. */
function findOutside(all: readonly Token[]): number[] {
  let depth = 0
  return all.flatMap(({ kind }, at) => {
    if (kind === 'close') depth--
    const isOutside = depth === 0
    if (kind === 'open') depth++
    return isOutside ? [at] : []
  })
}

function findTarget(
  text: string,
  all: readonly Token[],
  outside: readonly number[],
  verb: string,
): Pick<Returning, 'target' | 'table'> | undefined {
  const verbAt = outside.findIndex((at) => word(text, all[at]) === verb)
  const before = verb === 'DELETE' ? 'FROM' : 'INTO'
  let at = outside.find((each, i) => i > verbAt && word(text, all[each]) === before)
  // UPDATE, or UPDATE OR with a conflict clause
  if (verb === 'UPDATE') at = (outside[verbAt] ?? 0) + (word(text, all[(outside[verbAt] ?? 0) + 1]) === 'OR' ? 2 : 0)
  if (at === undefined) return undefined
  const isDot = (token: Token | undefined) => token !== undefined && text.slice(token.start, token.end) === '.'
  const nameAt = isDot(all[at + 2]) ? at + 3 : at + 1
  const name = all[nameAt]
  if (name === undefined) return undefined
  const last = word(text, all[nameAt + 1]) === 'AS' ? all[nameAt + 2] : name
  return { target: text.slice(all[at + 1]?.start, last?.end), table: parseIdentifier(text, name) }
}

function splitList(text: string, list: readonly Token[]): Token[][] {
  const items: Token[][] = [[]]
  let depth = 0
  for (const token of list) {
    if (token.kind === 'open') depth++
    if (token.kind === 'close') depth--
    if (depth === 0 && text.slice(token.start, token.end) === ',') items.push([])
    else items.at(-1)?.push(token)
  }
  return items
}

/** Removes the alias of an expression. Without AS, only the parser of SQLite knows whether the last word is one. */
function withoutAlias(text: string, item: readonly Token[], { target }: Pick<Returning, 'target'>, run: RunSql) {
  const last = item.at(-1)
  if (item.length < 2 || (last?.kind !== 'word' && last?.kind !== 'quoted')) return item
  if (word(text, item.at(-2)) === 'AS') return item.slice(0, -2)
  const expression = item
    .map((token) => (token.kind === 'variable' ? 'NULL' : text.slice(token.start, token.end)))
    .join(' ')
  try {
    run(`EXPLAIN SELECT typeof(${expression}) FROM ${target}`)
    return item
  } catch {
    return item.slice(0, -1)
  }
}

const listColumns = (table: string, run: RunSql): string[] =>
  run('SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid', table).map(([name]) => name as string)
