import { lower } from './identifiers.ts'
import { splitAtCommas, TokenCursor, toFormTokens } from './token-cursor.ts'
import type { Token } from './tokenizer.ts'

type Tokens = readonly Token[]

/** A column of a key: its name, collation and order. */
type Term = readonly [name: string, collation: string, order: string]

interface Column {
  readonly name: string
  readonly type: string
  notNull?: string
  fallback?: string | Tokens
  collation?: string
  generated?: readonly [expression: Tokens, isStored: boolean]
}

interface PrimaryKey {
  readonly terms: readonly (Term | Tokens)[]
  readonly conflict: string
  readonly isCounted: boolean
  /** Whether `DESC` keeps a column from being the rowid. */
  readonly isInlineDescending: boolean
}

interface ForeignKey {
  readonly columns: readonly string[]
  readonly table: string
  readonly to: readonly string[] | null
  readonly actions: Record<string, string>
  isDeferred: boolean
}

interface Table {
  readonly columns: Column[]
  readonly unique: { readonly terms: readonly (Term | Tokens)[]; readonly conflict: string }[]
  readonly checks: Tokens[]
  readonly foreignKeys: ForeignKey[]
  readonly options: Set<string>
  primaryKey?: PrimaryKey
}

/** The structure of a table. */
export interface TableForm {
  readonly columns: readonly string[]
  /** The structure as text. It is equal for tables that behave alike. */
  readonly text: string
}

/**
 * Returns the structure of a `CREATE TABLE` statement. It ignores the names of constraints, their order, and whether they
 * belong to a column or to the table.
 * @returns `undefined` for a text that this parser doesn't understand
 */
export function readTableForm(sql: string): TableForm | undefined {
  try {
    const table = parseTable(new TokenCursor(sql))
    return { columns: table.columns.map(({ name }) => name), text: format(sql, table) }
  } catch (cause) {
    if (cause instanceof Unknown) return undefined
    throw cause
  }
}

class Unknown extends Error {}

/** Returns the value. @throws Unknown if it is `undefined` or `false` */
function known<T>(value: T | undefined | false): T {
  if (value === undefined || value === false) throw new Unknown()
  return value
}

function parseTable(at: TokenCursor): Table {
  const table: Table = { columns: [], unique: [], checks: [], foreignKeys: [], options: new Set() }
  known(at.take('CREATE'))
  at.take('TEMP') || at.take('TEMPORARY')
  known(at.take('TABLE'))
  at.take('IF', 'NOT', 'EXISTS')
  known(at.takeName())
  if (at.takeText('.')) known(at.takeName())
  const body = new TokenCursor(at.sql, known(at.takeGroup()))
  while (!body.isAtEnd) {
    if (TABLE_CONSTRAINTS.has(body.peekWord())) parseTableConstraint(body, table)
    else parseColumn(body, table)
    // SQLite accepts constraints of a table without commas between them.
    known(body.isAtEnd || body.takeText(',') || TABLE_CONSTRAINTS.has(body.peekWord()))
  }
  while (!at.isAtEnd) {
    if (at.take('WITHOUT', 'ROWID')) table.options.add('without rowid')
    else if (at.take('STRICT')) table.options.add('strict')
    else known(at.takeText(','))
  }
  return table
}

const TABLE_CONSTRAINTS = new Set(['CONSTRAINT', 'PRIMARY', 'UNIQUE', 'CHECK', 'FOREIGN'])
const COLUMN_CONSTRAINTS = new Set(
  ['CONSTRAINT', 'PRIMARY', 'NOT', 'NULL', 'UNIQUE', 'CHECK', 'DEFAULT'].concat([
    'COLLATE',
    'REFERENCES',
    'DEFERRABLE',
    'GENERATED',
    'AS',
  ]),
)

