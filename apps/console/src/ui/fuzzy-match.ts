/** Something to find by its name, or by other words for it. */
export interface Findable {
  name: string
  group?: string | undefined
  /** Other words somebody may look for. */
  words?: string | undefined
  /** Stays whatever is looked for. */
  isAlways?: boolean | undefined
}

const MOST_OF_A_GROUP = 30

const normal = (text: string) => text.toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '')

/** How well something fits: 0 begins with what is looked for, 1 has a word that does, 2 has it somewhere; else nothing. */
function rankOf({ name, group, words, isAlways }: Findable, wanted: readonly string[]): number | undefined {
  const own = normal(name)
  const all = normal(`${name} ${words ?? ''} ${group ?? ''}`)
  if (!wanted.every((word) => all.includes(word))) return isAlways ? 3 : undefined
  const [first = ''] = wanted
  if (own.startsWith(first)) return 0
  return all.split(/[^\p{L}\p{N}]+/u).some((word) => word.startsWith(first)) ? 1 : 2
}

/** What fits a text, best first within its group; of each group only as many as somebody reads. */
export function matching<T extends Findable>(all: readonly T[], text: string): T[] {
  const wanted = normal(text).split(/\s+/).filter(Boolean)
  const ranked = all.flatMap((one) => {
    const rank = rankOf(one, wanted)
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
