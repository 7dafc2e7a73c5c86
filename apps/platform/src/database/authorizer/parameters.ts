import { PerSQLError } from '@persql/contract'
import { formatCount } from '@persql/endpoint-spec'
import type { Statement } from '../../sqlite/tokenizer.ts'
import { numbering } from './bind.ts'

/** The runtime's maximum number of parameters in one statement. */
export const MAX_PARAMETERS = 100

/** Returns the number of parameters of a statement: the highest number among its placeholders. */
export function countParameters({ text, placeholders }: Pick<Statement, 'text' | 'placeholders'>): number {
  return numbering(text, placeholders).reduce((highest, number) => Math.max(highest, number), 0)
}

/** Checks that the number of parameters matches the statement. @throws PerSQLError `sql_error` */
export function assertParameters(needed: number, given: number): void {
  if (needed === given) return
  const kind = given > needed ? 'too_many_params' : 'too_few_params'
  const message = `Expected ${parameters(needed)}, but got ${given}.`
  const hint =
    kind === 'too_many_params'
      ? 'Remove the parameters that have no placeholder.'
      : 'Add one value to "params" for each placeholder. "?7" needs at least 7 values.'
  throw new PerSQLError('sql_error', { message }, { extra: { errorDetail: { message, kind, hint } } })
}

const parameters = (count: number) => (count === 0 ? 'no parameters' : formatCount(count, 'parameter'))