function parseColumn(at: TokenCursor, table: Table): void {
  const name = known(at.takeName())
  const column: Column = { name, type: parseType(at) }
  table.columns.push(column)
  const term: Term = [name, '', '']
  for (;;) {
    if (at.take('CONSTRAINT')) known(at.takeName())
    else if (at.take('DEFAULT')) column.fallback = parseDefault(at)
    else if (at.take('NOT', 'NULL')) column.notNull = parseConflict(at)
    else if (at.take('NULL')) parseConflict(at)
    else if (at.take('PRIMARY', 'KEY')) {
      const isDescending = !at.take('ASC') && at.take('DESC')
      const conflict = parseConflict(at)
      const isCounted = at.take('AUTOINCREMENT')
      const order = isDescending ? 'desc' : ''
      table.primaryKey = { terms: [[name, '', order]], conflict, isCounted, isInlineDescending: isDescending }
    } else if (at.take('UNIQUE')) table.unique.push({ terms: [term], conflict: parseConflict(at) })
    else if (at.take('CHECK')) table.checks.push(known(at.takeGroup()))
    else if (at.take('COLLATE')) column.collation = known(at.takeName())
    else if (at.peekWord() === 'REFERENCES') table.foreignKeys.push(parseReference(at, [name]))
    else if (!takeDeferral(at, table)) {
      at.take('GENERATED', 'ALWAYS')
      if (!at.take('AS')) return
      column.generated = [known(at.takeGroup()), at.take('STORED')]
      at.take('VIRTUAL')
    }
  }
}

function parseType(at: TokenCursor): string {
  const words: string[] = []
  for (;;) {
    const next = at.peekWord()
    const isGenerated = next === 'GENERATED' && at.peekWord(1) === 'ALWAYS'
    if (isGenerated || (next !== 'GENERATED' && COLUMN_CONSTRAINTS.has(next))) break
    const name = at.takeName()
    if (name === undefined) break
    words.push(name)
  }
  const size = words.length > 0 ? at.takeGroup() : undefined
  return words.join(' ') + (size ? `(${size.map(({ start, end }) => lower(at.sql.slice(start, end))).join('')})` : '')
}

/** Returns the tokens of an expression, or a value as text. A name after DEFAULT is a text. */
function parseDefault(at: TokenCursor): string | Tokens {
  const group = at.takeGroup()
  if (group) return group
  const value: Token[] = []
  while (['+', '-'].includes(at.peekText())) value.push(known(at.next()))
  const word = at.peekWord()
  const first = known(at.next())
  const isText = first.kind === 'quoted' || (first.kind === 'word' && !DEFAULT_WORDS.has(word))
  if (isText) return toText(at.sql.slice(first.start, first.end))
  value.push(first)
  // A number such as `.5` or `1e-3` has several tokens.
  while (!at.isAtEnd && at.peek()?.kind === 'other' && at.peekText() !== ',') value.push(known(at.next()))
  return value
}

const DEFAULT_WORDS = new Set(['NULL', 'TRUE', 'FALSE', 'CURRENT_DATE', 'CURRENT_TIME', 'CURRENT_TIMESTAMP'])

