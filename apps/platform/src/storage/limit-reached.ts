import { PerSQLError } from '@persql/contract'

/** Creates the error for a limit per database. `instead` is the advice in its message. */
export const limitReached = (limit: number, what: string, instead = 'Delete one you no longer need.'): PerSQLError =>
  new PerSQLError('limit_reached', { limit: limit.toLocaleString('en-US'), what, instead })
