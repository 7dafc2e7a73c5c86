import { expect, test } from 'vitest'
import { columnsAt, getColumnOffsets, rowsAt, scrolledTo } from './grid-window.ts'

test('as many rows are made wherever one is, and all in sight are among them', () => {
  for (const scrollTop of [0, 33, 500, 12_345, 3_399_480]) {
    const { from, to } = rowsAt(scrollTop, 520, 34, 100_000)
    expect(to - from).toBe(44)
    expect(from).toBeLessThanOrEqual(scrollTop / 34)
    expect(to).toBeGreaterThanOrEqual(Math.min(100_000, (scrollTop + 520) / 34))
  }
  expect(rowsAt(0, 520, 34, 3)).toEqual({ from: 0, to: 3 })
})

test('small movements make no other rows', () => {
  expect(rowsAt(1000, 520, 34, 100_000)).toEqual(rowsAt(1034, 520, 34, 100_000))
})

test('columns are made where they are in sight, and a little beyond', () => {
  const starts = getColumnOffsets(Array.from({ length: 80 }, () => 100))
  expect(starts.at(-1)).toBe(8000)
  expect(columnsAt(0, 1000, starts)).toEqual({ from: 0, to: 13 })
  expect(columnsAt(4000, 1000, starts)).toEqual({ from: 37, to: 53 })
  expect(columnsAt(250, 1000, starts, { from: 0, to: 13 })).toEqual({ from: 0, to: 13 })
  expect(columnsAt(350, 1000, starts, { from: 0, to: 13 })).toEqual({ from: 0, to: 17 })
  expect(columnsAt(0, 100, getColumnOffsets([100]), { from: 0, to: 13 })).toEqual({ from: 0, to: 1 })
  expect(columnsAt(0, 1000, getColumnOffsets([]))).toEqual({ from: 0, to: 0 })
})

test('only what is not in sight is scrolled to', () => {
  expect(scrolledTo(340, 374, 0, 500)).toBe(0)
  expect(scrolledTo(680, 714, 0, 500)).toBe(214)
  expect(scrolledTo(34, 68, 500, 500)).toBe(34)
})
