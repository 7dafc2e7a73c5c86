/** Joins lines to texts of at most this length, unless one line is longer. */
export function joinLines(given: readonly string[], maxLength: number): string[] {
  const texts: string[] = []
  let text = ''
  for (const line of given) {
    const joined = text === '' ? line : `${text}\n${line}`
    if (joined.length <= maxLength || text === '') text = joined
    else {
      texts.push(text)
      text = line
    }
  }
  return text === '' ? texts : [...texts, text]
}
