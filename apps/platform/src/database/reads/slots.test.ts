import { PerSQLError } from '@persql/contract'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Penalties } from './penalties.ts'
import { ReaderSlots, type Slot } from './slots.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const noCheck = () => {}

/** Asks for a reader, and records it when it is there. */
function ask(slots: ReaderSlots, namespace: string, database = 'main') {
  const asked: { slot?: Slot; code?: string } = {}
  slots.acquire(namespace, database, noCheck).then(
    (slot) => {
      asked.slot = slot
    },
    (cause) => {
      asked.code = PerSQLError.from(cause).code
    },
  )
  return asked
}

test('a database runs one read at a time, and a namespace leaves a reader to others', async () => {
  const slots = new ReaderSlots(3)
  const [first, same, second, third] = [ask(slots, 'a'), ask(slots, 'a'), ask(slots, 'a', 'b'), ask(slots, 'a', 'c')]
  await vi.advanceTimersByTimeAsync(500)
  expect([first, same, second, third].map(({ slot }) => slot !== undefined)).toEqual([true, false, true, false])
  const other = ask(slots, 'other')
  await vi.advanceTimersByTimeAsync(100)
  expect(other.slot).toBeDefined()
  first.slot?.release()
  await vi.advanceTimersByTimeAsync(100)
  expect([same, third].filter(({ slot }) => slot)).toHaveLength(1)
})

test('reads that wait have their turns as soon as a reader is free, in the order of their arrival', async () => {
  const slots = new ReaderSlots(2)
  const reads = Array.from({ length: 20 }, () => ask(slots, 'a'))
  await vi.advanceTimersByTimeAsync(0)
  for (const [i, { slot }] of reads.entries()) {
    expect(slot, `read ${i}`).toBeDefined()
    expect(reads[i + 1]?.slot).toBeUndefined()
    slot?.release()
    await vi.advanceTimersByTimeAsync(0)
  }
})

test('a namespace with fewer running reads comes before one that waited longer', async () => {
  const slots = new ReaderSlots(3)
  const [running, others] = [ask(slots, 'a'), [ask(slots, 'b'), ask(slots, 'c')]]
  await vi.advanceTimersByTimeAsync(10)
  const second = ask(slots, 'a', 'second')
  await vi.advanceTimersByTimeAsync(100)
  const late = ask(slots, 'd')
  await vi.advanceTimersByTimeAsync(100)
  others[0]?.slot?.release()
  await vi.advanceTimersByTimeAsync(100)
  expect([running, second, late].map(({ slot }) => slot !== undefined)).toEqual([true, false, true])
})

test('a read waits for 10 s at most, and only 100 reads of a namespace wait', async () => {
  const slots = new ReaderSlots(1)
  ask(slots, 'a')
  const waiting = Array.from({ length: 100 }, (_, i) => ask(slots, 'a', `db-${i}`))
  await vi.advanceTimersByTimeAsync(50)
  const [tooMany, other] = [ask(slots, 'a', 'more'), ask(slots, 'b')]
  await vi.advanceTimersByTimeAsync(300)
  expect([tooMany.code, other.code, waiting[0]?.code]).toEqual(['too_busy', undefined, undefined])
  await vi.advanceTimersByTimeAsync(11_000)
  expect(new Set(waiting.map(({ code }) => code))).toEqual(new Set(['too_busy']))
})

test('a client that repeats a refused read immediately gets 4 refusals per second', async () => {
  const slots = new ReaderSlots(1)
  for (let i = 0; i < 101; i++) ask(slots, 'a', `db-${i}`)
  await vi.advanceTimersByTimeAsync(0)
  let refusals = 0
  const repeat = async () => {
    while (refusals < 1_000) {
      await slots.acquire('a', 'more', noCheck).catch(() => refusals++)
    }
  }
  void repeat()
  await vi.advanceTimersByTimeAsync(2_000)
  expect(refusals).toBe(8)
  refusals = 1_000
})

test('a reader is free again after its read failed, and a check ends the wait', async () => {
  const slots = new ReaderSlots(1)
  const first = ask(slots, 'a')
  await vi.advanceTimersByTimeAsync(1)
  let isEnded = false
  const ended = slots.acquire('b', 'main', () => {
    if (isEnded) throw new PerSQLError('query_canceled')
  })
  const outcome = ended.catch((cause) => cause.code)
  isEnded = true
  await vi.advanceTimersByTimeAsync(300)
  expect(await outcome).toBe('query_canceled')
  first.slot?.release('run-1')
  first.slot?.release('run-1')
  expect(slots.ended).toEqual(['run-1'])
  const next = ask(slots, 'c')
  await vi.advanceTimersByTimeAsync(100)
  expect(next.slot?.reader).toBe(0)
})

test('a caller waits 1 s, 10 s and then 60 s after stopped reads, and again 1 s after a calm time', () => {
  const penalties = new Penalties()
  const wait = () => {
    try {
      penalties.assertMayRead('tok')
      return 0
    } catch (cause) {
      return Number(PerSQLError.from(cause).details.seconds)
    }
  }
  for (const seconds of [1, 10, 60, 60]) {
    penalties.stopped('tok')
    expect(wait()).toBe(seconds)
    expect(() => penalties.assertMayRead('other')).not.toThrow()
    vi.advanceTimersByTime(seconds * 1000)
    expect(wait()).toBe(0)
  }
  vi.advanceTimersByTime(600_000)
  penalties.stopped('tok')
  expect(wait()).toBe(1)
})
