import { expect, test } from 'vitest'
import { around, localText, parseLocalTime } from './restore-time.ts'

const snapshot = (createdAt: string) => ({ id: createdAt, label: createdAt, createdAt, automatic: false, rows: 0 })
const [first, second, third] = ['2026-01-01T10:00:00.500Z', '2026-01-02T10:00:00.000Z', '2026-01-03T10:00:00.000Z'].map(
  snapshot,
)
const all = [third, first, second] as NonNullable<typeof first>[]

test('a moment means the newest snapshot that is not newer', () => {
  const at = (iso: string) => around(all, Date.parse(iso))
  expect(at('2026-01-02T12:00:00Z')).toEqual({ before: second, after: third })
  expect(at('2026-01-02T10:00:00Z')).toEqual({ before: second, after: third })
  expect(at('2025-12-31T00:00:00Z')).toEqual({ before: undefined, after: first })
  expect(at('2027-01-01T00:00:00Z')).toEqual({ before: third, after: undefined })
})

test('the second in which a snapshot was taken means that snapshot', () => {
  const text = localText(Date.parse(first?.createdAt ?? ''))
  expect(around(all, parseLocalTime(text) ?? 0).before).toEqual(first)
  expect(around(all, parseLocalTime(text.slice(0, 16)) ?? 0).before).toEqual(first)
  expect(parseLocalTime('')).toBeUndefined()
})
