import { parseIdentifier, tokens } from '../../../sqlite/tokenizer.ts'

/** A column name of a statement in lowercase, with its qualifier. */
export interface ColumnName {
  readonly column: string
  readonly qualifier: string | undefined
}

/** The clause of a statement that a token belongs to. */
export type Clause = 'none' | 'from' | 'where' | 'set' | 'group' | 'order' | 'limit' | 'using'
/** A token, or a column with its qualifier. */
export type Node =
  | ({ readonly type: 'name' } & ColumnName)
  | { readonly type: 'op' | 'keyword' | 'open' | 'close' | 'comma' | 'other'; readonly text: string }
  | { readonly type: 'placeholder'; readonly number: number }

/** Keywords that start a clause. */
export const CLAUSES: Readonly<Record<string, Clause>> = {
  SELECT: 'none',
  RETURNING: 'none',
  VALUES: 'none',
  UNION: 'none',
  EXCEPT: 'none',
  INTERSECT: 'none',
  WINDOW: 'none',
  PARTITION: 'none',
  UPDATE: 'from',
  FROM: 'from',
  JOIN: 'from',
  WHERE: 'where',
  ON: 'where',
  HAVING: 'where',
  SET: 'set',
  GROUP: 'group',
  ORDER: 'order',
  LIMIT: 'limit',
  OFFSET: 'limit',
  USING: 'using',
}
const KEYWORDS = new Set([
  ...Object.keys(CLAUSES),
  ...[
    'AND',
    'OR',
    'NOT',
    'NULL',
    'AS',
    'BY',
    'ASC',
    'DESC',
    'CASE',
    'WHEN',
    'THEN',
    'ELSE',
    'END',
    'EXISTS',
    'COLLATE',
  ],
  ...[
    'LEFT',
    'RIGHT',
    'FULL',
    'INNER',
    'OUTER',
    'CROSS',
    'NATURAL',
    'INSERT',
    'INTO',
    'DELETE',
    'REPLACE',
    'WITH',
    'ALL',
  ],
  ...[
    'DISTINCT',
    'OVER',
    'FILTER',
    'NULLS',
    'FIRST',
    'LAST',
    'INDEXED',
    'ESCAPE',
    'CONFLICT',
    'DO',
    'NOTHING',
    'RECURSIVE',
  ],
])
const WORD_OPS = new Set(['IS', 'IN', 'BETWEEN', 'LIKE', 'GLOB'])
/** Splits a statement into the nodes that the advisor needs. @param numbers the number of each parameter */
export function parseNodes(text: string, numbers: readonly number[]): Node[] {
  const nodes: Node[] = []
  let placeholders = 0
  let end = -1
  for (const token of tokens(text)) {
    const raw = text.slice(token.start, token.end)
    const last = nodes.at(-1)
    const adjacent = token.start === end
    end = token.end
    const upper = raw.toUpperCase()
    if (token.kind === 'variable') nodes.push({ type: 'placeholder', number: numbers[placeholders++] as number })
    else if (token.kind === 'open' || token.kind === 'close') nodes.push({ type: token.kind, text: raw })
    else if (token.kind === 'word' && WORD_OPS.has(upper)) nodes.push({ type: 'op', text: upper })
    else if (token.kind === 'word' && KEYWORDS.has(upper)) nodes.push({ type: 'keyword', text: upper })
    else if (token.kind === 'word' || (token.kind === 'quoted' && raw[0] !== "'")) {
      const column = parseIdentifier(text, token)
      const dot = last?.type === 'other' && last.text === '.' ? nodes.at(-2) : undefined
      if (dot?.type === 'name') nodes.splice(-2, 2, { type: 'name', column, qualifier: dot.column })
      else nodes.push({ type: 'name', column, qualifier: undefined })
    } else if (/^[=<>!]$/.test(raw)) {
      if (adjacent && last?.type === 'op' && /^[=<>!]$/.test(last.text)) nodes.pop()
      else {
        nodes.push({ type: 'op', text: raw })
        continue
      }
      nodes.push({ type: 'op', text: (last as { text: string }).text + raw })
    } else nodes.push({ type: raw === ',' ? 'comma' : 'other', text: raw })
  }
  return nodes
}

/** Returns the text of a node; empty for names and parameters. */
export function textAt(nodes: readonly Node[], i: number): string {
  const node = nodes[i]
  return node && 'text' in node ? node.text : ''
}