/** Returns a name or text as a literal of SQL. */
function toText(raw: string): string {
  const quote = raw[0] === '[' ? ']' : /["'`]/.test(raw[0] as string) ? (raw[0] as string) : undefined
  const inner = quote === undefined ? raw : raw.slice(1, -1)
  const text = quote === undefined || quote === ']' ? inner : inner.replaceAll(quote + quote, quote)
  return `'${text.replaceAll("'", "''")}'`
}

function parseTableConstraint(at: TokenCursor, table: Table): void {
  if (at.take('CONSTRAINT')) known(at.takeName())
  if (at.take('PRIMARY', 'KEY')) {
    const list = known(at.takeGroup())
    const last = list.at(-1)
    const isCounted = last !== undefined && lower(at.sql.slice(last.start, last.end)) === 'autoincrement'
    const terms = parseTerms(at.sql, isCounted ? list.slice(0, -1) : list)
    table.primaryKey = { terms, isCounted, conflict: parseConflict(at), isInlineDescending: false }
  } else if (at.take('UNIQUE')) {
    table.unique.push({ terms: parseTerms(at.sql, known(at.takeGroup())), conflict: parseConflict(at) })
  } else if (at.take('CHECK')) {
    table.checks.push(known(at.takeGroup()))
    parseConflict(at)
  } else if (at.take('FOREIGN', 'KEY')) {
    const columns = parseNames(at.sql, known(at.takeGroup()))
    known(at.peekWord() === 'REFERENCES')
    table.foreignKeys.push(parseReference(at, columns))
    takeDeferral(at, table)
  } else known(TABLE_CONSTRAINTS.has(at.peekWord()) || at.isAtEnd || at.peekText() === ',')
}

/** Parses the columns of a key, or keeps the tokens of one that isn't only a column. */
function parseTerms(sql: string, list: Tokens): (Term | Tokens)[] {
  return splitAtCommas(sql, list).map((tokens) => {
    const at = new TokenCursor(sql, tokens)
    const name = at.takeName()
    const collation = at.take('COLLATE') ? (at.takeName() ?? '') : ''
    const order = !at.take('ASC') && at.take('DESC') ? 'desc' : ''
    return name !== undefined && at.isAtEnd ? [name, collation, order] : tokens
  })
}

const parseNames = (sql: string, list: Tokens): string[] =>
  splitAtCommas(sql, list).map((tokens) => known(new TokenCursor(sql, tokens).takeName()))

/** Parses `ON CONFLICT …`. */
function parseConflict(at: TokenCursor): string {
  return at.take('ON', 'CONFLICT') ? known(at.takeName()) : 'abort'
}

function parseReference(at: TokenCursor, columns: readonly string[]): ForeignKey {
  at.take('REFERENCES')
  const table = known(at.takeName())
  const group = at.takeGroup()
  const to = group ? parseNames(at.sql, group) : null
  const actions: Record<string, string> = { delete: 'no action', update: 'no action' }
  for (;;) {
    // SQLite ignores MATCH and ON INSERT.
    if (at.take('MATCH')) known(at.takeName())
    else if (at.peekWord() === 'ON' && at.peekWord(1) !== 'CONFLICT') {
      at.next()
      const event = known(at.takeName())
      const first = known(at.takeName())
      const action = first === 'set' || first === 'no' ? `${first} ${known(at.takeName())}` : first
      if (event in actions) actions[event] = action
    } else return { columns, table, to, actions, isDeferred: false }
  }
}

/** Passes `[NOT] DEFERRABLE …`, which belongs to the last foreign key. */
function takeDeferral(at: TokenCursor, { foreignKeys }: Table): boolean {
  const isNot = at.take('NOT', 'DEFERRABLE')
  if (!isNot && !at.take('DEFERRABLE')) return false
  const isInitially = at.take('INITIALLY', 'DEFERRED')
  at.take('INITIALLY', 'IMMEDIATE')
  const last = foreignKeys.at(-1)
  if (last) last.isDeferred = isInitially && !isNot
  return true
}

function format(sql: string, table: Table): string {
  const { columns, unique, checks, foreignKeys, options, primaryKey } = table
  const names = new Set(columns.map(({ name }) => name))
  const toForm = (list: Tokens) => toFormTokens(sql, unwrap(sql, list), (name) => names.has(name))
  const toTerm = (term: Term | Tokens): readonly string[] => (isTerm(term) ? term : toForm(term))
  const toColumn = ({ name, type, notNull, fallback, collation, generated }: Column) => [
    ...[name, type, notNull ?? ''],
    typeof fallback === 'string' ? [fallback] : fallback ? toForm(fallback) : null,
    collation === 'binary' ? '' : (collation ?? ''),
    generated ? [toForm(generated[0]), generated[1]] : null,
  ]
  const uniques = unique.map(({ terms, conflict }) => JSON.stringify([terms.map(toTerm), conflict]))
  // Only constraints that do the same after a violation can be checked in any order.
  const isSortable = unique.every(({ conflict }) => conflict === 'abort')
  return JSON.stringify([
    columns.map(toColumn),
    primaryKey ? formatKey(primaryKey, columns, toTerm) : null,
    isSortable ? [...new Set(uniques)].sort() : uniques,
    checks.map((check) => JSON.stringify(toForm(check))).sort(),
    foreignKeys
      .map(({ columns: from, table: parent, to, actions, isDeferred }) => {
        return JSON.stringify([from, parent, to, actions.delete, actions.update, isDeferred])
      })
      .sort(),
    [...options].sort(),
  ])
}

const isTerm = (term: Term | Tokens): term is Term => typeof term[0] === 'string'

/** Returns an expression without parentheses around all of it. */
function unwrap(sql: string, list: Tokens): Tokens {
  const at = new TokenCursor(sql, list)
  const inner = at.takeGroup()
  return inner && at.isAtEnd ? unwrap(sql, inner) : list
}

function formatKey(key: PrimaryKey, columns: readonly Column[], toTerm: (term: Term | Tokens) => readonly string[]) {
  const { terms, conflict, isCounted, isInlineDescending } = key
  const [only] = terms
  const type = terms.length === 1 && columns.find(({ name }) => name === only?.[0])?.type
  const isRowid = type === 'integer' && !isInlineDescending
  // The order of a rowid can't be chosen.
  return [isRowid ? [[only?.[0], '', '']] : terms.map(toTerm), conflict, isCounted, isRowid]
}
