import { describe, expect, test } from 'vitest'
import { StorageBill } from './storage-bill.ts'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
const START = Date.parse('2026-11-01T00:00:00Z')
const toDay = (day: number) => new Date(START + day * DAY).toISOString().slice(0, 10)
const database = { id: 'db_1', slug: 'main' }

/** A namespace with one database. Its stored state survives a crash; an interrupted transaction leaves no trace. */
function namespace(createdMs = START) {
  let state = {
    kv: new Map<string, unknown>(),
    sampledAt: createdMs as number | undefined,
    billed: [] as number[],
    day: 0,
  }
  const bill = new StorageBill({
    kv: {
      get: <T>(key: string) => state.kv.get(key) as T | undefined,
      put: (key, value) => void state.kv.set(key, value),
      delete: (key) => state.kv.delete(key),
    },
    databases: {
      getSampledAt: () => state.sampledAt,
      markSampled: (_, atMs) => {
        state.sampledAt = atMs
      },
    },
    ledger: () => ({
      day: toDay(state.day),
      debitStorage: (_id, _slug, byteHours) => {
        state.billed[state.day] = (state.billed[state.day] ?? 0) + byteHours
      },
    }),
  })
  const sample = (day: number, bytes: number) => ({ day: toDay(day), bytes })
  const steps = {
    /** A report with the largest sample of each day. */
    report: (...days: readonly [number, number][]) => {
      const samples = days.map(([day, bytes]) => sample(day, bytes))
      const before = state.billed[state.day] ?? 0
      const isRaised = bill.isRaisedBy(database, samples)
      bill.raise(database, samples)
      expect((state.billed[state.day] ?? 0) > before).toBe(isRaised)
    },
    /** The close of a database's period at the end of a day. */
    close: (day: number, bytes: number) => bill.close(database, START + (day + 1) * DAY, [sample(day, bytes)]),
    /** The close of the day in the ledger, after all databases. */
    nextDay: () => {
      state.day++
    },
    /** A step whose transaction is interrupted. */
    crash: (step: () => void) => {
      const kept = { ...state, kv: new Map(state.kv), billed: [...state.billed] }
      step()
      state = kept
    },
    remove: () => {
      state.sampledAt = undefined
      bill.forget(database.id)
    },
    late: (days: number) => {
      state.day += days
    },
  }
  return { steps, billed: () => state.billed.map((byteHours) => byteHours / 24), kv: () => state.kv.size }
}

type Steps = ReturnType<typeof namespace>['steps']

describe('storage', () => {
  test.each<[string, (steps: Steps) => void, number[]]>([
    ['is billed at the close of a day', ({ close }) => close(0, 500), [500]],
    ['of a sample is billed immediately', ({ report }) => report([0, 500]), [500]],
    ['is billed once for a day with a sample', (s) => [s.report([0, 500]), s.close(0, 500)], [500]],
    ['is billed for the larger of sample and close', (s) => [s.report([0, 500]), s.close(0, 700)], [700]],
    ['is billed for the larger of close and sample', (s) => [s.report([0, 700]), s.close(0, 0)], [700]],
    [
      'is billed for the largest of several samples',
      (s) => [s.report([0, 5]), s.report([0, 9]), s.report([0, 7])],
      [9],
    ],
    ['is billed once for a repeated report', (s) => [s.report([0, 5]), s.report([0, 5]), s.report([0, 5])], [5]],
    ['is billed once if the close is repeated', (s) => [s.close(0, 5), s.close(0, 5), s.close(0, 9)], [5]],
    ['is billed after a close was interrupted', (s) => [s.crash(() => s.close(0, 5)), s.close(0, 5)], [5]],
    ['is billed after a report was interrupted', (s) => [s.crash(() => s.report([0, 5])), s.close(0, 5)], [5]],
    ['of a deleted database stays billed', (s) => [s.report([0, 5]), s.remove(), s.report([0, 9]), s.close(0, 9)], [5]],
    [
      'is not billed again by a late report of a closed day',
      (s) => [s.report([0, 5]), s.close(0, 5), s.report([0, 5]), s.nextDay(), s.report([0, 5]), s.close(1, 1)],
      [5, 1],
    ],
    [
      'of the new day waits while the old one is open in the ledger',
      (s) => [s.close(0, 5), s.report([0, 5], [1, 9]), s.nextDay(), s.report([0, 5], [1, 9]), s.close(1, 2)],
      [5, 9],
    ],
    [
      'of the new day is billed for it, though its sample arrives before the close of the old one',
      (s) => [s.report([0, 5], [1, 9]), s.close(0, 6), s.nextDay(), s.report([0, 6], [1, 9]), s.close(1, 0)],
      [6, 9],
    ],
    [
      'is billed for one day after the instance was off for three',
      (s) => [s.report([0, 5]), s.late(3), s.close(2, 5)],
      [5],
    ],
    [
      'of a database that missed a close is billed with the next one',
      (s) => [s.nextDay(), s.report([1, 5]), s.close(1, 4), s.nextDay(), s.close(2, 3)],
      [0, 5, 3],
    ],
  ])('%s', (_, run, expected) => {
    const { steps, billed } = namespace()
    run(steps)
    expect(Array.from(billed(), (bytes) => bytes ?? 0).slice(0, expected.length)).toEqual(expected)
    const total = billed().reduce((sum, bytes) => sum + bytes, 0)
    expect(total).toBe(expected.reduce((sum, bytes) => sum + bytes, 0))
  })

  test('of a new database is billed for the full hours of its first day', () => {
    const { steps, billed, kv } = namespace(START + 14.5 * HOUR)
    steps.report([0, 240])
    expect(billed()).toEqual([90])
    steps.close(0, 480)
    expect(billed()).toEqual([180])
    expect(kv()).toBe(0)
    steps.nextDay()
    steps.close(1, 480)
    expect(billed()).toEqual([180, 480])
  })
})
