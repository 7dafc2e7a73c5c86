/** Tokens that hold no syntax: strings, quoted names, comments. */
const OPAQUE = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y

/** Splits at commas that stand outside of parentheses, strings and comments. */
export function splitList(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length; i++) {
    OPAQUE.lastIndex = i
    const opaque = OPAQUE.exec(text)
    if (opaque) i += opaque[0].length - 1
    else if (text[i] === '(') depth++
    else if (text[i] === ')') depth--
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  return [...parts, text.slice(start)].map((part) => part.trim())
}

/** What the parentheses that open at or after `from` hold, and where they end. */
export function parenthesised(text: string, from = 0): { inner: string; end: number } | undefined {
  let depth = 0
  let start = -1
  for (let i = from; i < text.length; i++) {
    OPAQUE.lastIndex = i
    const opaque = OPAQUE.exec(text)
    if (opaque) i += opaque[0].length - 1
    else if (text[i] === '(') {
      if (depth++ === 0) start = i + 1
    } else if (text[i] === ')' && --depth === 0) return { inner: text.slice(start, i).trim(), end: i + 1 }
  }
  return undefined
}

/** The first name of a text, without its quotes. */
export function firstName(text: string): string {
  const quoted = /^(?:"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|\[([^\]]*)\]|'((?:[^']|'')*)')/.exec(text)
  if (!quoted) return /^[^\s(,]+/.exec(text)?.[0] ?? ''
  const [, double, back, square, single] = quoted
  return (double?.replaceAll('""', '"') ??
    back?.replaceAll('``', '`') ??
    square ??
    single?.replaceAll("''", "'")) as string
}

/** The definition of a column in the text of its CREATE TABLE. */
export function columnDefinition(createTable: string, column: string): string {
  const body = parenthesised(createTable)?.inner ?? ''
  return splitList(body).find((part) => firstName(part).toLowerCase() === column.toLowerCase()) ?? ''
}
