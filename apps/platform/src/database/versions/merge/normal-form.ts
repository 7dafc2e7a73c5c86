import { lower } from '../../../sqlite/identifiers.ts'
import { parseIdentifier, tokens, word } from '../../../sqlite/tokenizer.ts'

/** Returns a statement without white space, comments, unnecessary quotes and the case of names. */
export const normalForm = (sql: string): string => normalTokens(sql).join('\0')

/**
 * Returns the tokens of the normal form. Texts keep their quotes, and the word after DEFAULT keeps its case, because it
 * is a text there.
 */
export function normalTokens(sql: string): string[] {
  let afterDefault = false
  return [...tokens(sql)].map((token) => {
    const raw = sql.slice(token.start, token.end)
    const isText = raw[0] === "'" || (afterDefault && token.kind === 'quoted')
    const keepsCase = isText || (afterDefault && token.kind === 'word')
    afterDefault = word(sql, token) === 'DEFAULT'
    if (keepsCase) return raw
    return token.kind === 'quoted' ? parseIdentifier(sql, token) : lower(raw)
  })
}
