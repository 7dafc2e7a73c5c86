import { PerSQLError } from '@persql/contract'

/** A body that must be a JSON object. @throws PerSQLError `invalid_json` or `invalid_input` */
export function parseObject(text: string): Record<string, unknown> {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (cause) {
    throw new PerSQLError('invalid_json', {}, { cause })
  }
  if (!isObject(body)) throw new PerSQLError('invalid_input', { problem: 'The body must be a JSON object.' })
  return body
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
