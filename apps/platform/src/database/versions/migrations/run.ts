import { PerSQLError } from '@persql/contract'
import type { Analysis } from '../../authorizer/authorizer.ts'
import { refuseCascade } from '../../authorizer/drop.ts'
import type { Grant } from '../../calls/call.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Result } from '../../engine/result.ts'
import { RetryRequired } from '../../engine/retry-required.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import { Drops } from './drops.ts'
import { checkForeignKeys } from './foreign-keys.ts'
import { at, parseScript, type Script, type ScriptStatement } from './script.ts'

/**
 * Returns the statements of a draft and compiles each if possible. A statement can depend on an earlier one, so only
 * statements that can never run are refused.
 * @throws PerSQLError `sql_error` for invalid syntax, `empty_statement` or `statement_not_allowed`
 */
export function checkedStatements(sql: string, grant: Grant, engine: Engine): ScriptStatement[] {
  const { statements } = parseScript(sql)
  for (const statement of statements) {
    try {
      engine.prepare({ sql: statement.text, params: [] }, grant)
    } catch (cause) {
      const { code, extra } = PerSQLError.from(cause)
      const { kind } = (extra.errorDetail ?? {}) as { kind?: string }
      if (HOPELESS.has(code) || HOPELESS.has(kind ?? '')) throw at(statement, cause)
    }
  }
  return statements
}
const HOPELESS = new Set([
  'syntax_error',
  'statement_not_allowed',
  'empty_statement',
  'not_available',
  'too_few_params',
])

/** A running migration: its script, its caller and its database. */
interface Running {
  readonly script: Script
  readonly grant: Grant
  readonly engine: Engine
  readonly storage: DurableObjectStorage
}

/**
 * Runs statements in the caller's transaction; `ran` receives each result, including a failure.
 * @throws PerSQLError with the failed statement
 */
export function runStatements(
  { script, grant, engine, storage }: Running,
  ran: (statement: ScriptStatement, result: Result | PerSQLError) => void,
  before: (statement: ScriptStatement, analysis: Analysis) => void = () => {},
): void {
  const { statements, foreignKeysOff } = script
  const run = createRunSql(storage.sql)
  const drops = new Drops(statements)
  const check = checkForeignKeys(run, statements, foreignKeysOff)
  for (const [i, statement] of statements.entries()) {
    const input = { sql: statement.text, params: [] }
    try {
      const analysis = engine.prepare(input, grant)
      before(statement, analysis)
      const emptied = drops.emptiedBy(i)
      if (emptied !== undefined) refuseCascade(run, emptied, drops.sparedBy(i))
      const compare = check.compare(statement)
      const result = engine.run(analysis, input, true, drops.sparedBy(i))
      compare()
      ran(statement, result)
    } catch (cause) {
      if (cause instanceof RetryRequired) throw cause
      const error = at(statement, cause)
      ran(statement, error)
      throw error
    }
  }
  check.end()
}

/** Returns a bookmark for the current state; `null` if it isn't available, because it is optional. */
export async function getBookmark(storage: DurableObjectStorage): Promise<string | null> {
  try {
    return await storage.getCurrentBookmark()
  } catch {
    return null
  }
}
