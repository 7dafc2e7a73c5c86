import { expect, test } from 'vitest'
import { parseRange } from './byte-range.ts'

test.each([
  ['bytes=0-0', { from: 0, to: 0 }],
  ['bytes=2-5', { from: 2, to: 5 }],
  ['bytes=2-', { from: 2, to: 9 }],
  ['bytes=2-99', { from: 2, to: 9 }],
  ['bytes=-3', { from: 7, to: 9 }],
  ['bytes=-99', { from: 0, to: 9 }],
  ['bytes=10-', 'outside'],
  ['bytes=10-20', 'outside'],
  ['bytes=-0', 'outside'],
  ['bytes=5-2', undefined],
  ['bytes=-', undefined],
  ['bytes=0-1,4-5', undefined],
  ['rows=0-1', undefined],
  ['bytes=a-b', undefined],
])('of 10 bytes, %s is %j', (range, expected) => {
  expect(parseRange(new Headers({ Range: range }), 10, '"a"')).toEqual(expected)
})

test('a range of another version of the file is the whole file', () => {
  const headers = (tag: string) => new Headers({ Range: 'bytes=0-1', 'If-Range': tag })
  expect(parseRange(headers('"a"'), 10, '"a"')).toEqual({ from: 0, to: 1 })
  expect(parseRange(headers('"b"'), 10, '"a"')).toBeUndefined()
  expect(parseRange(new Headers(), 10, '"a"')).toBeUndefined()
})
