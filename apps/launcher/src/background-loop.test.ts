import { expect, test, vi } from 'vitest'
import { BackgroundLoop } from './background-loop.ts'

/** A loop without pauses whose runs the test ends. */
function makeLoop(options: { firstAfterMs?: number } = {}) {
  const runs: { signal: AbortSignal; end: () => void; fail: (cause: Error) => void }[] = []
  const errors: unknown[] = []
  const loop = new BackgroundLoop({
    everyMs: 1,
    ...options,
    work: (signal) => new Promise<void>((end, fail) => runs.push({ signal, end, fail })),
    onError: (cause) => errors.push(cause),
  })
  const started = (count: number) => vi.waitUntil(() => runs.length >= count, { timeout: 60_000 })
  return { loop, runs, errors, started }
}

test('work is repeated, and never runs twice at a time', async () => {
  const { loop, runs, errors, started } = makeLoop()
  loop.start()
  loop.start()
  for (let count = 1; count <= 5; count++) {
    await started(count)
    expect(runs).toHaveLength(count)
    runs[count - 1]?.end()
  }
  const stopped = loop.stop()
  for (const run of runs) run.end()
  await stopped
  expect(errors).toEqual([])
})

test('a run that fails is reported, and the next one follows', async () => {
  const { loop, runs, errors, started } = makeLoop()
  loop.start()
  await started(1)
  runs[0]?.fail(new Error('first'))
  await started(2)
  expect(errors).toEqual([new Error('first')])
  runs[1]?.end()
  await started(3)
  const stopped = loop.stop()
  for (const run of runs) run.end()
  await stopped
})

test('a stop aborts the work, waits for its end and reports no error of it', async () => {
  const { loop, runs, errors, started } = makeLoop({ firstAfterMs: 0 })
  loop.start()
  await started(1)
  expect([loop.signal.aborted, runs[0]?.signal]).toEqual([false, loop.signal])
  let isStopped = false
  const stopped = loop.stop().then(() => {
    isStopped = true
  })
  expect(loop.signal.aborted).toBe(true)
  await new Promise((resolve) => setImmediate(resolve))
  expect(isStopped).toBe(false)
  runs[0]?.fail(new Error('aborted'))
  await stopped
  expect(errors).toEqual([])
  expect(runs).toHaveLength(1)
})

test.each([
  ['before its first run', (loop: BackgroundLoop) => loop.start()],
  ['without a start', () => {}],
])('a loop that is stopped %s ends immediately and never runs', async (_when, prepare) => {
  const { loop, runs } = makeLoop({ firstAfterMs: 3_600_000 })
  prepare(loop)
  await loop.stop()
  loop.start()
  await loop.stop()
  expect(runs).toEqual([])
})
