/** Databases that a token is limited to. */
export interface Selected {
  /** IDs of single databases. A database that is created again under the slug has another ID. */
  readonly ids: readonly string[]
  /** Slugs with `*`. They select databases that aren't branches, also those that don't exist yet. */
  readonly patterns: readonly string[]
  /** Whether the branches of the selected databases are selected too, by their parent and never by their slug. */
  readonly branches: boolean
}

/** The limits of a token. A database has to be in all of them. */
export type Selection = readonly [Selected, ...Selected[]]

/** The facts about a database that decide whether it is selected. */
export interface Place {
  readonly id: string
  readonly slug: string
  /** The parent of a branch. A fork stands on its own. */
  readonly parent: { readonly id: string; readonly slug: string } | null
}

/** Returns a selection of single databases. */
export const selectIds = (ids: readonly string[]): Selection => [{ ids, patterns: [], branches: false }]

/** Returns whether a text is a pattern instead of a slug. */
export const isPattern = (text: string): boolean => text.includes('*')

/** Returns whether a slug fits a pattern, in which `*` stands for any number of characters. */
export function fits(pattern: string, slug: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return slug === pattern
  if (slug.length < first.length + last.length || !slug.startsWith(first) || !slug.endsWith(last)) return false
  let from = first.length
  const to = slug.length - last.length
  for (const part of rest) {
    const at = slug.indexOf(part, from)
    if (at < 0 || at + part.length > to) return false
    from = at + part.length
  }
  return true
}

/** Returns whether a database is selected. `null` selects all. */
export const isSelected = (selection: Selection | null, place: Place): boolean =>
  selection?.every((one) => isIn(one, place)) ?? true

function isIn({ ids, patterns, branches }: Selected, { id, slug, parent }: Place): boolean {
  const isOne = (place: Pick<Place, 'id' | 'slug'>) =>
    ids.includes(place.id) || patterns.some((pattern) => fits(pattern, place.slug))
  if (parent === null) return isOne({ id, slug })
  return ids.includes(id) || (branches && isOne(parent))
}

/** Returns whether a database that doesn't exist yet would be selected under this slug. */
export const isOpenTo = (selection: Selection | null, slug: string): boolean =>
  selection?.every(({ patterns }) => patterns.some((pattern) => fits(pattern, slug))) ?? true

/** Returns whether a token with this selection is limited to some databases: to `pattern`s, if there can be new ones. */
export const getPinned = (selection: Selection | null): boolean | 'pattern' =>
  selection !== null && (!selection.every(({ patterns }) => patterns.length > 0) || 'pattern')

/** Returns whether a selection includes the branches of its databases. */
export const hasBranches = (selection: Selection | null): boolean =>
  selection?.every(({ branches }) => branches) ?? false

/** Returns the part of a selection that patterns select. */
export const getPatterns = ([first, ...more]: Selection): Selection => {
  const part = (one: Selected): Selected => ({ ...one, ids: [] })
  return [part(first), ...more.map(part)]
}

/** Returns the IDs of a selection that can't grow, or `undefined`. */
export const getFixed = ([{ ids, patterns, branches }, ...more]: Selection): readonly string[] | undefined =>
  patterns.length === 0 && !branches && more.length === 0 ? ids : undefined

/** Finds a database, to compare it with patterns. */
export type FindPlace = (id: string) => Place | undefined

/** Returns the databases that all selections have in common. `null` selects all. */
export function intersect(selections: readonly (Selection | null)[], findPlace: FindPlace): Selection | null {
  const all = new Map(selections.flatMap((one) => one ?? []).map((one) => [JSON.stringify(one), one]))
  const needed = [...all.values()].filter((one, i, list) => {
    const isImplied = (other: Selected, j: number) =>
      implies(other, one, findPlace) && (j < i || !implies(one, other, findPlace))
    return !list.some((other, j) => j !== i && isImplied(other, j))
  })
  const [first, ...rest] = needed
  if (first === undefined) return null
  const limits: Selection = [first, ...rest]
  const fixed = rest.length > 0 ? limits.find((one) => getFixed([one])) : undefined
  if (fixed === undefined) return limits
  const isInAll = (id: string) => {
    const place = findPlace(id)
    return place !== undefined && isSelected(limits, place)
  }
  return selectIds(fixed.ids.filter(isInAll))
}

/** Returns whether everything in one selection is certainly in another. */
export const isCovered = (inner: Selection | null, outer: Selection | null, findPlace: FindPlace): boolean =>
  outer?.every((limit) => inner?.some((one) => implies(one, limit, findPlace)) ?? false) ?? true

/** `*` in a pattern is compared like a character, so a pattern fits only patterns that select at least as much. */
function implies(one: Selected, limit: Selected, findPlace: FindPlace): boolean {
  const isWithin = (pattern: string) => limit.patterns.some((other) => fits(other, pattern))
  const isKnown = (id: string) => {
    const place = limit.ids.includes(id) || findPlace(id)
    return place === true || (place !== undefined && isIn(limit, place))
  }
  return (limit.branches || !one.branches) && one.patterns.every(isWithin) && one.ids.every(isKnown)
}

/** Returns a condition over the tables `database` and `lineage`, with its parameters. */
export function toCondition(selection: Selection | null): { readonly where: string; readonly params: string[] } {
  if (selection === null) return { where: 'TRUE', params: [] }
  const params: string[] = []
  const parts = selection.map(({ ids, patterns, branches }) => {
    const isOne = (id: string, slug: string, notBranch = '') => {
      params.push(JSON.stringify(ids), JSON.stringify(patterns))
      return `(${id} IN (SELECT value FROM json_each(?))
        OR (${notBranch}EXISTS (SELECT 1 FROM json_each(?) AS pattern WHERE ${slug} GLOB pattern.value)))`
    }
    const own = isOne('database.id', 'database.slug', 'lineage.ref IS NULL AND ')
    return branches
      ? `(${own} OR (lineage.ref IS NOT NULL AND ${isOne('lineage.parent_id', 'lineage.parent_slug')}))`
      : own
  })
  return { where: parts.join(' AND '), params }
}
