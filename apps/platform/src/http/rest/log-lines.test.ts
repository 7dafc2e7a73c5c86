import { expect, test } from 'vitest'
import { joinLines } from './log-lines.ts'

test.each([
  [[], []],
  [['a'], ['a']],
  [
    ['aaa', 'bbb', 'ccc'],
    ['aaa\nbbb', 'ccc'],
  ],
  [
    ['a long line', 'b', 'c'],
    ['a long line', 'b\nc'],
  ],
  [
    ['a', 'a long line', 'c'],
    ['a', 'a long line', 'c'],
  ],
])('joins %j to texts of at most 7 characters', (given, texts) => {
  expect(joinLines(given, 7)).toEqual(texts)
  expect(joinLines(given, 7).flatMap((text) => text.split('\n'))).toEqual(given)
})
