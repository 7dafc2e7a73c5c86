import { expect, test } from 'vitest'
import { backOffMs } from './restarts.ts'

test('restarts immediately after the first crash, and with increasing delays of at most 30 s after others', () => {
  const waits = Array.from({ length: 10 }, (_, crashes) => backOffMs(crashes))
  expect(waits).toEqual([0, 0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
})
