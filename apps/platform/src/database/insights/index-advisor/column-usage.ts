import { lower } from '../../../sqlite/identifiers.ts'
import { parseStatement } from '../../../sqlite/tokenizer.ts'
import { numbering } from '../../authorizer/bind.ts'
import { CLAUSES, type Clause, type ColumnName, type Node, parseNodes, textAt } from './sql-nodes.ts'

/** A use of a column that an index could speed up. */
export interface Mention extends ColumnName {
  readonly role: 'equal' | 'range' | 'order' | 'group'
  readonly descending: boolean
}

/** The comparison of a parameter, which determines plausible values for it. */
export interface Slot {
  /** The parameter's number, from 1. */
  readonly number: number
  readonly use: 'equal' | 'lower' | 'upper' | 'limit' | 'unknown'
  readonly column: ColumnName | undefined
}

/** The use of columns and parameters in a statement. */
export interface Usage {
  readonly mentions: readonly Mention[]
  readonly slots: readonly Slot[]
  /** Alias → name, both in lower case. */
  readonly aliases: ReadonlyMap<string, string>
}

const EQUAL = new Set(['=', '==', 'IS', 'IN'])
const LOWER = new Set(['>', '>=', 'BETWEEN'])
const UPPER = new Set(['<', '<='])
const RANGE = new Set([...LOWER, ...UPPER, 'LIKE', 'GLOB'])

/**
 * Returns the columns that a statement compares, sorts and groups by. @throws PerSQLError unless the text is one
 * statement
 */
export function analyzeColumnUsage(sql: string): Usage {
  const { text, placeholders } = parseStatement(sql)
  const nodes = parseNodes(text, numbering(text, placeholders))
  const mentions: Mention[] = []
  const slots: Slot[] = []
  const aliases = new Map<string, string>()
  const outer: Clause[] = []
  let clause: Clause = 'none'
  nodes.forEach((node, i) => {
    if (node.type === 'keyword') clause = CLAUSES[node.text] ?? clause
    else if (node.type === 'open') {
      outer.push(clause)
      // An index of columns can't serve a sort by an expression.
      if (clause === 'order' || clause === 'group') clause = 'none'
    } else if (node.type === 'close') {
      const before = outer.pop() ?? 'none'
      clause = clause === 'using' || before === 'using' ? 'from' : before
    } else if (node.type === 'placeholder') slots.push(slotAt(nodes, i, clause))
    else if (node.type === 'name') {
      const alias = clause === 'from' ? aliasAt(nodes, i) : undefined
      if (alias) aliases.set(alias, node.column)
      const role = roleAt(nodes, i, clause)
      if (role) mentions.push({ ...toColumnName(node), role, descending: textAt(nodes, i + 1) === 'DESC' })
    }
  })
  return { mentions, slots, aliases }
}

function roleAt(nodes: readonly Node[], i: number, clause: Clause): Mention['role'] | undefined {
  const [before, after] = [textAt(nodes, i - 1), textAt(nodes, i + 1)]
  switch (clause) {
    case 'using':
      return 'equal'
    case 'order':
    case 'group':
      return (before === 'BY' || before === ',') && after !== '(' ? clause : undefined
    case 'where':
      if (EQUAL.has(after) && textAt(nodes, i + 2) !== 'NOT') return 'equal'
      if (before === '=' || before === '==') return 'equal'
      return RANGE.has(after) || LOWER.has(before) || UPPER.has(before) ? 'range' : undefined
  }
  return undefined
}

/** Returns the alias of the table at this node, if it has one. */
function aliasAt(nodes: readonly Node[], i: number): string | undefined {
  const before = nodes[i - 1]
  const named = before?.type === 'comma' || (before?.type === 'keyword' && CLAUSES[before.text] === 'from')
  const next = nodes[i + (textAt(nodes, i + 1) === 'AS' ? 2 : 1)]
  return named && next?.type === 'name' && next.qualifier === undefined ? next.column : undefined
}

function slotAt(nodes: readonly Node[], i: number, clause: Clause): Slot {
  const { number } = nodes[i] as { number: number }
  if (clause === 'limit') return { number, use: 'limit', column: undefined }
  // Skips backwards over nodes between an operator and its parameter: `(`, `f(`, the other values of a list.
  let at = i - 1
  while (nodes[at]?.type === 'comma' && /placeholder|other/.test(nodes[at - 1]?.type ?? '')) at -= 2
  while (nodes[at]?.type === 'open') at -= nodes[at - 1]?.type === 'name' ? 2 : 1
  if (textAt(nodes, at) === 'AND' && textAt(nodes, at - 2) === 'BETWEEN') {
    return slot(number, 'upper', findLeftColumn(nodes, at - 2))
  }
  const op = textAt(nodes, at)
  const left = nodes[at]?.type === 'op' ? findLeftColumn(nodes, at) : undefined
  if (left) return slot(number, LOWER.has(op) ? 'lower' : UPPER.has(op) ? 'upper' : 'equal', left)
  const reversed = textAt(nodes, i + 1)
  const right = nodes[i + 1]?.type === 'op' ? nodes[i + 2] : undefined
  if (right?.type !== 'name') return slot(number, 'unknown', undefined)
  return slot(number, UPPER.has(reversed) ? 'lower' : LOWER.has(reversed) ? 'upper' : 'equal', toColumnName(right))
}

/** Returns the column left of an operator; for an expression in parentheses, its last column. */
function findLeftColumn(nodes: readonly Node[], at: number): ColumnName | undefined {
  let left = at - (textAt(nodes, at - 1) === 'NOT' ? 2 : 1)
  if (nodes[left]?.type === 'close') {
    while (left >= 0 && nodes[left]?.type !== 'name' && nodes[left]?.type !== 'open') left--
  }
  const node = nodes[left]
  return node?.type === 'name' ? toColumnName(node) : undefined
}

const slot = (number: number, use: Slot['use'], column: ColumnName | undefined): Slot => ({ number, use, column })
const toColumnName = ({ column, qualifier }: ColumnName): ColumnName => ({ column, qualifier })

/** Returns whether a name can refer to this table: the table has the column, and the qualifier names no other table. */
export function canBelongTo(
  { column, qualifier }: ColumnName,
  table: { readonly name: string; readonly columns: readonly string[] },
  { aliases }: Usage,
  tables: ReadonlySet<string>,
): string | undefined {
  const named = qualifier && (aliases.get(qualifier) ?? qualifier)
  if (named && named !== lower(table.name) && tables.has(named)) return undefined
  return table.columns.find((name) => lower(name) === column)
}
