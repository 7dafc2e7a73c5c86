import { PerSQLError } from '@persql/contract'
import type { Analysis } from '../authorizer/authorizer.ts'

/** @throws PerSQLError `statement_not_allowed` for a write that would have another effect at COMMIT than now */
export function assertRepeatable({ random, statement }: Analysis, isLast: boolean): void {
  if (random !== undefined && !isLast)
    throw notRepeatable(`The function ${random}() in a write of an interactive transaction`)
  if (statement.hadRollback && statement.verb !== 'CREATE') {
    const instead = 'Use ABORT, and roll the transaction back if the statement fails.'
    throw new PerSQLError('statement_not_allowed', { what: 'The conflict clause ROLLBACK in a transaction', instead })
  }
}

/** Returns the error of a transaction whose random write would write other values if it were repeated. */
export function notRepeatable(what: string): PerSQLError {
  const instead = 'Bind the random value as a parameter, or run the statement in a batch or with the commit.'
  return new PerSQLError('statement_not_allowed', { what, instead })
}
