import { PerSQLError } from '@persql/sdk'
import { expect, test } from 'vitest'
import { canRetry } from './can-retry.ts'
import { nextStep } from './next-step.ts'

const fail = (status: number, code: string, message = 'It failed.') => new PerSQLError({ status, code, message })

const again = 'The server had an error. Try again in a moment.'
const operator = "The server can't do this. Contact the operator of this instance."
const fix = 'Fix the problem above, then try again.'

test.each<[number, string, string]>([
  [0, 'unknown', 'Try again in a moment.'],
  [200, 'not_persql', 'Try again in a moment.'],
  [400, 'invalid_input', fix],
  [404, 'snapshot_not_found', 'It may have been deleted. Reload the page to see the current state.'],
  [408, 'query_timeout', fix],
  [408, 'took_too_long', 'Try again in a moment.'],
  [409, 'slug_taken', fix],
  [409, 'import_other_under_way', 'Try again in a moment.'],
  [429, 'rate_limited', 'Wait a moment, then try again.'],
  [500, 'internal', again],
  [500, 'database_damaged', operator],
  [501, 'not_persql', operator],
  [502, 'not_persql', again],
  [503, 'unavailable', again],
  [504, 'not_persql', again],
  [505, 'not_persql', operator],
  [507, 'storage_full', operator],
  [599, 'not_persql', again],
])('the next step after %d %s is "%s"', (status, code, step) => {
  expect(nextStep(fail(status, code))).toBe(step)
})

test('no step asks to try the same again where no button does', () => {
  for (let status = 500; status < 600; status++) {
    for (const code of ['not_persql', 'unavailable', 'database_damaged'])
      expect(/try again/i.test(nextStep(fail(status, code)))).toBe(canRetry({ status, code }))
  }
})

test.each(['It failed. Repair it.', 'Did it fail? Repair it.', 'The file "a." is damaged. Repair it.'])(
  'the message %j has the next step itself',
  (message) => {
    expect(nextStep(fail(501, 'not_persql', message))).toBe('')
  },
)

test('a failure of the console itself asks to reload the page', () => {
  expect(nextStep(new TypeError('x is undefined'))).toMatch(/^Reload the page\./)
})
