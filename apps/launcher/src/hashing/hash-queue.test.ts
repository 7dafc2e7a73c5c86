import { expect, test } from 'vitest'
import { HashQueue, QueueFullError, type Turn } from './hash-queue.ts'

const never = () => new AbortController().signal

/** A queue whose hashes end when the test says so. `started` lists them in order. */
function openQueue(slots = 1) {
  const queue = new HashQueue(slots)
  const started: string[] = []
  const ends: (() => void)[] = []
  const results: Promise<string>[] = []
  const add = (lane: Turn['lane'], source: string, { cost = 1, signal = never() } = {}) => {
    const name = `${source}${results.length}`
    const result = queue
      .run(
        { lane, source, cost },
        () => {
          started.push(name)
          return new Promise<void>((resolve) => void ends.push(resolve))
        },
        signal,
      )
      .then(
        () => 'done',
        (cause) => (cause instanceof QueueFullError ? 'refused' : String(cause)),
      )
    results.push(result)
    return result
  }
  /** Ends the hashes that run, until none is left. */
  const finish = async () => {
    for (let end = ends.shift(); end; end = ends.shift()) {
      end()
      await new Promise(setImmediate)
    }
  }
  return { add, finish, started, results: () => Promise.all(results) }
}

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
const countEqual = (names: string[], name: string) => names.filter((each) => each === name).length

test.each([1, 2, 5])(
  '%i slots run that many hashes in parallel, and 16 times as many wait in each lane',
  async (slots) => {
    const { add, finish, started, results } = openQueue(slots)
    times(slots * 17 + 3, () => add('account', 'a'))
    times(slots * 16 + 2, () => add('endpoint', 'e'))
    expect(started).toHaveLength(slots)
    await finish()
    const all = await results()
    expect([countEqual(all, 'done'), countEqual(all, 'refused')]).toEqual([slots * 33, 5])
    expect(started).toHaveLength(slots * 33)
  },
)

test('a lane that fills its queue neither keeps the other out nor makes it wait for more than one turn', async () => {
  const { add, finish, started } = openQueue()
  times(40, (i) => add('endpoint', `db${i % 3}-`))
  const account = add('account', 'ada')
  await finish()
  expect(await account).toBe('done')
  expect(started.findIndex((name) => name.startsWith('ada'))).toBe(1)
})

test('lanes share the time, not the number of hashes', async () => {
  const { add, finish, started } = openQueue()
  add('account', 'first')
  times(8, () => add('endpoint', 'slow', { cost: 8 }))
  times(16, () => add('account', 'quick'))
  await finish()
  const turns = started.flatMap((name, i) => (name.startsWith('slow') ? [i] : []))
  const [first = 0, second = 0, third = 0] = turns
  expect([second - first, third - second]).toEqual([9, 9])
})

test('a lane that was idle has no time to catch up', async () => {
  const { add, finish, started } = openQueue()
  times(17, () => add('account', 'early'))
  await finish()
  started.length = 0
  times(8, () => add('account', 'late'))
  times(8, () => add('endpoint', 'db'))
  await finish()
  const [first, ...rest] = started.map((name) => name.replace(/\d+$/, ''))
  expect(first).toBe('late')
  expect(rest.slice(0, 6).filter((name) => name === 'db')).toHaveLength(3)
})

test('sources of one lane take turns', async () => {
  const { add, finish, started } = openQueue()
  times(6, () => add('account', 'a'))
  times(2, () => add('account', 'b'))
  times(2, () => add('account', 'c'))
  await finish()
  expect(started.map((name) => name[0]).join('')).toBe('aabcabcaaa')
})

test('a full queue refuses the newest hash of the source that has the most', async () => {
  const { add, finish, results } = openQueue()
  times(17, () => add('endpoint', 'busy'))
  times(3, () => add('endpoint', 'other'))
  times(1, () => add('endpoint', 'third'))
  await finish()
  const all = await results()
  expect(all.slice(0, 17)).toEqual([...times(13, () => 'done'), ...times(4, () => 'refused')])
  expect(all.slice(17)).toEqual(times(4, () => 'done'))
})

test('a full queue of equal sources refuses newcomers', async () => {
  const { add, finish, results } = openQueue()
  times(17, (i) => add('endpoint', `db${i}-`))
  add('endpoint', 'late')
  add('endpoint', 'db3-')
  await finish()
  expect((await results()).slice(17)).toEqual(['refused', 'refused'])
})

test('an aborted hash leaves the queue, and its place is free', async () => {
  const { add, finish, started, results } = openQueue()
  const gone = new AbortController()
  add('account', 'a')
  times(16, (i) => add('account', 'b', i === 3 ? { signal: gone.signal } : {}))
  gone.abort(new Error('gone'))
  gone.abort(new Error('again'))
  expect(await add('account', 'c', { signal: gone.signal })).toBe('Error: gone')
  const next = add('account', 'd')
  await finish()
  expect(await next).toBe('done')
  expect(started).not.toContain('b4')
  expect((await results()).filter((result) => result === 'Error: gone')).toHaveLength(2)
})

test('a hash that fails frees its slot', async () => {
  const queue = new HashQueue(1)
  const turn: Turn = { lane: 'account', source: 'a', cost: 1 }
  const failed = queue.run(turn, () => Promise.reject(new Error('no memory')), never())
  const next = queue.run(turn, async () => 'done', never())
  await expect(failed).rejects.toThrow('no memory')
  expect(await next).toBe('done')
})
