import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NOT_BILLED, toBill } from '../../../namespace/ledger/storage-due.ts'
import { type DaySamples, NO_SAMPLES, observe, takeSample } from './day-samples.ts'

const MB = 1_000_000
const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
const START = Date.parse('2026-11-01T00:00:00Z')
const toDay = (day: number) => new Date(START + day * DAY).toISOString().slice(0, 10)

/** A database and its namespace. Only what a real one writes to disk survives a step. */
class Model {
  samples: DaySamples = NO_SAMPLES
  billed = NOT_BILLED
  day = 0
  bill: number[] = [0]

  /** The database is measured with this size. */
  size(bytes: number) {
    this.samples = observe(this.samples, bytes, START + this.day * DAY + HOUR)
  }

  report(days = this.samples.days) {
    const { billed, dueByteHours } = toBill(this.billed, this.#period, days)
    this.billed = billed
    this.bill[this.day] = (this.bill[this.day] ?? 0) + dueByteHours
  }

  close(bytes: number) {
    this.samples = takeSample(this.samples, bytes, toDay(this.day))
    this.report()
    this.billed = NOT_BILLED
    this.day++
    this.bill.push(0)
  }

  get #period() {
    return { startMs: START + this.day * DAY, endMs: START + (this.day + 1) * DAY }
  }

  /** The bytes billed for each day. */
  get bytes() {
    return this.bill.map((byteHours) => byteHours / 24 / MB)
  }
}

type Step = number | 'report' | 'lost report' | 'old report' | { close: number }

function run(steps: readonly Step[]): Model {
  const model = new Model()
  let old = model.samples.days
  for (const step of steps) {
    if (typeof step === 'number') model.size(step * MB)
    else if (typeof step === 'object') model.close(step.close * MB)
    else if (step === 'report') model.report()
    else if (step === 'old report') model.report(old)
    if (step === 'lost report') old = model.samples.days
  }
  return model
}

describe('the bill of a day', () => {
  test.each<[string, Step[], number[]]>([
    ['is the sample of its end', [50, { close: 60 }, { close: 70 }], [60, 70]],
    ['counts growth by more than 100 MB that is gone at its end', [1_000, 'report', 0, { close: 0 }], [1_000]],
    ['counts growth that was never reported before its end', [1_000, 0, { close: 0 }], [1_000]],
    [
      'counts growth once: samples are not added up',
      [500, 'report', 0, 900, 'report', 0, 'report', { close: 300 }],
      [900],
    ],
    ['is raised by a larger sample at its end', [500, 'report', { close: 550 }], [550]],
    ['stays at a larger sample of the day', [500, 'report', 200, { close: 200 }], [500]],
    ['does not count growth of 100 MB', [100, 0, { close: 0 }], [0]],
    ['counts growth in small steps', [60, 'report', 120, 'report', 0, { close: 0 }], [120]],
    [
      'counts growth above the lowest size since the last sample',
      [{ close: 1_000 }, 0, 900, 'report', 0, { close: 0 }],
      [1_000, 900],
    ],
    ['does not count what the day began with', [{ close: 1_000 }, 1_050, 0, 'report', { close: 0 }], [1_000, 0]],
    [
      'does not grow by repeated and late reports',
      [800, 'report', 'report', 'lost report', 300, 'old report', { close: 300 }],
      [800],
    ],
    [
      'is not raised by a late report of the day before',
      [800, 'lost report', { close: 0 }, 'old report', 'report', { close: 0 }],
      [800, 0],
    ],
    ['is billed before its end, so that a deleted database has paid', [700, 'report'], [700]],
    [
      'counts a sample of the next day for that day only',
      [{ close: 0 }, 400, 'report', 0, { close: 0 }, { close: 0 }],
      [0, 400, 0],
    ],
  ])('%s', (_, steps, expected) => {
    expect(run(steps).bytes.slice(0, expected.length)).toEqual(expected)
  })

  test('is its largest sample in every order of sizes, reports, losses and closes', () => {
    const size = fc.integer({ min: 0, max: 2_000 })
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 4, arbitrary: size },
      fc.constantFrom<Step>('report', 'lost report', 'old report'),
      size.map((close) => ({ close })),
    )
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        // The same rule, worked out from all sizes of the day.
        const expected: number[] = []
        let [low, peak] = [0, 0]
        for (const entry of steps) {
          if (typeof entry === 'number') {
            if (entry > low + 100) peak = Math.max(peak, entry)
            low = entry > low + 100 ? entry : Math.min(low, entry)
          } else if (typeof entry === 'object') {
            expected.push(Math.max(peak, entry.close))
            low = entry.close
            peak = 0
          }
        }
        expect(run(steps).bytes.slice(0, expected.length)).toEqual(expected)
      }),
    )
  })
})

describe('a period', () => {
  const sample = (day: number, bytes: number) => ({ day: toDay(day), bytes })
  test.each([
    [
      'of a new database has only full hours',
      { startMs: START + 14.5 * HOUR, endMs: START + DAY },
      [sample(0, 10)],
      90,
    ],
    ['of less than an hour is free', { startMs: START + 23.5 * HOUR, endMs: START + DAY }, [sample(0, 10)], 0],
    [
      'of several days is billed as one day',
      { startMs: START, endMs: START + 3 * DAY },
      [sample(0, 10), sample(2, 5)],
      240,
    ],
    [
      'ignores samples outside of it',
      { startMs: START + DAY, endMs: START + 2 * DAY },
      [sample(0, 10), sample(2, 5)],
      0,
    ],
  ])('%s', (_, period, samples, byteHours) => {
    expect(toBill(NOT_BILLED, period, samples).dueByteHours).toBe(byteHours)
  })
})
