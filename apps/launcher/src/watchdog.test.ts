import { expect, test } from 'vitest'
import { backOffMs } from './watchdog.ts'

test('a first crash is followed by an immediate start, further ones by growing waits of at most 30 s', () => {
  const waits = Array.from({ length: 10 }, (_, crashes) => backOffMs(crashes))
  expect(waits).toEqual([0, 0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
})
