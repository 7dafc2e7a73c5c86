/** Where a piece of writing was found. */
export type Kind = 'text' | 'comment' | 'identifier' | 'markdown'

/** A piece of writing: a string of the program, a comment, a declared name or a paragraph. */
export interface Item {
  kind: Kind
  line: number
  value: string
  /** The attribute or property that holds a text, such as `title`. */
  key?: string
}

/** A rule that an item breaks, with the words that break it. */
export interface Violation {
  rule: string
  excerpt: string
}

interface Rule {
  name: string
  kinds: readonly Kind[]
  find(item: Item): string | undefined
}

const prose = ['text', 'comment', 'markdown'] as const

const bannedWords =
  /\b(?:anew|whoever|whatever|whomever|likewise|lest|somebody|nobody|everybody|meanwhile|deeds?|shall|tells?|told|is no (?!longer\b)[a-z]+|are none|there (?:is|are|was|were) (?:no|none)|all the same|by itself|for good|at once|so many|as many as|no more than|shown out|let in|had back)\b/i

const bannedNameWords =
  /^(?:anew|whoever|whatever|whomever|likewise|lest|somebody|nobody|everybody|meanwhile|deeds?|tells?|told)$/

const britishSpelling =
  /\b(?:(?:authori|capitali|customi|finali|initiali|minimi|maximi|normali|optimi|organi|recogni|seriali|summari|synchroni|tokeni)s(?:e[ds]?|ing|ation)|(?:behavi|col|fav|hon|neighb)our(?:s|ed|ing)?|cancell(?:ed|ing)|licence[ds]?|grey)\b/i

/** Keywords of JSON Schema, which are named by its standard. */
const jsonSchemaKeywords = new Set(['allOf', 'anyOf', 'oneOf'])

/** Words that end in "s" and can follow a number that counts nothing. */
const notPlural = new Set('is was has does as ms less plus across this vs its costs reads takes holds needs'.split(' '))

const rules: readonly Rule[] = [
  { name: 'word', kinds: prose, find: ({ value }) => bannedWords.exec(value)?.[0] },
  {
    name: 'name',
    kinds: ['identifier'],
    find: ({ value }) => splitName(value).find((word) => bannedNameWords.test(word)),
  },
  {
    name: 'of-name',
    kinds: ['identifier'],
    find: ({ value }) => (jsonSchemaKeywords.has(value) ? undefined : /^[a-z]\w*[a-z\d]Of$/.exec(value)?.[0]),
  },
  { name: 'clause-subject', kinds: prose, find: findClauseSubject },
  { name: 'spelling', kinds: [...prose, 'identifier'], find: findSpelling },
  { name: 'plural', kinds: prose, find: findPlural },
  {
    name: 'tone',
    kinds: ['text', 'markdown'],
    find: ({ value }) => /\b(?:[Pp]lease|[Ss]orry)\b|[a-z]!(?=\s|$)/.exec(value)?.[0],
  },
  { name: 'spaces', kinds: ['text'], find: findDoubleSpace },
  { name: 'title', kinds: ['text'], find: findTitleWithFullStop },
]

/** Returns the rules of the writing guide that an item breaks. */
export function findViolations(item: Item): Violation[] {
  return rules.flatMap(({ name, kinds, find }) => {
    const excerpt = kinds.includes(item.kind) ? find(item) : undefined
    return excerpt === undefined ? [] : [{ rule: name, excerpt }]
  })
}

/** Returns the clause that a statement starts with instead of a noun. A question may start with "What". */
function findClauseSubject({ value }: Item): string | undefined {
  for (const [sentence] of value.matchAll(/(?<=^|[.!?]\s+)(?:What|Whoever|Whatever|Which)\s[^.!?]*[.!?]?/g)) {
    if (!sentence.endsWith('?') && /[.]$|^.{24}/.test(sentence)) return sentence.split(/\s+/).slice(0, 4).join(' ')
  }
  return undefined
}

function findSpelling({ kind, value }: Item): string | undefined {
  const text = kind === 'identifier' ? splitName(value).join(' ') : value
  return britishSpelling.exec(text)?.[0]
}

function findPlural({ value }: Item): string | undefined {
  for (const [found, noun = ''] of value.matchAll(
    /(?<![-\w.,:/$#×+=]|\b(?:version|page|step|level)\s)1 ([a-z]+s)\b(?!-| but\b)/g,
  )) {
    if (!notPlural.has(noun) && !noun.endsWith('ss')) return found
  }
  return undefined
}

/** Returns words with two spaces between them. Texts of several lines are tables and help, aligned with spaces. */
function findDoubleSpace({ value }: Item): string | undefined {
  return value.includes('\n') ? undefined : /[a-z,.;:] {2,}[a-z]+/.exec(value)?.[0]
}

function findTitleWithFullStop({ key, value }: Item): string | undefined {
  const isTitle = key !== undefined && ['title', 'label', 'heading', 'summary', 'confirm'].includes(key)
  return isTitle && /[^.…]\.$/.test(value) ? value.slice(-24) : undefined
}

/** Splits a name at its humps and underscores. */
function splitName(name: string): string[] {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter((word) => word !== '')
}
