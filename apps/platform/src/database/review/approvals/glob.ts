import { lower } from '../../../sqlite/tokenizer.ts'

/**
 * Whether a table's name is one that the glob stands for: `*` for any characters, `?` for one, letters of either case
 * the same, as SQLite compares names. It goes back to the last `*` only, so hostile globs take no longer than others.
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
