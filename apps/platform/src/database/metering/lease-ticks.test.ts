import { expect, test } from 'vitest'
import { countTicksUntilDue, findDue } from './lease-ticks.ts'

test('a database in use reports every 4 ticks', () => {
  expect([1, 2, 3, 4].map((sinceReport) => findDue({ idle: 0, sinceReport }))).toEqual([
    ...[undefined, undefined, undefined],
    'report',
  ])
})

test('a database without calls returns its credit after 8 ticks, and reports only calls before it was idle', () => {
  expect(findDue({ idle: 7, sinceReport: 7 })).toBeUndefined()
  expect(findDue({ idle: 8, sinceReport: 8 })).toBe('release')
  expect(findDue({ idle: 4, sinceReport: 9 })).toBeUndefined()
})

test('no tick is needed until something is due', () => {
  const cases = [
    // One call since the last report: the release reports it.
    [{ idle: 1, sinceReport: 1 }, 7],
    [{ idle: 5, sinceReport: 5 }, 3],
    // Calls before the last tick: a report is due first.
    [{ idle: 1, sinceReport: 3 }, 1],
    [{ idle: 1, sinceReport: 2 }, 2],
    [{ idle: 3, sinceReport: 0 }, 5],
  ] as const
  expect(cases.map(([counts]) => countTicksUntilDue(counts))).toEqual(cases.map(([, ticks]) => ticks))
})
