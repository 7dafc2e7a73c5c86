import { PerSQLError } from '../errors.ts'
import type { WireResult } from '../values.ts'
import { createError, sqlError } from './sql-error.ts'

/** The body of a script. */
export interface Script {
  sql?: unknown
  transaction?: unknown
}

/** A statement of a script with its number and its first line, both from 1. */
export interface ScriptStatement {
  readonly number: number
  readonly line: number
  readonly text: string
}

const MAX_STATEMENTS = 1_000
const MAX_CHARACTERS = 1_000_000

/** Strings, quoted names, comments, parameters, words, and anything else one character at a time. */
const TOKEN =
  /'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\s+)|(\?\d*|[:@$][\p{L}_][\p{L}\p{N}_$]*)|[\p{L}_][\p{L}\p{N}_$]*|[\s\S]/gu
const TRIGGER = /^(explain (query plan )?)?create (temp |temporary )?trigger\b/i

interface Span {
  readonly line: number
  readonly text: string
  readonly hasParameter: boolean
}

/** Yields the statements of a script, without the white space, comments and semicolons between them. */
function* split(sql: string): Generator<Span> {
  const getLine = createLineCounter(sql)
  let [start, end, words, last, hasParameter] = [-1, 0, '', '', false]
  const take = (): Span => {
    const span = { line: getLine(start), text: sql.slice(start, end), hasParameter }
    ;[start, words, last, hasParameter] = [-1, '', '', false]
    return span
  }
  for (const { 0: token, 1: blank, 2: parameter, index } of sql.matchAll(TOKEN)) {
    if (blank) continue
    if (token === ';' && !(TRIGGER.test(words) && !/^end$/i.test(last))) {
      if (start >= 0) yield take()
      continue
    }
    if (start < 0) start = index
    end = index + token.length
    if (words.length < 40) words += `${token} `
    hasParameter ||= parameter !== undefined
    // A trigger ends with END right after the ; of its last statement: `CASE … END;` ends none.
    last = /^end$/i.test(token) && last !== ';' ? 'case' : token
  }
  if (start >= 0) yield take()
}

/** Returns a function that returns the line of positions, which increase. */
function createLineCounter(text: string): (position: number) => number {
  let line = 1
  let counted = 0
  return (position) => {
    for (; counted < position; counted++) if (text[counted] === '\n') line++
    return line
  }
}

const invalid = (problem: string) => createError(400, 'invalid_input', problem)

/** Splits a script into statements. @throws PerSQLError with the codes of a server, before anything runs */
export function parseScript({ sql, transaction = false }: Script): ScriptStatement[] {
  if (typeof sql !== 'string' || sql === '') throw invalid('"sql" must be a string with SQL statements.')
  if (sql.length > MAX_CHARACTERS) throw invalid('"sql" can have at most 1,000,000 characters.')
  // In a pattern with the flag u, only an unpaired surrogate is a character of its own.
  if (/\p{Surrogate}/u.test(sql)) throw invalid('"sql" contains an unpaired surrogate, which isn\'t valid Unicode.')
  if (typeof transaction !== 'boolean') throw invalid('"transaction" must be true or false.')
  const spans = [...split(sql)]
  if (spans.length === 0) throw createError(400, 'empty_statement', 'The "sql" field contains no SQL statement.')
  if (spans.length > MAX_STATEMENTS) {
    throw invalid(`The script has ${spans.length.toLocaleString('en-US')} statements. The maximum is 1,000.`)
  }
  const statements = spans.map(({ line, text }, i) => ({ number: i + 1, line, text }))
  const refused = spans.findIndex(({ hasParameter }) => hasParameter)
  if (refused >= 0) {
    const message = "A parameter in a script isn't supported. Write the value in the SQL text."
    throw failedAt(statements[refused] as ScriptStatement, createError(400, 'statement_not_allowed', message), [])
  }
  return statements
}

/** The operations with which a script runs. */
export interface ScriptRunner {
  execute(sql: string, isInTransaction: boolean): WireResult
  /** Runs a statement that controls a transaction. */
  command(sql: string): void
  atomically<T>(run: () => T): T
}

const CONTROL =
  /^(?:(begin)(?:\s+(?:deferred|immediate|exclusive))?(?:\s+transaction)?|(commit|end|rollback)(?:\s+transaction)?|(savepoint|release(?:\s+savepoint)?|rollback(?:\s+transaction)?\s+to(?:\s+savepoint)?)\s+(\w+|"(?:[^"]|"")+"))$/i

/** The transaction of a script, from the statements that control it. As in SQLite, a savepoint can start one. */
class Transaction {
  #hasBegun = false
  #savepoints: string[] = []

  get isOpen(): boolean {
    return this.#hasBegun || this.#savepoints.length > 0
  }

  /** Follows a statement that has run. */
  follow([, begin, end, savepoint = '', name = '']: RegExpExecArray): void {
    const key = name.replace(/^"|"$/g, '').toLowerCase()
    const at = this.#savepoints.lastIndexOf(key)
    if (begin) this.#hasBegun = true
    else if (end) {
      this.#hasBegun = false
      this.#savepoints = []
    } else if (/^savepoint/i.test(savepoint)) this.#savepoints.push(key)
    else this.#savepoints.splice(/^release/i.test(savepoint) ? at : at + 1)
  }
}

const NO_RESULT: WireResult = { columns: [], rows: [], rowsRead: 0, rowsWritten: 0 }

/** Runs a script. @throws PerSQLError with the failed statement and the results of those before it that stay applied */
export function runScript(
  statements: readonly ScriptStatement[],
  isWhole: boolean,
  runner: ScriptRunner,
): WireResult[] {
  const results: WireResult[] = []
  let kept = 0
  const transaction = new Transaction()
  const run = (place: ScriptStatement) => {
    const { number, line, text } = place
    if (!transaction.isOpen) kept = results.length
    try {
      const control = isWhole ? null : CONTROL.exec(text.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ').trim())
      if (control) runner.command(text)
      if (control) transaction.follow(control)
      const result = control ? NO_RESULT : runner.execute(text, transaction.isOpen)
      results.push({ ...{ number, line }, ...result })
    } catch (cause) {
      throw failedAt(place, cause, isWhole ? [] : results.slice(0, kept))
    }
  }
  if (isWhole) {
    runner.atomically(() => statements.forEach(run))
    return results
  }
  try {
    statements.forEach(run)
    if (transaction.isOpen) throw endsOpen(statements.at(-1) as ScriptStatement, results.slice(0, kept))
  } finally {
    if (transaction.isOpen) runner.command('ROLLBACK')
  }
  return results
}

function endsOpen(place: ScriptStatement, results: readonly object[]): PerSQLError {
  const message = 'The script ends inside a transaction, which was rolled back. Add COMMIT.'
  return failedAt(place, createError(400, 'sql_error', message, { errorDetail: { kind: 'unknown', message } }), results)
}

/** Adds the failed statement to an error, and the results of the statements before it that stay applied. */
function failedAt({ number, line, text }: ScriptStatement, cause: unknown, results: readonly object[]): PerSQLError {
  const { status, code, message, body } = sqlError(cause)
  const failedStatement = { number, line, text: (text.split('\n', 1)[0] ?? '').trimEnd().slice(0, 200) }
  return new PerSQLError({ status, code, message, body: { ...body, failedStatement, results }, cause })
}
