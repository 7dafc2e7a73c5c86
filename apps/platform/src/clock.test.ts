import { expect, test } from 'vitest'
import { toIso } from './clock.ts'

test.each([
  [0, '1970-01-01T00:00:00.000Z'],
  [1_700_000_000_123, '2023-11-14T22:13:20.123Z'],
  [null, null],
  [undefined, null],
])('the time %s is written as %s', (ms, text) => {
  expect(toIso(ms)).toBe(text)
})
