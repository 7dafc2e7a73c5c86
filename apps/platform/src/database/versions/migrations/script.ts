import { PerSQLError } from '@persql/contract'
import { endOfStatement, parseIdentifier, type Token, tokens, word } from '../../../sqlite/tokenizer.ts'

/** A statement of a script with its number and its first line, both counted from 1. */
export interface ScriptStatement {
  readonly number: number
  readonly line: number
  readonly text: string
}

type Span = { readonly text: string; readonly line: number; readonly tokens: readonly Token[] }

/** Yields the statements of a script, without the white space, comments and semicolons between them. */
export function* splitScript(sql: string): Generator<Span> {
  const list = [...tokens(sql)]
  let line = 1
  let counted = 0
  for (let from = 0; from < list.length; ) {
    const first = list[from] as Token
    if (first.kind === 'semicolon') {
      from++
      continue
    }
    const end = endOfStatement(sql, list, from)
    const text = sql.slice(first.start, list[end - 1]?.end)
    for (; counted < first.start; counted++) if (sql[counted] === '\n') line++
    yield { text, line, tokens: list.slice(from, end) }
    from = end
  }
}

/** A parsed migration, ready to run. */
export interface Script {
  readonly statements: ScriptStatement[]
  /** Whether the migration turns foreign keys off: they are off for all of it and checked at its end. */
  readonly foreignKeysOff: boolean
}

/**
 * Parses a migration. It drops the surrounding BEGIN and COMMIT of a tool, because PerSQL runs every migration in one
 * transaction, and statements that turn foreign keys on or off, because SQLite ignores them in a transaction.
 * @throws PerSQLError `empty_statement`, or `statement_not_allowed` for statements that can't run in one transaction
 */
export function parseScript(sql: string): Script {
  const switches: boolean[] = []
  const spans = [...splitScript(sql)].filter((span) => {
    const isOn = parseForeignKeys(sql, span.tokens)
    if (isOn !== undefined) switches.push(isOn)
    return isOn === undefined
  })
  const joinWords = (span: Span | undefined) => span?.tokens.map((token) => word(sql, token)).join(' ') ?? ''
  if (BEGIN.test(joinWords(spans[0]))) spans.shift()
  if (COMMIT.test(joinWords(spans.at(-1)))) spans.pop()
  if (spans.length === 0) throw new PerSQLError('empty_statement')
  const statements = spans.map((span, i) => {
    const statement = { number: i + 1, line: span.line, text: span.text }
    const refused = findUnsupported(sql, span.tokens)
    if (refused) throw at(statement, new PerSQLError('statement_not_allowed', refused))
    return statement
  })
  return { statements, foreignKeysOff: switches.includes(false) }
}

/** Returns whether a statement that sets `PRAGMA foreign_keys` turns them on; `undefined` for any other statement. */
export function parseForeignKeys(sql: string, list: readonly Token[]): boolean | undefined {
  if (word(sql, list[0]) !== 'PRAGMA') return undefined
  const texts = list.slice(1).map((token) => parseIdentifier(sql, token))
  const [name, sign, ...value] = texts[1] === '.' ? texts.slice(2) : texts
  if (name !== 'foreign_keys' || (sign !== '=' && sign !== '(')) return undefined
  const [text = ''] = value[0] === '+' || value[0] === '-' ? value.slice(1) : value
  return ON.has(text) || Number.parseInt(text, 10) > 0
}
const ON = new Set(['on', 'yes', 'true'])

/** Adds the failed statement to an error. */
export function at(statement: ScriptStatement, cause: unknown): PerSQLError {
  const { code, details, extra } = PerSQLError.from(cause)
  return new PerSQLError(code, details, { cause, extra: { ...extra, failedStatement: toFirstLine(statement) } })
}

/** Shortens a statement to its first line, for display. */
export const toFirstLine = ({ number, line, text }: ScriptStatement): ScriptStatement => ({
  number,
  line,
  text: (text.split('\n', 1)[0] as string).trimEnd().slice(0, 200),
})

const BEGIN = /^BEGIN( (DEFERRED|IMMEDIATE|EXCLUSIVE))?( TRANSACTION)?$/
const COMMIT = /^(COMMIT|END)( TRANSACTION)?$/
const CONTROLS = new Set(['BEGIN', 'COMMIT', 'END', 'ROLLBACK', 'SAVEPOINT', 'RELEASE'])
const WHOLE = 'Migrations already run in one transaction. Remove this statement.'

function findUnsupported(sql: string, list: readonly Token[]): { what: string; instead: string } | undefined {
  const verb = word(sql, list[0])
  if (CONTROLS.has(verb)) return { what: verb, instead: WHOLE }
  return list.some(({ kind }) => kind === 'variable')
    ? { what: 'A parameter in a migration', instead: 'Write the value in the SQL text.' }
    : undefined
}
