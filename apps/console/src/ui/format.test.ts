import { expect, test } from 'vitest'
import { capitalize, formatAgo, formatCount } from './format.ts'

test.each([
  [10, 'just now'],
  [50, '50 seconds ago'],
  [59.6, '1 minute ago'],
  [100, '2 minutes ago'],
  [3_599, '1 hour ago'],
  [5 * 3_600, '5 hours ago'],
  [86_399, 'yesterday'],
  [3 * 86_400, '3 days ago'],
  [-3 * 3_600, 'in 3 hours'],
  [2 - 30 * 86_400, 'in 30 days'],
  [-30 * 86_400, 'in 30 days'],
  [-62 * 86_400, 'in 2 months'],
])('%s seconds ago is %s', (seconds, text) => {
  const nowMs = Date.parse('2026-11-21T12:00:00Z')
  expect(formatAgo(new Date(nowMs - seconds * 1_000).toISOString(), nowMs)).toBe(text)
})

test.each([
  [0, '0 rows'],
  [1, '1 row'],
  [1_234, '1,234 rows'],
])('a count of %s is %s', (count, text) => {
  expect(formatCount(count, 'row')).toBe(text)
})

test('a plural that is not formed with an s is passed', () => {
  expect(formatCount(1, 'query', 'queries')).toBe('1 query')
  expect(formatCount(2, 'query', 'queries')).toBe('2 queries')
})

test('words of the API are capitalized', () => {
  expect(capitalize('syntax_error')).toBe('Syntax error')
  expect(capitalize('')).toBe('')
})
