import { expect, test } from 'vitest'
import { percentile } from './percentile.ts'

test.each([
  [[], 0.5, null],
  [[7], 0.5, 7],
  [[7], 0.99, 7],
  [[1, 2], 0.5, 1],
  [[1, 2, 3], 0.5, 2],
  [Array.from({ length: 100 }, (_, i) => i + 1), 0.95, 95],
  [Array.from({ length: 100 }, (_, i) => i + 1), 0.99, 99],
  [Array.from({ length: 10 }, (_, i) => i + 1), 0.95, 10],
] as const)('of %j, %d: %j', (sorted, part, value) => {
  expect(percentile(sorted, part)).toBe(value)
})
