import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { TransactionHold } from './hold.ts'

let isFrozen = false
let hold: TransactionHold
let log: string[]

beforeEach(() => {
  vi.useFakeTimers()
  isFrozen = false
  hold = new TransactionHold(() => isFrozen)
  log = []
})
afterEach(() => {
  vi.useRealTimers()
})

const waits = (name: string, transactionId?: string) =>
  hold.wait(transactionId).then(
    () => log.push(name),
    (cause) => log.push(`${name}: ${cause.code}`),
  )

test('one transaction holds the database, and others do not write until it ends', () => {
  expect(hold.take('a', false)).toBe(true)
  expect(hold.take('a', false)).toBe(true)
  expect(hold.take('b', false)).toBe(false)
  expect(hold.blocks).toBe(true)
  expect(hold.inside(() => hold.blocks)).toBe(false)
  hold.release('b')
  expect(hold.blocks).toBe(true)
  hold.release('a')
  expect(hold.blocks).toBe(false)
})

test('writers and transactions continue in the order in which they arrived', async () => {
  hold.take('a', false)
  for (const [name, id] of [['w1'], ['w2'], ['t1', 't1'], ['w3'], ['t2', 't2']]) void waits(name as string, id)
  hold.release('a')
  // A new transaction doesn't overtake them, unless its call already had an effect.
  expect(hold.take('new', false)).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  expect([log, hold.isHeldBy('t1')]).toEqual([['w1', 'w2', 't1'], true])
  hold.release('t1')
  await vi.advanceTimersByTimeAsync(1)
  expect([log, hold.isHeldBy('t2')]).toEqual([['w1', 'w2', 't1', 'w3', 't2'], true])
  expect(hold.take('new', true)).toBe(false)
  hold.release('t2')
  expect(hold.take('new', false)).toBe(true)
})

test('a writer that waits for 15 s is refused', async () => {
  hold.take('a', false)
  void waits('w1')
  void waits('t1', 't1')
  await vi.advanceTimersByTimeAsync(15_000)
  expect(log).toEqual(['w1: transaction_busy', 't1: transaction_busy'])
  hold.release('a')
  await vi.advanceTimersByTimeAsync(1)
  expect(hold.take('b', false)).toBe(true)
})

test('a transaction that ends while it waits stops waiting', async () => {
  hold.take('a', false)
  void waits('t1', 't1')
  expect(hold.concerns('t1')).toBe(true)
  hold.release('t1')
  await vi.advanceTimersByTimeAsync(0)
  expect([log, hold.isHeldBy('a')]).toEqual([['t1'], true])
})

test('no transaction takes the database while a task blocks writes', async () => {
  isFrozen = true
  expect(() => hold.take('a', false)).toThrow()
  void waits('t1', 't1')
  await vi.advanceTimersByTimeAsync(50)
  expect(log).toEqual([])
  isFrozen = false
  await vi.advanceTimersByTimeAsync(50)
  expect([log, hold.isHeldBy('t1')]).toEqual([['t1'], true])
})
