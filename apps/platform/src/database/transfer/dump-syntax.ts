import { nameOf, type Token, word } from '../guard/statement.ts'

const NAME = `(?:"(?:[^"]|""){1,300}"|'(?:[^']|''){1,300}'|\`(?:[^\`]|\`\`){1,300}\`|\\[[^\\]]{1,300}\\]|[A-Za-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*)`
/** `INSERT INTO t (a, b) VALUES`, up to the first row: its table and its columns. */
export const INSERT = new RegExp(
  `INSERT\\s+INTO\\s+(${NAME})\\s*(\\(\\s*${NAME}(?:\\s*,\\s*${NAME})*\\s*\\))?\\s*VALUES\\s*(?=\\()`,
  'iy',
)
/** What begins and what ends a transaction. */
export const BEGIN = /^BEGIN( (DEFERRED|IMMEDIATE|EXCLUSIVE))?( TRANSACTION)?$/
export const COMMIT = /^(COMMIT|END)( TRANSACTION)?$/

/** Whether a semicolon behind these tokens ends the statement: those within a trigger do not. */
export function ends(sql: string, list: readonly Token[]): boolean {
  const [a, b, c] = [0, 1, 2].map((i) => word(sql, list[i]))
  const isTrigger = a === 'CREATE' && (b === 'TRIGGER' || ((b === 'TEMP' || b === 'TEMPORARY') && c === 'TRIGGER'))
  return !isTrigger || (word(sql, list.at(-1)) === 'END' && list.at(-2)?.kind === 'semicolon')
}

/** A name as it stands in SQL, as SQLite compares it. */
export const nameIn = (text: string) =>
  nameOf(text, { kind: /^["'`[]/.test(text) ? 'quoted' : 'word', start: 0, end: text.length })
