import { afterEach, expect, test, vi } from 'vitest'
import { addContinued, type Continued, findContinued, removeContinued, waitBeside } from './continued.ts'

const NAME = 'acme/main'
const added: [string, Continued][] = []

/** Continues a transaction of a database. */
function add(name: string): Continued | undefined {
  const entry = addContinued(name, { transactionId: `txn_${name}`, keys: [] })
  if (entry) added.push([name, entry])
  return entry
}

afterEach(() => {
  for (const [name, entry] of added.splice(0)) removeContinued(name, entry)
})

test('1,000 calls wait for a continued transaction, and the next one does not run', async () => {
  const entry = add(NAME) as Continued
  const ends: ((answer: string) => void)[] = []
  const call = vi.fn(() => new Promise<string>((resolve) => ends.push(resolve)))
  const calls = Array.from({ length: 1_000 }, () => waitBeside(entry, call))
  expect([call.mock.calls.length, entry.waiting]).toEqual([1_000, 1_000])
  expect(await waitBeside(entry, call)).toBeUndefined()
  expect(call).toHaveBeenCalledTimes(1_000)
  for (const end of ends) end('answered')
  expect(new Set(await Promise.all(calls))).toEqual(new Set(['answered']))
  expect([entry.waiting, await waitBeside(entry, async () => 'later')]).toEqual([0, 'later'])
})

test('a call that fails waits no longer', async () => {
  const entry = add(NAME) as Continued
  await expect(waitBeside(entry, () => Promise.reject(new Error('ended')))).rejects.toThrow('ended')
  expect(entry.waiting).toBe(0)
})

test('a namespace can continue 20 transactions at a time, in different databases', () => {
  for (let i = 0; i < 20; i++) expect(add(`acme/db-${i}`)).toBeDefined()
  expect(add('acme/one-more')).toBeUndefined()
  // A namespace whose name begins alike has its own.
  expect(add('acme-2/db')).toBeDefined()
  const [name, entry] = added[0] as [string, Continued]
  removeContinued(name, entry)
  expect(add('acme/one-more')).toBeDefined()
})

test('a transaction that ended late does not end the next one of its database', () => {
  const first = add(NAME) as Continued
  const second = add(NAME) as Continued
  removeContinued(NAME, first)
  expect(findContinued(NAME)).toBe(second)
})
