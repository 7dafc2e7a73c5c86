import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Log } from '../../log.ts'
import { parseInterval } from './durations.ts'
import { repeatEvery, stopSignal, toDelay } from './repeat.ts'

test.each([
  ['1s', 1_000],
  ['15m', 900_000],
  ['6h', 21_600_000],
  ['24d', 2_073_600_000],
])('the interval %s has %d ms', (text, ms) => {
  expect(parseInterval(text)).toBe(ms)
})

test.each(['', '15', 'm', '0m', '-1m', '1.5h', '15 m', '1w', '25d', '999999999s', '1h30m'])(
  'the interval %j is refused with an example',
  (text) => {
    expect(() => parseInterval(text)).toThrow(/^Invalid interval ".*"\. Expected .*, such as 15m, up to 24d\.$/)
  },
)

const minute = 60_000

test.each<[what: string, tookMs: number, failures: number, delayMs: number]>([
  ['after a short run', 2 * minute, 0, 13 * minute],
  ['after a run that took the whole interval', 15 * minute, 0, 15 * minute],
  ['after a run that missed starts', 40 * minute, 0, 5 * minute],
  ['after a clock that was set back', -60 * minute, 0, 15 * minute],
  ['after 1 failure', minute, 1, minute / 2],
  ['after 2 failures', minute, 2, minute],
  ['after 5 failures', minute, 5, 8 * minute],
  ['after many failures', minute, 50, 14 * minute],
])('the next start %s follows the interval of 15 minutes', (_what, tookMs, failures, delayMs) => {
  expect(toDelay(15 * minute, tookMs, failures)).toBe(delayMs)
})

/** Repeats work with a clock that only waiting and the work move. */
function makeClock() {
  const stopping = new AbortController()
  const logged: unknown[][] = []
  const log: Log = (...entry) => logged.push(entry)
  const clock = { ms: 0 }
  const options = {
    signal: stopping.signal,
    log,
    now: () => clock.ms,
    wait: async (ms: number) => {
      clock.ms += ms
    },
  }
  return { stopping, logged, clock, options }
}

test('work starts immediately, then at each interval, and never twice at a time', async () => {
  const { stopping, clock, options, logged } = makeClock()
  const starts: number[] = []
  let running = 0
  const durations = [1, 14, 20, 40, 1]
  await repeatEvery(
    15 * minute,
    async () => {
      running += 1
      expect(running).toBe(1)
      starts.push(clock.ms / minute)
      await turn()
      clock.ms += (durations[starts.length - 1] ?? 0) * minute
      running -= 1
      if (starts.length === durations.length) stopping.abort()
    },
    options,
  )
  expect(starts).toEqual([0, 15, 30, 60, 105])
  expect(logged).toEqual([])
})

test('failed work is logged, repeated with a growing delay, and returns to the interval', async () => {
  const { stopping, clock, options, logged } = makeClock()
  const starts: number[] = []
  await repeatEvery(
    15 * minute,
    async () => {
      starts.push(clock.ms / minute)
      if (starts.length === 6) stopping.abort()
      if (starts.length <= 4) throw new Error('The disk is full.')
    },
    options,
  )
  expect(starts).toEqual([0, 0.5, 1.5, 3.5, 7.5, 22.5])
  expect(logged[1]).toEqual(['error', 'backup_failed', { error: 'The disk is full.', failures: 2, retryAfterS: 60 }])
  expect(logged).toHaveLength(4)
})

test('stopping aborts the work, waits for it, and logs no failure', async () => {
  const { stopping, options, logged } = makeClock()
  let isCleanedUp = false
  const repeating = repeatEvery(
    minute,
    async (signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      await turn()
      isCleanedUp = true
      throw new Error('The backup was stopped.')
    },
    options,
  )
  await turn()
  stopping.abort()
  await repeating
  expect(isCleanedUp).toBe(true)
  expect(logged).toEqual([])
})

test('stopping ends the wait for the next start', async () => {
  const stopping = new AbortController()
  let runs = 0
  const work = async () => {
    runs += 1
  }
  const repeating = repeatEvery(24 * 60 * minute, work, { signal: stopping.signal, log: () => {} })
  await turn()
  stopping.abort()
  await repeating
  expect(runs).toBe(1)
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s stops, and leaves the next signal to the system', async (name) => {
  const before = process.listenerCount(name)
  const signal = stopSignal()
  expect(process.listenerCount(name)).toBe(before + 1)
  process.emit(name)
  expect(signal.aborted).toBe(true)
  expect(process.listenerCount(name)).toBe(before)
})
