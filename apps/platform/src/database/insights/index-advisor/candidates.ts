import { lower } from '../../../sqlite/identifiers.ts'
import { canBelongTo, type Mention, type Usage } from './column-usage.ts'

/** A column of an index. */
export interface Term {
  readonly column: string
  readonly descending: boolean
}

/** An index that could help. */
export interface Candidate {
  readonly table: string
  readonly terms: readonly Term[]
}

/** The properties of a table that candidates depend on. */
export interface TableShape {
  readonly name: string
  readonly columns: readonly string[]
  /** The column that is an alias of the rowid. */
  readonly rowid: string | undefined
  /** Indexes that are not partial, without their expressions. */
  readonly indexes: readonly (readonly Term[])[]
  /** Columns of each foreign key. */
  readonly foreignKeys: readonly (readonly string[])[]
}

const MAX_COLUMNS = 3
const MAX_CANDIDATES = 16
/** Number of columns compared for equality that are combined. */
const MAX_COMBINED = 4

/**
 * Returns index candidates for a statement that scans a table, narrow ones first. Columns compared for equality come
 * before columns of a range or sort. Tests decide later which candidates help.
 * @param tables lowercase names of all tables, to resolve qualifiers
 */
export function candidatesFor(usage: Usage, table: TableShape, tables: ReadonlySet<string>): Candidate[] {
  const named = (role: Mention['role']): Term[] =>
    distinct(
      usage.mentions.flatMap((mention) => {
        const column = mention.role === role ? canBelongTo(mention, table, usage, tables) : undefined
        return column && column !== table.rowid ? [{ column, descending: mention.descending }] : []
      }),
    )
  const equal = named('equal').map(ascending)
  const range = named('range').map(ascending)
  const sorted = [oneWay(named('order')), oneWay(named('group'))].filter((terms) => terms.length > 0)
  const prefixes = subsets(equal.slice(0, MAX_COMBINED), MAX_COLUMNS)
  const wide = prefixes.flatMap((prefix) => [
    ...range.map((term) => [...prefix, term]),
    ...sorted.map((terms) => [...prefix, ...terms]),
  ])
  const keys = table.foreignKeys.map((columns) => columns.map((column) => ({ column, descending: false })))
  const all = [...[...equal, ...range].map((term) => [term]), ...sorted, ...keys, ...prefixes, ...wide]
    .map((terms) => distinct(terms.filter(({ column }) => column !== table.rowid)).slice(0, MAX_COLUMNS))
    .filter((terms) => terms.length > 0 && !table.indexes.some((index) => isPrefix(terms, index)))
  const byKey = new Map(all.map((terms) => [JSON.stringify(terms), { table: table.name, terms }]))
  return [...byKey.values()].sort((a, b) => a.terms.length - b.terms.length).slice(0, MAX_CANDIDATES)
}

/**
 * Returns whether an index of `index` serves every query that an index of `terms` serves. SQLite reads an index in both
 * directions.
 */
export function isPrefix(terms: readonly Term[], index: readonly Term[]): boolean {
  const first = index[0]
  if (terms.length > index.length || !first || !terms[0]) return false
  const turned = terms[0].descending !== first.descending
  return terms.every(({ column, descending }, i) => {
    const other = index[i] as Term
    return lower(column) === lower(other.column) && (descending !== other.descending) === turned
  })
}

/** Returns all subsets of up to `size` terms, smaller ones first, in the given order. */
function subsets(terms: readonly Term[], size: number): Term[][] {
  let sets: Term[][] = [[]]
  for (const term of terms) sets = [...sets, ...sets.map((set) => [...set, term])]
  return sets.filter((set) => set.length > 0 && set.length <= size).sort((a, b) => a.length - b.length)
}

function distinct(terms: readonly Term[]): Term[] {
  return [...new Map(terms.toReversed().map((term) => [term.column, term])).values()].reverse()
}

const ascending = ({ column }: Term): Term => ({ column, descending: false })
const oneWay = (terms: readonly Term[]) => (terms.every(({ descending }) => descending) ? terms.map(ascending) : terms)
