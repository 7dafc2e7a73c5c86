import { PerSQLError } from '@persql/contract'
import { type EndpointSpec, validateEndpointSpec } from '@persql/endpoint-spec'

/** Returns the valid spec. @throws PerSQLError `invalid_spec`, with a message for each invalid field */
export function checkedSpec(...args: Parameters<typeof validateEndpointSpec>): EndpointSpec {
  const result = validateEndpointSpec(...args)
  if (result.ok) return result.spec
  throw invalidSpec(result.errors)
}

/** Creates an `invalid_spec` error. @param problems the problems by the path of their field */
export function invalidSpec(problems: readonly { field: string; message: string }[]): PerSQLError {
  const problem = `${problems.map(({ field, message }) => `"${field}" ${message}`).join('; ')}.`
  const fields = Object.fromEntries(problems.map(({ field, message }) => [field, message]))
  return new PerSQLError('invalid_spec', { problem: problem.slice(0, 2_000) }, { extra: { fields } })
}
