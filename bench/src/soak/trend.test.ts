import { describe, expect, it } from 'vitest'
import { afterWarmUp, fifths, findTrend, type Sample } from './trend.ts'

const minuteMs = 60_000
const limit = { share: 0.1, least: 5 }

/** Returns one sample a minute. */
const sampled = (count: number, value: (minute: number) => number): Sample[] =>
  Array.from({ length: count }, (_, minute) => ({ atMs: minute * minuteMs, value: value(minute) }))

describe('the trend of a measure', () => {
  it.each<[name: string, value: (minute: number) => number, isFlat: boolean]>([
    ['the same value', () => 500, true],
    ['a leak of 2 MiB a minute', (minute) => 500 + 2 * minute, false],
    ['a leak of 0.1 MiB a minute, below the limit', (minute) => 500 + 0.1 * minute, true],
    ['a measure that falls', (minute) => 500 - 2 * minute, true],
    ['a saw tooth', (minute) => 500 + (minute % 10) * 20, true],
    ['a few outliers at the end', (minute) => (minute >= 57 ? 900 : 500), true],
    ['one step in the middle', (minute) => (minute < 30 ? 500 : 600), false],
    ['growth of a small number below the least growth', (minute) => (minute < 30 ? 20 : 24), true],
    ['growth of a small number above the least growth', (minute) => (minute < 30 ? 20 : 26), false],
  ])('of %s is flat or not', (_, value, isFlat) => {
    expect(findTrend(sampled(60, value), limit).isFlat).toBe(isFlat)
  })

  it.each<[name: string, value: (minute: number) => number, perHour: number]>([
    ['the same value', () => 500, 0],
    ['a leak', (minute) => 500 + 2 * minute, 120],
    ['a leak that outliers hide', (minute) => (minute % 7 === 0 ? 900 : 500 + 2 * minute), 120],
    ['a measure that falls', (minute) => 500 - 2 * minute, -120],
    ['a few outliers at the end', (minute) => (minute >= 57 ? 900 : 500), 0],
  ])('of %s has its slope', (_, value, perHour) => {
    expect(findTrend(sampled(60, value), limit).perHour).toBeCloseTo(perHour, 6)
  })

  it('reports the medians of both fifths and the highest value', () => {
    const trend = findTrend(
      sampled(10, (minute) => (minute === 5 ? 99 : minute)),
      limit,
    )
    expect(trend).toMatchObject({ first: 0, last: 8, highest: 99 })
  })

  it('of one sample is flat', () => {
    expect(findTrend([{ atMs: 1, value: 7 }], limit)).toEqual({
      first: 7,
      last: 7,
      highest: 7,
      perHour: 0,
      isFlat: true,
    })
  })
})

describe('parts of a run', () => {
  it('leave out the warm-up', () => {
    expect(
      afterWarmUp(
        sampled(5, () => 1),
        2 * minuteMs,
      ).map(({ atMs }) => atMs / minuteMs),
    ).toEqual([3, 4])
  })

  it.each([
    [1, 1],
    [4, 1],
    [10, 2],
    [14, 2],
  ])('of %i samples contain %i each', (count, size) => {
    const parts = fifths(Array.from({ length: count }, (_, index) => index))
    expect(parts.map(({ length }) => length)).toEqual([size, size])
    expect(parts.map((part) => part.at(-1))).toEqual([size - 1, count - 1])
  })
})
