/** A statement within a text: where it begins and ends, without what separates it. */
export interface Span {
  from: number
  to: number
}

const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|;|[\p{L}_][\p{L}\p{N}_$]*|\s+|./gsu
const IGNORED = /^(\s|--|\/\*)/

/** The statements of a text. A trigger holds statements of its own, until its END. */
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

/** The statement at a place: the one it stands in, else the one before it, else the next. */
export function statementAt(text: string, position: number): Span | undefined {
  const spans = statementsIn(text)
  return spans.findLast(({ from }) => from <= position) ?? spans[0]
}
