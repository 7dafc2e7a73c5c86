import { expect, test } from 'vitest'
import { canRetry } from './can-retry.ts'

test.each([
  [0, 'network'],
  [0, 'timeout'],
  [200, 'not_persql'],
  [408, 'took_too_long'],
  [409, 'import_under_way'],
  [409, 'database_deleting'],
  [429, 'rate_limited'],
  [500, 'internal'],
  [502, 'not_persql'],
  [503, 'unavailable'],
])('a retry can help after %d %s', (status, code) => {
  expect(canRetry({ status, code })).toBe(true)
})

test.each([
  [400, 'sql_error'],
  [401, 'not_signed_in'],
  [402, 'insufficient_balance'],
  [403, 'role_insufficient'],
  [404, 'database_not_found'],
  [408, 'query_timeout'],
  [409, 'merge_conflict'],
  [422, 'question_refused'],
  [500, 'database_damaged'],
  [501, 'not_persql'],
  [503, 'model_unavailable'],
  [503, 'payments_unavailable'],
  [505, 'not_persql'],
  [507, 'not_persql'],
])('a retry cannot help after %d %s', (status, code) => {
  expect(canRetry({ status, code })).toBe(false)
})
