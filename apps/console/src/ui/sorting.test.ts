import { expect, test } from 'vitest'
import { nextSort, sorted, sortOfText, textOfSort } from './sorting.ts'

test('what is not known stands last, whichever way it is sorted', () => {
  const rows = [{ size: null }, { size: 2 }, { size: 10 }, { size: undefined }, { size: 0 }]
  const sizes = (isDown: boolean) => sorted(rows, ({ size }) => size, isDown).map(({ size }) => size)
  expect(sizes(false)).toEqual([0, 2, 10, null, undefined])
  expect(sizes(true)).toEqual([10, 2, 0, null, undefined])
})

test('rows that are the same stay in order', () => {
  const rows = ['b2', 'a1', 'b1', 'a2']
  expect(sorted(rows, (row) => row[0], false)).toEqual(['a1', 'a2', 'b2', 'b1'])
  expect(sorted(rows, (row) => row[0], true)).toEqual(['b2', 'b1', 'a1', 'a2'])
})

test('a column begins with what is looked for, and a second click turns it around', () => {
  expect(nextSort(undefined, 'size', true)).toEqual({ by: 'size', isDown: true })
  expect(nextSort({ by: 'size', isDown: true }, 'size', true)).toEqual({ by: 'size', isDown: false })
  expect(nextSort({ by: 'size', isDown: true }, 'name', false)).toEqual({ by: 'name', isDown: false })
  for (const text of ['name', '-size']) expect(textOfSort(sortOfText(text))).toBe(text)
})
