import { MAX_SCRIPT_CHARACTERS, MAX_SCRIPT_STATEMENTS, PerSQLError } from '@persql/contract'
import { type Grant, parseScriptCall, type StatementInput } from '../calls/call.ts'
import type { Handlers } from '../calls/handler.ts'
import type { Outcome } from '../calls/outcome.ts'
import type { Engine } from '../engine/engine.ts'
import { type Result, toResponses } from '../engine/result.ts'
import { RetryRequired } from '../engine/retry-required.ts'
import { type ApprovalRequester, withApproval } from '../review/approvals/with-approval.ts'
import { type ScriptStatement, splitScript, toFirstLine } from '../versions/migrations/script.ts'
import { parseControl } from './control.ts'
import { Session } from './session.ts'
import type { SessionServices } from './session-options.ts'

/** The services that scripts use. */
interface ScriptServices extends SessionServices, ApprovalRequester {}

/** A parsed script: its statements with their places in the text. */
interface Script {
  readonly places: readonly ScriptStatement[]
  readonly inputs: readonly StatementInput[]
  /** Whether all statements share one transaction. */
  readonly isWhole: boolean
}

/** Returns the handler of scripts: many statements in one text. */
export function scriptOperations(services: ScriptServices) {
  const { engine, approvals } = services
  return {
    script: withApproval(
      services,
      ({ body }) => ({ statements: parse(body).inputs, batch: true }),
      (call) => {
        const script = parse(call.body)
        const { inputs } = script
        const controls = inputs.some(({ sql }) => parseControl(sql) !== undefined)
        if (inputs.some(({ sql }) => /total_changes/i.test(sql))) engine.countTotal()
        if (script.isWhole || (approvals.gate.closed && !controls)) return runWhole(script, call.grant, engine)
        const session = new Session(services, { ...call, endsAll: true })
        session.precheck(inputs)
        return runOneByOne(script, session, services)
      },
    ),
  } satisfies Handlers
}

/** @throws PerSQLError `invalid_input`, `empty_statement` or `statement_not_allowed` before anything runs */
function parse(body: string): Script {
  const { sql, transaction, ...format } = parseScriptCall(body, MAX_SCRIPT_CHARACTERS)
  const spans = [...splitScript(sql)]
  if (spans.length === 0) throw new PerSQLError('empty_statement')
  if (spans.length > MAX_SCRIPT_STATEMENTS) {
    const most = MAX_SCRIPT_STATEMENTS.toLocaleString('en-US')
    const problem = `The script has ${spans.length.toLocaleString('en-US')} statements. The maximum is ${most}.`
    throw new PerSQLError('invalid_input', { problem })
  }
  const places = spans.map(({ line, text }, i) => ({ number: i + 1, line, text }))
  for (const [i, { tokens }] of spans.entries()) {
    if (!tokens.some(({ kind }) => kind === 'variable')) continue
    const details = { what: 'A parameter in a script', instead: 'Write the value in the SQL text.' }
    throw failedAt(places[i] as ScriptStatement, new PerSQLError('statement_not_allowed', details), [])
  }
  const inputs = places.map(({ text }) => ({ sql: text, params: [], ...format }))
  return { places, inputs, isWhole: transaction }
}

/**
 * Runs all statements in one transaction. With approval rules, a script of single statements does this too, so that a rule
 * stops all of it; its other errors leave earlier statements applied.
 * @throws PerSQLError; nothing has changed then
 */
function runWhole({ places, inputs, isWhole }: Script, grant: Grant, engine: Engine): Outcome {
  const results: Result[] = []
  const failure = engine.transaction(() => {
    for (const [i, input] of inputs.entries()) {
      try {
        results.push(engine.run(engine.prepare(input, grant), input, true))
      } catch (cause) {
        if (cause instanceof RetryRequired) throw cause
        const place = places[i] as ScriptStatement
        if (isWhole || PerSQLError.from(cause).code === 'approval_denied') throw failedAt(place, cause, [])
        return failedAt(place, cause, toData(places, inputs, results))
      }
    }
    return undefined
  })
  return toOutcome(places, inputs, results, sumUse(results, inputs), failure)
}

/** Runs the statements one by one, with the transactions that they begin and end. */
function runOneByOne({ places, inputs }: Script, session: Session, { transactions }: ScriptServices): Outcome {
  const results: Result[] = []
  /** The number of results before the open transaction. */
  let kept = 0
  let failure: PerSQLError | undefined
  try {
    session.run(
      program(inputs, results, () => {
        if (session.isAutocommit) kept = results.length
      }),
    )
    kept = session.isAutocommit ? results.length : kept
    if (!session.isAutocommit) throw endsOpen()
  } catch (cause) {
    if (cause instanceof RetryRequired) throw cause
    const error = PerSQLError.from(cause)
    if (error.code === 'internal') throw cause
    const place = places[Math.min(results.length, places.length - 1)] as ScriptStatement
    failure = failedAt(place, inTransaction(error), toData(places, inputs, results.slice(0, kept)))
  } finally {
    if (session.transaction) transactions.end(session.transaction)
  }
  const { rowsRead, rowsWritten, statementCount, sql } = session.used
  const used = { rowsRead, rowsWritten, statementCount, sql: sql.join(';\n') }
  return { ...toOutcome(places, inputs, results, used, failure), ...(session.hasApplied && { commits: true }) }
}

function* program(
  inputs: readonly StatementInput[],
  results: Result[],
  next: () => void,
): Generator<StatementInput, void, Result> {
  for (const input of inputs) {
    next()
    results.push(yield input)
  }
}

/** Returns the error of a rule: a script with transactions can't be approved. */
function inTransaction(error: PerSQLError): PerSQLError {
  const { code, details, extra } = error
  if (code !== 'approval_denied') return error
  return new PerSQLError('approval_in_transaction', { table: details.table ?? '' }, { extra, cause: error })
}

function endsOpen(): PerSQLError {
  const message = 'The script ends inside a transaction, which was rolled back. Add COMMIT.'
  return new PerSQLError('sql_error', { message }, { extra: { errorDetail: { kind: 'unknown', message } } })
}

/** Adds the failed statement to an error, and the results of the statements before it that stay applied. */
function failedAt(place: ScriptStatement, cause: unknown, results: readonly unknown[]): PerSQLError {
  const { code, details, extra } = PerSQLError.from(cause)
  const failedStatement = toFirstLine(place)
  const statement = place.number - 1
  return new PerSQLError(code, { ...details, statement }, { cause, extra: { ...extra, failedStatement, results } })
}

const toData = (places: readonly ScriptStatement[], inputs: readonly StatementInput[], results: readonly Result[]) =>
  toResponses(results, inputs).map((result, i) => ({ number: places[i]?.number, line: places[i]?.line, ...result }))

const sumUse = (results: readonly Result[], inputs: readonly StatementInput[]) => ({
  rowsRead: results.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
  rowsWritten: results.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0),
  statementCount: results.length,
  sql: inputs.map(({ sql }) => sql).join(';\n'),
})

const toOutcome = (
  places: readonly ScriptStatement[],
  inputs: readonly StatementInput[],
  results: readonly Result[],
  used: Pick<Outcome, 'rowsRead' | 'rowsWritten' | 'statementCount' | 'sql'>,
  failure: PerSQLError | undefined,
): Outcome =>
  failure
    ? { data: undefined, status: failure.status, failure, ...used }
    : { data: toData(places, inputs, results), status: 200, ...used }
