import { lower } from '../../../sqlite/identifiers.ts'

/**
 * Returns whether a table name matches a glob: `*` for any characters, `?` for one, case-insensitive like SQLite's
 * names. Backtracking stops at the last `*`, so hostile globs take no longer than others.
 */
export function matchesGlob(glob: string, name: string): boolean {
  const pattern = [...lower(glob)]
  const text = [...lower(name)]
  let at = 0
  let star = -1
  let resume = 0
  for (let i = 0; i < text.length; ) {
    if (pattern[at] === '*') {
      star = at++
      resume = i
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[i])) {
      at++
      i++
    } else if (star >= 0) {
      at = star + 1
      i = ++resume
    } else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}
