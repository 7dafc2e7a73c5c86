import type { StatementInput } from '../calls/call.ts'
import { roundMs } from '../calls/outcome.ts'
import { MAX_SQL_BYTES } from '../calls/sql-length.ts'
import type { Result } from '../engine/result.ts'
import { splitScript } from '../versions/migrations/script.ts'
import { toLibsqlError } from './errors.ts'
import {
  formatBatch,
  formatEntries,
  formatError,
  formatOk,
  formatResult,
  hasFailed,
  type StatementOutcome,
  type StatementResult,
} from './format.ts'
import { isLonger, MAX_STATEMENTS, TOO_LONG } from './parse.ts'
import { isMet, type LibsqlError, type LibsqlStatement, type Step, type StreamRequest } from './protocol.ts'

/** The description of a statement that didn't run. */
export interface Description {
  readonly params: readonly { readonly name: string | null }[]
  readonly cols: readonly { readonly name: string; readonly decltype: string | null }[]
  readonly is_explain: boolean
  readonly is_readonly: boolean
}

/** The part of a stream that a program uses. */
export interface Stream {
  /** Whether no transaction is open. */
  readonly isAutocommit: boolean
  /** The rowid that the last INSERT of the request assigned. */
  lastInsertRowid?: bigint
  /** Describes a statement without running it. @throws PerSQLError */
  describe(sql: string): Description
  /** Returns the declared types of the columns of a result; an empty list if they are unknown. */
  getTypes(statement: StatementInput): readonly (string | null)[]
}

/** Yields each statement to run, and receives its result, or the error that it causes. */
export type Program<T> = Generator<StatementInput, T, Result>

/** Runs the requests of a pipeline, and returns their responses as JSON. A failed request doesn't stop later ones. */
export function* runRequests(requests: readonly StreamRequest[], stream: Stream): Program<readonly string[]> {
  const responses: string[] = []
  for (const request of requests) responses.push(yield* runRequest(request, stream))
  return responses
}

function* runRequest(request: StreamRequest, stream: Stream): Program<string> {
  const { type } = request
  switch (type) {
    case 'execute': {
      const outcome = yield* runStatement(request.statement, stream)
      if (hasFailed(outcome)) return formatError(outcome.error)
      return formatOk(type, `"result":${formatResult(outcome, request.statement.wantsRows)}`)
    }
    case 'batch': {
      const { steps } = request
      const outcomes = yield* runBatch(steps, stream)
      return formatOk(type, `"result":${formatBatch(outcomes, (i) => steps[i]?.statement.wantsRows ?? true)}`)
    }
    case 'open_cursor': {
      const { steps } = request
      const outcomes = yield* runBatch(steps, stream)
      return formatEntries(outcomes, (i) => steps[i]?.statement.wantsRows ?? true).join('\n')
    }
    case 'sequence': {
      const error = yield* runSequence(request.sql, stream)
      return error ? formatError(error) : formatOk(type)
    }
    case 'describe': {
      try {
        return formatOk(type, `"result":${JSON.stringify(stream.describe(request.sql))}`)
      } catch (cause) {
        return formatError(toLibsqlError(cause))
      }
    }
    case 'store_sql':
      return request.refusal ? formatError(request.refusal) : formatOk(type)
    case 'get_autocommit':
      return formatOk(type, `"is_autocommit":${stream.isAutocommit}`)
    case 'close_sql':
    case 'close':
      return formatOk(type)
  }
}

/** Runs the steps of a batch whose conditions are met. Steps after a failed one run too. */
export function* runBatch(steps: readonly Step[], stream: Stream): Program<readonly StatementOutcome[]> {
  const outcomes: StatementOutcome[] = []
  const states: ('ok' | 'error' | 'skipped')[] = []
  for (const { statement, condition } of steps) {
    const runs = condition === undefined || isMet(condition, states, stream.isAutocommit)
    const outcome = runs ? yield* runStatement(statement, stream) : undefined
    outcomes.push(outcome)
    states.push(outcome === undefined ? 'skipped' : hasFailed(outcome) ? 'error' : 'ok')
  }
  return outcomes
}

/** @throws an error that concerns the whole request */
function* runStatement(
  { sql, params, refusal }: LibsqlStatement,
  stream: Stream,
): Program<StatementResult | { readonly error: LibsqlError }> {
  if (refusal) return { error: refusal }
  const input: StatementInput = { sql, params, integers: 'bigint' }
  const startedMs = performance.now()
  try {
    const result = yield input
    return toStatementResult(result, input, stream, performance.now() - startedMs)
  } catch (cause) {
    return { error: toLibsqlError(cause) }
  }
}

function toStatementResult(result: Result, input: StatementInput, stream: Stream, durationMs: number): StatementResult {
  const { columns, rows, rowsRead, rowsWritten, changes, lastInsertRowid } = result
  if (lastInsertRowid !== undefined) stream.lastInsertRowid = BigInt(lastInsertRowid as bigint)
  return {
    ...{ columns, rows, rowsRead, rowsWritten, changes: changes ?? 0 },
    declaredTypes: columns.length > 0 ? stream.getTypes(input) : [],
    // A connection of SQLite reports it for later writes too.
    lastInsertRowid: changes === undefined ? undefined : stream.lastInsertRowid,
    durationMs: roundMs(durationMs),
  }
}

/** Runs all statements of a text, up to the first error. */
function* runSequence(sql: string, stream: Stream): Program<LibsqlError | undefined> {
  const texts = splitStatements(sql)
  if ('code' in texts) return texts
  for (const text of texts) {
    const refusal = isLonger(text, MAX_SQL_BYTES) ? TOO_LONG : undefined
    const outcome = yield* runStatement(
      { sql: text, params: [], wantsRows: false, ...(refusal && { refusal }) },
      stream,
    )
    if (hasFailed(outcome)) return outcome.error
  }
  return undefined
}

/** Splits a text into its statements. Returns the error if it can't be read. */
export function splitStatements(sql: string): readonly string[] | LibsqlError {
  if (isLonger(sql, MAX_SEQUENCE_BYTES)) return SEQUENCE_TOO_LONG
  try {
    const texts = [...splitScript(sql)].map(({ text }) => text)
    return texts.length > MAX_STATEMENTS ? TOO_MANY_STATEMENTS : texts
  } catch (cause) {
    return toLibsqlError(cause)
  }
}

/** The maximum length of a text with many statements, in UTF-8. */
const MAX_SEQUENCE_BYTES = 1_000_000
const SEQUENCE_TOO_LONG: LibsqlError = {
  message: 'An SQL text with several statements can have at most 1,000,000 bytes. Send it in several requests.',
  code: 'SQLITE_TOOBIG',
}
const TOO_MANY_STATEMENTS: LibsqlError = {
  message: `A text can have at most ${MAX_STATEMENTS.toLocaleString('en-US')} statements. Send it in several requests.`,
  code: 'SQL_INPUT_ERROR',
}

/** Returns the statements that requests can run. */
export const listStatements = (requests: readonly StreamRequest[]): readonly StatementInput[] =>
  requests.flatMap((request): readonly StatementInput[] => {
    if (request.type === 'execute') return [request.statement]
    if (request.type === 'batch' || request.type === 'open_cursor')
      return request.steps.map(({ statement }) => statement)
    const texts = request.type === 'sequence' ? splitStatements(request.sql) : []
    return 'code' in texts ? [] : texts.map((sql) => ({ sql, params: [] }))
  })
