import type { Docs } from '@persql/contract'
import { createNoteFinder } from './find-description.ts'
import type { Model } from './model.ts'

/** A table, column or view with its search terms. */
export interface Document {
  readonly kind: 'table' | 'column' | 'view'
  readonly table: string
  readonly column?: string
  readonly description?: string
  /** The full name as one term, so searches find it in any spelling. */
  readonly whole: string
  readonly name: string
  readonly about: string
  /** Words of the table that contains the column. */
  readonly context: string
}

/** Returns the searchable documents of a schema. */
export function buildDocuments({ tables, views }: Model, docs: Docs): Document[] {
  const findNote = createNoteFinder(docs)
  const of = (kind: Document['kind'], table: string, column?: string): Document => {
    const name = column ?? table
    const description = column === undefined ? findNote(table) : findNote(table, column)
    return {
      kind,
      table,
      ...(column !== undefined && { column }),
      ...(description !== null && { description }),
      whole: wholeTerm(name),
      name: toTerms(name).join(' '),
      about: description === null ? '' : toTerms(description).join(' '),
      context: column === undefined ? '' : toTerms(table).join(' '),
    }
  }
  const all = [
    ...tables.map((table) => ({ kind: 'table' as const, ...table })),
    ...views.map((view) => ({ kind: 'view' as const, ...view })),
  ]
  return all.flatMap(({ kind, name, columns }) => [
    of(kind, name),
    ...columns.map((column) => of('column', name, column.name)),
  ])
}

/**
 * Returns a query in FTS5 syntax, or `undefined` for an empty search. It contains only letters and digits of the
 * caller's text, each word in quotes, and the full text as hexadecimal digits.
 */
export function matchFor(q: string): string | undefined {
  if (q.trim() === '') return undefined
  // Once exact and once as a prefix, so exact names rank before names that only start with the text.
  const wholes = [...new Set([q, q.trim()])].flatMap((text) =>
    ['', ' *'].map((any) => `whole : "${wholeTerm(text)}"${any}`),
  )
  const all = splitWords(q)
  const significant = all.filter((word) => !FILLERS.has(word))
  const words = [...new Set(significant.length > 0 ? significant : all)].slice(0, MAX_WORDS)
  const phrases = words.map((word) => `"${spaced(word)}" *`).join(' OR ')
  if (phrases === '') return wholes.join(' OR ')
  // The table of a column affects its rank, but a match of the table alone doesn't list all its columns.
  return `(${wholes.join(' OR ')} OR {name about} : (${phrases})) AND (${wholes.join(' OR ')} OR {name about context} : (${phrases}))`
}

const MAX_WORDS = 32
const FILLERS = new Set(
  'a all an and any are as by do does find for from get give has have how i in is it list me my of on or our show tell that the their there these this to us we what when where which who with'.split(
    ' ',
  ),
)

/**
 * Encodes a name as one word that SQLite's tokenizer doesn't split; a prefix of the name stays a prefix of the word.
 */
const wholeTerm = (text: string) =>
  `x${Array.from(new TextEncoder().encode(text.toLowerCase()), (byte) => byte.toString(16).padStart(2, '0')).join('')}`

const toTerms = (text: string) => splitWords(text).map(spaced)

/** Splits text into lowercase words at underscores, punctuation and camelCase boundaries, and removes diacritics. */
export function splitWords(text: string): string[] {
  const humps = text.replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1 $2').replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
  const plain = humps
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
  return plain.match(/[\p{L}\p{N}]+/gu) ?? []
}

/** Splits scripts without spaces between words into characters, so searches find them by runs of characters. */
const spaced = (word: string) =>
  word
    .replace(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu, ' $& ')
    .replace(/ {2,}/g, ' ')
    .trim()
