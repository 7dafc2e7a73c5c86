import { PerSQLError } from '@persql/contract'
import { quoteName } from '../../sqlite/identifiers.ts'
import { hideSystemTables } from '../../sqlite/runtime-tables.ts'
import type { RunSql } from '../../sqlite/schema-map.ts'
import { parseStatement } from '../../sqlite/tokenizer.ts'
import type { StatementInput } from '../calls/call.ts'
import { setsForeignKeys } from '../engine/batch-without-foreign-keys.ts'
import type { Result } from '../engine/result.ts'
import { parseControl } from '../transactions/control.ts'
import { type AlteredColumn, parseAlterColumn, rebuildStatements } from './alter-column.ts'
import type { Program } from './program.ts'

/** The name of the savepoint around the statements that replace one of libSQL. */
const SAVEPOINT = 'persql_alter_column'
const EMPTY: Result = Object.freeze({ columns: [], rows: [], rowsRead: 0, rowsWritten: 0 })

/** The means to perform statements that SQLite, or this platform, doesn't have. */
export interface TranslationOptions {
  /** Whether the request runs alone, with foreign keys off. */
  readonly isAlone: boolean
  /** Whether the caller can run alone. */
  readonly mayRunAlone: boolean
  readonly isAutocommit: () => boolean
  readonly run: RunSql
  /** Checks the foreign keys before a COMMIT, if they are off. @throws PerSQLError */
  readonly checkKeys: () => void
}

/** Returns whether a request has to run alone, with foreign keys off: it turns them off, or alters a column. */
export const needsExclusive = (inputs: readonly Pick<StatementInput, 'sql'>[]): boolean =>
  inputs.some(({ sql }) => setsForeignKeys(sql) === false || readAlterColumn(sql) !== undefined)

/** Returns the tables that a request rebuilds. */
export const rebuiltTables = (inputs: readonly Pick<StatementInput, 'sql'>[]): readonly string[] =>
  inputs.flatMap(({ sql }) => readAlterColumn(sql)?.table ?? [])

/** Runs a program, and performs the statements that only libSQL has. */
export function* translated<T>(program: Program<T>, options: TranslationOptions): Program<T> {
  let step = program.next()
  while (!step.done) {
    let result: Result
    try {
      result = yield* perform(step.value, options)
    } catch (cause) {
      step = program.throw(cause)
      continue
    }
    step = program.next(result)
  }
  return step.value
}

function* perform(input: StatementInput, options: TranslationOptions): Program<Result> {
  const { isAlone, checkKeys } = options
  if (isAlone && setsForeignKeys(input.sql) !== undefined) return EMPTY
  const change = readAlterColumn(input.sql)
  if (change !== undefined) return yield* alterColumn(change, options)
  if (isAlone && parseControl(input.sql)?.kind === 'commit') checkKeys()
  const hiding = withoutSystemTables(input.sql)
  if (hiding === input.sql) return yield input
  try {
    return yield { ...input, sql: hiding }
  } catch {
    // The statement uses the rowid of the catalog, for example.
    return yield input
  }
}

/** Hides PerSQL's tables from a statement that reads the catalog. */
function withoutSystemTables(sql: string): string {
  if (!/sqlite_(master|schema)/i.test(sql)) return sql
  try {
    const statement = parseStatement(sql)
    return statement.explain === 'no' ? hideSystemTables(statement).text : sql
  } catch (cause) {
    if (cause instanceof PerSQLError) return sql
    throw cause
  }
}

/** Rebuilds a table with another definition of a column, as one statement. */
function* alterColumn(
  change: AlteredColumn,
  { isAlone, mayRunAlone, isAutocommit, run, checkKeys }: TranslationOptions,
): Program<Result> {
  if (!isAlone) {
    throw new PerSQLError('statement_not_allowed', {
      what: mayRunAlone ? 'ALTER COLUMN in a transaction over several requests' : 'ALTER COLUMN with this token',
      instead: mayRunAlone
        ? 'Send the whole transaction in one request, as migrate() does.'
        : 'Use an admin token without a table scope.',
    })
  }
  const isOwn = isAutocommit()
  const word = (sql: string): StatementInput => ({ sql, params: [] })
  const name = quoteName(SAVEPOINT)
  yield word(isOwn ? 'BEGIN' : `SAVEPOINT ${name}`)
  try {
    let [rowsRead, rowsWritten] = [0, 0]
    for (const sql of rebuildStatements(run, change)) {
      const result = yield word(sql)
      rowsRead += result.rowsRead
      rowsWritten += result.rowsWritten
    }
    if (isOwn) checkKeys()
    yield word(isOwn ? 'COMMIT' : `RELEASE ${name}`)
    return { ...EMPTY, rowsRead, rowsWritten }
  } catch (cause) {
    if (isOwn) yield word('ROLLBACK')
    else {
      yield word(`ROLLBACK TO ${name}`)
      yield word(`RELEASE ${name}`)
    }
    throw cause
  }
}

/** A text that can't be read is refused when it runs. */
function readAlterColumn(sql: string): AlteredColumn | undefined {
  try {
    return parseAlterColumn(sql)
  } catch (cause) {
    if (cause instanceof PerSQLError) return undefined
    throw cause
  }
}
