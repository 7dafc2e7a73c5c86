/** Tokens without syntax inside: strings, quoted names and comments. */
const OPAQUE = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y

/** Splits a text at commas outside of parentheses, strings and comments. */
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

/** Returns the content of the first parentheses at or after `from`, and the position after them. */
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

/** Returns the first name of a text, without quotes. */
export function firstName(text: string): string {
  const quoted = /^(?:"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|\[([^\]]*)\]|'((?:[^']|'')*)')/.exec(text)
  if (!quoted) return /^[^\s(,]+/.exec(text)?.[0] ?? ''
  const [, double, back, square, single] = quoted
  return (double?.replaceAll('""', '"') ??
    back?.replaceAll('``', '`') ??
    square ??
    single?.replaceAll("''", "'")) as string
}

/** Returns the definition of a column in a CREATE TABLE statement. */
export function columnDefinition(createTable: string, column: string): string {
  const body = parenthesised(createTable)?.inner ?? ''
  return splitList(body).find((part) => firstName(part).toLowerCase() === column.toLowerCase()) ?? ''
}
