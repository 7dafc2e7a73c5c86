/** The range of a statement in a text, without its separator. */
export interface Span {
  from: number
  to: number
}

const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|;|[\p{L}_][\p{L}\p{N}_$]*|\s+|./gsu
const IGNORED = /^(\s|--|\/\*)/

/** Splits a text into statements. A trigger contains statements of its own, up to its END. */
export function statementsIn(text: string): Span[] {
  const spans: Span[] = []
  let current: (Span & { words: string[]; depth: number }) | undefined
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (IGNORED.test(token)) continue
    if (token === ';') {
      if (current?.depth) continue
      if (current) spans.push({ from: current.from, to: current.to })
      current = undefined
      continue
    }
    current ??= { from: index, to: index, words: [], depth: 0 }
    current.to = index + token.length
    const word = token.toUpperCase()
    if (current.words.length < 3) current.words.push(word)
    const [first, second, third] = current.words
    const isTrigger =
      first === 'CREATE' && (second === 'TRIGGER' || (/^TEMP/.test(second ?? '') && third === 'TRIGGER'))
    if (isTrigger && (word === 'BEGIN' || word === 'CASE')) current.depth++
    if (isTrigger && word === 'END') current.depth--
  }
  if (current) spans.push({ from: current.from, to: current.to })
  return spans
}

/** Finds the statement at a position: the last one that starts there or before, or else the first. */
export function statementAt(text: string, position: number): Span | undefined {
  const spans = statementsIn(text)
  return spans.findLast(({ from }) => from <= position) ?? spans[0]
}
