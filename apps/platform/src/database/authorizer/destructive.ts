import { type Statement, tokens, word } from '../../sqlite/tokenizer.ts'

/** How a statement deletes rows that it doesn't select: a whole table, or rows that new rows replace. */
export type DestructiveEffect = 'whole' | 'replaced'

/** Returns how a statement deletes rows that it doesn't select: DROP, DELETE without WHERE, REPLACE. */
export function getDestructiveEffect({
  text,
  verb,
  explain,
}: Pick<Statement, 'text' | 'verb' | 'explain'>): DestructiveEffect | undefined {
  if (explain !== 'no') return undefined
  switch (verb) {
    case 'DELETE':
      return outside(text).includes('WHERE') ? undefined : 'whole'
    case 'DROP':
      return outside(text)[1] === 'TABLE' ? 'whole' : undefined
    case 'ALTER':
      return /\bdrop\b/i.test(text) && outside(text).includes('DROP') ? 'whole' : undefined
    case 'REPLACE':
      return 'replaced'
    case 'INSERT': {
      if (!/\breplace\b/i.test(text)) return undefined
      const words = outside(text)
      const at = words.indexOf('INSERT')
      return words[at + 1] === 'OR' && words[at + 2] === 'REPLACE' ? 'replaced' : undefined
    }
    default:
      return undefined
  }
}

/** Returns the words of a statement outside parentheses, in upper case. */
function outside(sql: string): string[] {
  const words: string[] = []
  let depth = 0
  for (const token of tokens(sql)) {
    if (token.kind === 'open') depth++
    else if (token.kind === 'close') depth--
    else if (depth === 0 && token.kind === 'word') words.push(word(sql, token))
  }
  return words
}
