/** An entry that can be found by its name or its search terms. */
export interface Findable {
  name: string
  group?: string | undefined
  /** Search terms besides the name. */
  words?: string | undefined
  /** Keeps the entry in every result. */
  isAlways?: boolean | undefined
}

const MOST_OF_A_GROUP = 30

const normal = (text: string) => text.toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '')

/** Returns the rank of a match: 0 if the name starts with the text, 1 if one of its words does, 2 for other matches. */
function rankMatch({ name, group, words, isAlways }: Findable, wanted: readonly string[]): number | undefined {
  const own = normal(name)
  const all = normal(`${name} ${words ?? ''} ${group ?? ''}`)
  if (!wanted.every((word) => all.includes(word))) return isAlways ? 3 : undefined
  const [first = ''] = wanted
  if (own.startsWith(first)) return 0
  return all.split(/[^\p{L}\p{N}]+/u).some((word) => word.startsWith(first)) ? 1 : 2
}

/** Returns the entries that match a text, in groups, the best match first. The length of each group is limited. */
export function matching<T extends Findable>(all: readonly T[], text: string): T[] {
  const wanted = normal(text).split(/\s+/).filter(Boolean)
  const ranked = all.flatMap((one) => {
    const rank = rankMatch(one, wanted)
    return rank === undefined ? [] : [{ one, rank: wanted.length === 0 ? 0 : rank }]
  })
  const groups = [...new Set(ranked.map(({ one }) => one.group))]
  const best = (group: string | undefined) =>
    Math.min(...ranked.flatMap((r) => (r.one.group === group ? [r.rank] : [])))
  return groups
    .map((group) => ({ group, rank: best(group) }))
    .sort((a, b) => a.rank - b.rank)
    .flatMap(({ group }) =>
      ranked
        .filter(({ one }) => one.group === group)
        .sort((a, b) => a.rank - b.rank)
        .slice(0, MOST_OF_A_GROUP)
        .map(({ one }) => one),
    )
}
