import { expect, test } from 'vitest'
import { parseKeep, parseManifestTime, selectKept } from './retention.ts'

const hour = 3_600_000
/** A Sunday. */
const now = Date.parse('2026-11-29T22:30:00Z')
const ago = (hours: number) => now - hours * hour

test.each([
  ['24h,7d,4w', [24, 7, 4], ['h', 'd', 'w']],
  ['1d', [1], ['d']],
  ['4w, 24h', [4, 24], ['w', 'h']],
])('%s is read', (text, counts, units) => {
  expect(parseKeep(text).map(({ count }) => count)).toEqual(counts)
  expect(parseKeep(text).map(({ unit }) => unit)).toEqual(units)
})

test.each(['', 'h', '24', '24h,', '24h 7d', '-1d', '0d', '1.5d', '7m', '7D', '24h,12h', '100000h', 'all'])(
  '%j is refused with an example',
  (text) => {
    expect(() => parseKeep(text)).toThrow(/^Invalid value ".*" of --keep\. Expected .*, such as 24h,7d,4w\.$/)
  },
)

const iso = (times: Iterable<number>) => [...times].sort().map((time) => new Date(time).toISOString().slice(0, 16))

test.each<[what: string, keep: string, times: string[], kept: string[]]>([
  ['nothing without backups', '24h', [], []],
  ['the newest, however old', '24h', ['2020-01-01T00:00', '2020-01-02T00:00'], ['2020-01-02T00:00']],
  [
    'the newest of each hour, the current one included',
    '2h',
    ['2026-11-29T20:59', '2026-11-29T21:00', '2026-11-29T21:45', '2026-11-29T22:00', '2026-11-29T22:15'],
    ['2026-11-29T21:45', '2026-11-29T22:15'],
  ],
  [
    'the newest of each day in UTC',
    '2d',
    ['2026-11-27T23:59', '2026-11-28T00:00', '2026-11-28T23:59', '2026-11-29T00:00', '2026-11-29T01:00'],
    ['2026-11-28T23:59', '2026-11-29T01:00'],
  ],
  [
    'the newest of each week from Monday',
    '2w',
    ['2026-11-15T23:59', '2026-11-16T00:00', '2026-11-22T23:59', '2026-11-23T00:00', '2026-11-29T00:00'],
    ['2026-11-22T23:59', '2026-11-29T00:00'],
  ],
  [
    'what any rule keeps',
    '1h,2d,2w',
    [
      '2026-11-20T10:00',
      '2026-11-21T10:00',
      '2026-11-28T09:00',
      '2026-11-28T10:00',
      '2026-11-29T21:00',
      '2026-11-29T22:00',
    ],
    ['2026-11-21T10:00', '2026-11-28T10:00', '2026-11-29T22:00'],
  ],
  [
    'backups in the future besides the rules',
    '1d',
    ['2026-11-29T10:00', '2026-11-29T11:00', '2026-12-24T00:00', '2027-01-01T00:00'],
    ['2026-11-29T11:00', '2026-12-24T00:00', '2027-01-01T00:00'],
  ],
])('keeps %s', (_what, keep, times, kept) => {
  const parsed = times.map((time) => Date.parse(`${time}Z`))
  expect(iso(selectKept(parsed, parseKeep(keep), now))).toEqual(kept)
  expect(iso(selectKept(parsed.reverse(), parseKeep(keep), now))).toEqual(kept)
})

test('backups every 15 minutes for 60 days leave 24 hours, 7 days and 4 weeks', () => {
  const rules = parseKeep('24h,7d,4w')
  const all: number[] = []
  let left: number[] = []
  for (let time = ago(60 * 24); time <= now; time += hour / 4) {
    all.push(time)
    left = [...selectKept([...left, time], rules, time)]
    expect(left).toContain(time)
  }
  // Pruning after each backup keeps what pruning once at the end would keep.
  expect(iso(left)).toEqual(iso(selectKept(all, rules, now)))
  // Of 24 hours, 7 days and 4 weeks, the current hour is also the newest of its day and week, and so on.
  expect(left).toHaveLength(24 + 5 + 3)
})

test.each([
  ['backups/2026-11-29T22-30-00Z.json', now],
  ['backups/2026-11-29T22-30-00.500Z.json', now + 500],
  ['backups/2026-11-29T22-30-00Z.json.gz', now],
  ['backups/2026-11-29T22-30-00Z.json.xz', undefined],
  ['backups/2026-11-29T22:30:00Z.json', undefined],
  ['backups/2026-13-29T22-30-00Z.json', undefined],
  ['files/2026-11-29T22-30-00Z.json', undefined],
])('the name %s gives the time %s', (name, time) => {
  expect(parseManifestTime(name)).toBe(time)
})
