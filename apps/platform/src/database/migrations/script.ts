import { PerSQLError } from '@persql/contract'
import { endOfStatement, nameOf, type Token, tokens, word } from '../guard/statement.ts'

/** A statement of a script: its number and the line it begins on, both from 1. */
export interface ScriptStatement {
  readonly number: number
  readonly line: number
  readonly text: string
}

type Span = { readonly text: string; readonly line: number; readonly tokens: readonly Token[] }

/** The statements of a script, without what stands between them: white space, comments and semicolons. */
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

/**
 * What a migration runs. A transaction that a tool has put around all of it is taken off: there is one anyway.
 * @throws PerSQLError `empty_statement`, or `statement_not_allowed` for what makes no sense within one transaction
 */
export function statementsOf(sql: string): ScriptStatement[] {
  const spans = [...splitScript(sql)]
  const wordsOf = (span: Span | undefined) => span?.tokens.map((token) => word(sql, token)).join(' ') ?? ''
  if (BEGIN.test(wordsOf(spans[0]))) spans.shift()
  if (COMMIT.test(wordsOf(spans.at(-1)))) spans.pop()
  if (spans.length === 0) throw new PerSQLError('empty_statement')
  return spans.map((span, i) => {
    const statement = { number: i + 1, line: span.line, text: span.text }
    const refused = refusalOf(sql, span.tokens)
    if (refused) throw at(statement, new PerSQLError('statement_not_allowed', refused))
    return statement
  })
}

/** The same failure, telling which statement it was. */
export function at(statement: ScriptStatement, cause: unknown): PerSQLError {
  const { code, details, extra } = PerSQLError.from(cause)
  return new PerSQLError(code, details, { cause, extra: { ...extra, failedStatement: headOf(statement) } })
}

/** A statement as it is shown: by its first line. */
export const headOf = ({ number, line, text }: ScriptStatement): ScriptStatement => ({
  number,
  line,
  text: (text.split('\n', 1)[0] as string).trimEnd().slice(0, 200),
})

const BEGIN = /^BEGIN( (DEFERRED|IMMEDIATE|EXCLUSIVE))?( TRANSACTION)?$/
const COMMIT = /^(COMMIT|END)( TRANSACTION)?$/
const CONTROLS = new Set(['BEGIN', 'COMMIT', 'END', 'ROLLBACK', 'SAVEPOINT', 'RELEASE'])
const WHOLE = 'A migration runs in one transaction, whole or not at all: leave it out.'

function refusalOf(sql: string, list: readonly Token[]): { what: string; instead: string } | undefined {
  const [first, ...rest] = list
  const verb = word(sql, first)
  if (CONTROLS.has(verb)) return { what: verb, instead: WHOLE }
  if (verb === 'PRAGMA' && rest.slice(0, 3).some((token) => nameOf(sql, token) === 'foreign_keys')) {
    const instead = `${WHOLE} PRAGMA defer_foreign_keys = ON has foreign keys checked at its end.`
    return { what: 'PRAGMA foreign_keys', instead }
  }
  return list.some(({ kind }) => kind === 'variable')
    ? { what: 'A parameter', instead: 'Write the value into the migration.' }
    : undefined
}
