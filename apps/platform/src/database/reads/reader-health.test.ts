import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ReaderHealth } from './reader-health.ts'

/** The ways in which the socket of a reader treats a request. A process that starts has a socket, and doesn't read from it. */
const behaviors = {
  answers: async () => 'run-1',
  refuses: async (): Promise<string> => {
    throw new Error('Network connection lost.')
  },
  'is silent': () => new Promise<string>(() => {}),
}
type Behavior = keyof typeof behaviors

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
  const current: Behavior[] = [...(steps[0] ?? [])]
  const health = new ReaderHealth(current.map((_, reader) => () => behaviors[current[reader] as Behavior]()))
  let last: string | undefined
  for (const step of steps) {
    current.splice(0, step.length, ...step)
    last = await health.find(() => delay(10))
  }
  expect(last).toBe(state)
})
