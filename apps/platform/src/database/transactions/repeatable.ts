import { PerSQLError } from '@persql/contract'
import type { Analysis } from '../authorizer/authorizer.ts'

/** @throws PerSQLError `statement_not_allowed` for a write that would have another effect at COMMIT than now */
export function assertNotRandom({ random }: Analysis): void {
  if (random !== undefined) throw notRepeatable(`The function ${random}() in a write of an interactive transaction`)
}

/** @throws PerSQLError `statement_not_allowed` for a write that could end more than itself */
export function assertEndsAlone({ statement }: Analysis): void {
  if (statement.hadRollback && statement.verb !== 'CREATE') {
    const instead = 'Use ABORT, and roll the transaction back if the statement fails.'
    throw new PerSQLError('statement_not_allowed', { what: 'The conflict clause ROLLBACK in a transaction', instead })
  }
}

/**
 * Checks a write of a continued transaction. An automatic snapshot can't be created in it.
 * @throws PerSQLError `statement_not_allowed`
 */
export function assertKeepsRows({ loss, statement }: Analysis): void {
  if (loss === 'whole') throw losesRows(statement.verb)
}

/** The statements that need an automatic snapshot, by their verbs. */
const LOSING: Readonly<Record<string, string>> = {
  ALTER: 'ALTER TABLE … DROP COLUMN',
  DELETE: 'DELETE without WHERE',
  DROP: 'DROP TABLE',
}

/** Returns the error of a statement that needs an automatic snapshot. */
export function losesRows(verb = 'REPLACE'): PerSQLError {
  const what = `${LOSING[verb] ?? verb} in an interactive transaction that continues alone, after random values or many writes,`
  return new PerSQLError('statement_not_allowed', { what, instead: 'Run it in a transaction of its own.' })
}

/** Returns the error of a statement before which random writes would have to be repeated, because others were undone. */
export function cannotRepeatRandom(): PerSQLError {
  const what = 'A statement after ROLLBACK TO, or after an error, in a transaction with an earlier random write'
  const instead = 'Roll back, and run the random write after it, or in an interactive transaction.'
  return new PerSQLError('statement_not_allowed', { what, instead })
}

/** Returns the error of a random write, which would write other values if it were repeated. */
function notRepeatable(what: string): PerSQLError {
  const instead = 'Bind the random value as a parameter, or run the statement in a batch or with the commit.'
  return new PerSQLError('statement_not_allowed', { what, instead })
}
