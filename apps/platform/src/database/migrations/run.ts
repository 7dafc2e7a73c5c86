import { PerSQLError } from '@persql/contract'
import type { Grant } from '../call.ts'
import { type Engine, Postponed } from '../engine.ts'
import type { Result } from '../result.ts'
import { readObjects } from '../schema-diff.ts'
import { at, type ScriptStatement, statementsOf } from './script.ts'

/**
 * The statements of a draft, each compiled where that is possible: a later one may need what an earlier one makes, so
 * only what can never run is refused.
 * @throws PerSQLError `sql_error` for bad syntax, `empty_statement` or `statement_not_allowed`
 */
export function checkedStatements(sql: string, grant: Grant, engine: Engine): ScriptStatement[] {
  const statements = statementsOf(sql)
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

/**
 * Runs statements, to be called in a transaction; `ran` is told of each, also of the one that fails.
 * @throws PerSQLError that tells which statement failed
 */
export function runStatements(
  statements: readonly ScriptStatement[],
  grant: Grant,
  engine: Engine,
  storage: DurableObjectStorage,
  ran: (statement: ScriptStatement, result: Result | PerSQLError) => void,
): void {
  const deferred = mayDefer(statements, storage)
  const before = deferred ? orphans(storage) : NONE
  for (const statement of statements) {
    const input = { sql: statement.text, params: [] }
    try {
      const known = deferred && TAKES_PLACE.test(statement.text) ? orphans(storage) : NONE
      const result = engine.run(engine.prepare(input, grant), input, true)
      if (known.length > before.length && orphans(storage).length < known.length) throw violated(known, REPLACED)
      ran(statement, result)
    } catch (cause) {
      if (cause instanceof Postponed) throw cause
      const error = at(statement, cause)
      ran(statement, error)
      throw error
    }
  }
  const after = deferred ? orphans(storage) : NONE
  if (after.length > before.length)
    throw violated(after, 'At the end rows of this table refer to rows that are missing.')
}

// Deferred foreign keys are counted while statements run, and the count is looked at by the commit. That is the
// runtime's: it would end the object with no word of why. So rows without their parent are looked for beforehand.
// SQLite counts them down where rows are inserted, but not where a table of the same name takes the place of the old.
const TAKES_PLACE = /\b(alter[\s\S]*rename|create[\s\S]*as)\b/i
const REPLACED = [
  'Rows refer to a dropped table, and one that takes its name does not take its place.',
  'Copy the rows aside, drop the table, create it anew and insert them again.',
].join(' ')
const NONE: readonly unknown[][] = []

function mayDefer(statements: readonly ScriptStatement[], { sql }: DurableObjectStorage): boolean {
  if (statements.some(({ text }) => /defer/i.test(text))) return true
  return readObjects((text) => [...sql.exec(text).raw()]).some((object) => /deferred/i.test(object.sql ?? ''))
}

const orphans = ({ sql }: DurableObjectStorage) => [...sql.exec('PRAGMA foreign_key_check').raw()]

function violated(rows: readonly unknown[][], hint: string): PerSQLError {
  const message = 'FOREIGN KEY constraint failed'
  const errorDetail = { kind: 'fk_violation', message, table: String(rows.at(-1)?.[0]), hint }
  return new PerSQLError('sql_error', { message }, { extra: { errorDetail } })
}

/** A name of this moment to come back to; `null` where there is none, for nothing depends on it. */
export async function bookmarkOf(storage: DurableObjectStorage): Promise<string | null> {
  try {
    return await storage.getCurrentBookmark()
  } catch {
    return null
  }
}
