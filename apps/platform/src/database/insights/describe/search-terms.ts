import type { Docs } from '@persql/contract'
import { notesOf } from './find-description.ts'
import type { Model } from './model.ts'

/** A table, column or view, in the words it can be found by. */
export interface Document {
  readonly kind: 'table' | 'column' | 'view'
  readonly table: string
  readonly column?: string
  readonly description?: string
  /** The whole name, so that it is found however it is written. */
  readonly whole: string
  readonly name: string
  readonly about: string
  /** Words of the table that a column is in. */
  readonly context: string
}

/** All that can be found in a schema. */
export function documentsOf({ tables, views }: Model, docs: Docs): Document[] {
  const noteOf = notesOf(docs)
  const of = (kind: Document['kind'], table: string, column?: string): Document => {
    const name = column ?? table
    const description = column === undefined ? noteOf(table) : noteOf(table, column)
    return {
      kind,
      table,
      ...(column !== undefined && { column }),
      ...(description !== null && { description }),
      whole: wholeTerm(name),
      name: termsOf(name).join(' '),
      about: description === null ? '' : termsOf(description).join(' '),
      context: column === undefined ? '' : termsOf(table).join(' '),
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
 * What is to be matched, in FTS5's query syntax, or nothing when there is nothing to look for. Of what the caller wrote
 * only letters and digits get in, each word in quotes; the whole of it as hexadecimal digits.
 */
export function matchFor(q: string): string | undefined {
  if (q.trim() === '') return undefined
  // Once as it is and once as a beginning, so that what is named exactly so comes before what only starts like it.
  const wholes = [...new Set([q, q.trim()])].flatMap((text) =>
    ['', ' *'].map((any) => `whole : "${wholeTerm(text)}"${any}`),
  )
  const all = wordsOf(q)
  const telling = all.filter((word) => !FILLERS.has(word))
  const words = [...new Set(telling.length > 0 ? telling : all)].slice(0, MAX_WORDS)
  const phrases = words.map((word) => `"${spaced(word)}" *`).join(' OR ')
  if (phrases === '') return wholes.join(' OR ')
  // The table of a column counts for its rank, but is no reason by itself to list all its columns.
  return `(${wholes.join(' OR ')} OR {name about} : (${phrases})) AND (${wholes.join(' OR ')} OR {name about context} : (${phrases}))`
}

const MAX_WORDS = 32
const FILLERS = new Set(
  'a all an and any are as by do does find for from get give has have how i in is it list me my of on or our show tell that the their there these this to us we what when where which who with'.split(
    ' ',
  ),
)

/** A name of any characters as one word that SQLite's tokenizer leaves alone, and of which a prefix is a prefix. */
const wholeTerm = (text: string) =>
  `x${Array.from(new TextEncoder().encode(text.toLowerCase()), (byte) => byte.toString(16).padStart(2, '0')).join('')}`

const termsOf = (text: string) => wordsOf(text).map(spaced)

/** Words in lower case: split at underscores, signs, and where camelCase has its humps; marks are taken off letters. */
export function wordsOf(text: string): string[] {
  const humps = text.replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1 $2').replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
  const plain = humps
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
  return plain.match(/[\p{L}\p{N}]+/gu) ?? []
}

/** Scripts that set no spaces between words are found by runs of their characters. */
const spaced = (word: string) =>
  word
    .replace(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu, ' $& ')
    .replace(/ {2,}/g, ' ')
    .trim()
