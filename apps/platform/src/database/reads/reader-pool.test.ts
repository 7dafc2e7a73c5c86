import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ReaderPool } from './reader-pool.ts'

beforeEach(() => vi.stubGlobal('scheduler', { wait: (ms: number) => delay(ms) }))
afterEach(() => vi.unstubAllGlobals())

/** What the socket of a reader does with a request: a process that starts has a socket, and doesn't read from it. */
const behaviors = {
  answers: async () => new Response('run-1'),
  refuses: async (): Promise<Response> => {
    throw new Error('Network connection lost.')
  },
  'is silent': () => new Promise<Response>(() => {}),
}
type Behavior = keyof typeof behaviors

function makePool(count: number) {
  const current: Behavior[] = Array.from({ length: count }, () => 'refuses')
  const readers = current.map((_, index) => ({ fetch: () => behaviors[current[index] as Behavior]() }))
  const pool = new ReaderPool(readers as unknown as Fetcher[], undefined as unknown as Fetcher)
  const findState = (...next: Behavior[]) => {
    current.splice(0, count, ...next)
    return pool.findState(10)
  }
  return { findState }
}

test.each<[state: string, steps: Behavior[][]]>([
  ['starting', [['refuses']]],
  ['starting', [['is silent']]],
  ['starting', [['is silent', 'refuses']]],
  ['ok', [['answers']]],
  ['ok', [['is silent', 'answers']]],
  ['ok', [['refuses', 'answers']]],
  // It runs a read.
  ['ok', [['answers'], ['is silent']]],
  ['down', [['answers'], ['refuses']]],
  [
    'down',
    [
      ['answers', 'refuses'],
      ['refuses', 'is silent'],
    ],
  ],
  ['ok', [['answers'], ['refuses'], ['answers']]],
])('the state is %s after readers did %j', async (state, steps) => {
  const { findState } = makePool(steps[0]?.length ?? 0)
  let last: string | undefined
  for (const step of steps) last = await findState(...step)
  expect(last).toBe(state)
})
