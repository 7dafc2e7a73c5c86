/** Returns the command or command group that is closest to these words. */
export function suggest(paths: readonly string[], words: readonly string[]): string | undefined {
  const groups = paths.flatMap((path) => path.split(' ').map((_, i, all) => all.slice(0, i + 1).join(' ')))
  const typed = words.join(' ')
  const known = [...new Set(groups)].filter((path) => !`${typed} `.startsWith(`${path} `))
  const rated = known.map((path) => ({ path, distance: getDistance(path, words) }))
  const [best] = rated.sort((a, b) => a.distance - b.distance)
  return best && best.distance < Number.POSITIVE_INFINITY ? best.path : undefined
}

/**
 * Returns the edit distance to the path, or to its end if its first words were omitted. On a tie, a path with fewer omitted
 * words that covers more of the input is closer.
 */
function getDistance(path: string, words: readonly string[]): number {
  const parts = path.split(' ')
  const ends = parts.map((_, dropped) => {
    const end = parts.slice(dropped).join(' ')
    const covered = words.slice(0, parts.length - dropped)
    const distance = editDistance(covered.join(' '), end)
    const tie = dropped / 10 + (words.length - covered.length) / 100 + path.length / 100_000
    return distance <= end.length / 3 ? distance + tie : Number.POSITIVE_INFINITY
  })
  return Math.min(...ends)
}

/** Returns the number of insertions, deletions, replacements and swaps that turn one text into another. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(
        Math.min(
          at(i - 1, j) + 1,
          at(i, j - 1) + 1,
          at(i - 1, j - 1) + (same ? 0 : 1),
          swapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      )
    }
  }
  return at(a.length, b.length)
}
