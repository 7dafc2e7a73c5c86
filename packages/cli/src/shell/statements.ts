const TRIGGER = /^\s*(explain\s+(query\s+plan\s+)?)?create\s+(temp(orary)?\s+)?trigger\b/i
/** Strings, quoted names, comments (also unfinished ones), words, and anything else one character at a time. */
const TOKEN =
  /'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$)|[\p{L}_][\p{L}\p{N}_$]*|[\s\S]/gu

const comment = (token: string) => token.startsWith('--') || token.startsWith('/*')

/** Splits a text into statements without `;`, and the rest after the last one. */
export function splitStatements(text: string): { statements: string[]; rest: string } {
  const statements: string[] = []
  let [current, code, last] = ['', '', '']
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === ';' && !(TRIGGER.test(code) && !/^end$/i.test(last))) {
      if (code.trim() !== '') statements.push(current.trim())
      ;[current, code, last] = ['', '', '']
      continue
    }
    current += token
    if (comment(token)) code += ' '
    else code += token
    // A trigger ends with END right after the ; of its last statement: `CASE … END;` ends none.
    if (token.trim() !== '' && !comment(token)) last = /^end$/i.test(token) && last !== ';' ? 'case' : token
  }
  return { statements, rest: code.trim() === '' ? '' : current }
}

/** Returns whether a statement changes the schema. */
export const changesSchema = (sql: string): boolean =>
  /^\s*(create|alter|drop)\b/i.test(sql.replace(/^\s*(--[^\n]*\n|\/\*[\s\S]*?\*\/)/g, ''))
