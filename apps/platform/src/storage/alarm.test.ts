import { expect, test } from 'vitest'
import { KeptAlarm, retryDelayMs } from './alarm.ts'

/** A keeper that records calls, and answers each one when the test says so. */
function keeper() {
  const calls: (number | 'clear')[] = []
  const answers: { resolve: () => void; reject: (cause: Error) => void }[] = []
  const answer = (call: number | 'clear') =>
    new Promise<void>((resolve, reject) => {
      calls.push(call)
      answers.push({ resolve, reject })
    })
  const waits: number[] = []
  const alarm = new KeptAlarm({ set: answer, clear: () => answer('clear') }, async (ms) => void waits.push(ms))
  const settle = async (failure?: Error) => {
    const next = answers.shift()
    if (failure) next?.reject(failure)
    else next?.resolve()
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
  return { alarm, calls, waits, settle }
}

test('is sent immediately, and not again for the same or a later time', async () => {
  const { alarm, calls, settle } = keeper()
  alarm.set(500)
  expect(calls).toEqual([500])
  alarm.set(500)
  alarm.set(900)
  await settle()
  alarm.set(700)
  expect(calls).toEqual([500])
  alarm.set(300)
  expect(calls).toEqual([500, 300])
})

test('calls follow one another, and only the last time of several is sent', async () => {
  const { alarm, calls, settle } = keeper()
  await alarm.clear()
  alarm.set(900)
  alarm.set(800)
  expect(calls).toEqual(['clear'])
  await settle()
  expect(calls).toEqual(['clear', 800])
  await settle()
  expect(calls).toEqual(['clear', 800])
})

test('a failed call is repeated with growing delays, with the newest time', async () => {
  const { alarm, calls, waits, settle } = keeper()
  alarm.set(900)
  await settle(new Error('down'))
  await settle(new Error('down'))
  alarm.set(400)
  await settle(new Error('down'))
  await settle()
  expect(calls).toEqual([900, 900, 900, 400])
  expect(waits).toEqual([2_000, 4_000, 8_000])
  alarm.set(300)
  await settle(new Error('down'))
  expect(waits.at(-1)).toBe(2_000)
})

test('a wake-up returns the next time instead of sending it', async () => {
  const { alarm, calls, settle } = keeper()
  alarm.set(100)
  await settle()
  let end = () => {}
  const work = new Promise<void>((resolve) => {
    end = resolve
  })
  const woken = alarm.during(
    () => work,
    () => 700,
  )
  alarm.set(700)
  await alarm.clear()
  end()
  expect(await woken).toBe(700)
  alarm.set(800)
  expect(calls).toEqual([100])
  alarm.set(600)
  expect(calls).toEqual([100, 600])
})

test('a wake-up that fails leaves the time to the keeper, which repeats it', async () => {
  const { alarm, calls, settle } = keeper()
  alarm.set(100)
  await settle()
  const failing = alarm.during(
    () => Promise.reject(new Error('broken')),
    () => 700,
  )
  await expect(failing).rejects.toThrow('broken')
  alarm.set(900)
  expect(calls).toEqual([100])
})

test('an alarm that is handed over is not sent, and an earlier one is', async () => {
  const { alarm, calls, settle } = keeper()
  alarm.set(100)
  await settle()
  expect(alarm.handOver(() => 700)).toBe(700)
  alarm.set(800)
  expect(calls).toEqual([100])
  alarm.set(600)
  expect(calls).toEqual([100, 600])
  await settle()
  expect(alarm.handOver(() => undefined)).toBeUndefined()
  alarm.set(900)
  expect(calls).toEqual([100, 600, 900])
})

test('delays double up to 1 h', () => {
  expect([0, 1, 2, 10, 11, 1_000].map(retryDelayMs)).toEqual([2_000, 4_000, 8_000, 2_048_000, 3_600_000, 3_600_000])
})
