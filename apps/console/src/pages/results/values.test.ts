import { expect, test } from 'vitest'
import { prettyJson } from './values.ts'

test('JSON is indented without changes to numbers and strings', () => {
  const value = { a: [1, [], {}, 'x: {"y", [', null], 'b"\\': { c: true, d: -1.5e-7 } }
  expect(prettyJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2))
  expect(prettyJson(' {"big":12345678901234567890,"one":1.0} ')).toBe(
    '{\n  "big": 12345678901234567890,\n  "one": 1.0\n}',
  )
  expect(prettyJson('[1,')).toBeUndefined()
  expect(prettyJson('"text"')).toBeUndefined()
})
