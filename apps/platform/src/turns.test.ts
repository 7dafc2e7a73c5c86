import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { noteRequest, Turns } from './turns.ts'

const waits: number[] = []
let nowMs = 0
let isBusy = false

beforeEach(() => {
  waits.length = 0
  nowMs = 1_000
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
  vi.stubGlobal('setTimeout', (run: () => void, ms: number) => {
    waits.push(ms)
    if (isBusy && ms === 0) noteRequest()
    nowMs += ms
    run()
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

async function turn(turns: Turns, ms: number): Promise<number[]> {
  waits.length = 0
  nowMs += ms
  await turns.next()
  return [...waits]
}

test('while others send requests, a pause is as long as the turn before it, up to 50 ms', async () => {
  isBusy = true
  const turns = new Turns()
  expect(await turn(turns, 8)).toEqual([0, 8])
  expect(await turn(turns, 3)).toEqual([0, 3])
  expect(await turn(turns, 400)).toEqual([0, 50])
})

test('work that is alone does not pause', async () => {
  isBusy = false
  noteRequest()
  const turns = new Turns()
  expect(await turn(turns, 8)).toEqual([0])
  expect(await turn(turns, 400)).toEqual([0])
})

test('a request that arrives in a pause causes another one', async () => {
  isBusy = true
  const turns = new Turns()
  expect(await turn(turns, 8)).toEqual([0, 8])
  isBusy = false
  noteRequest()
  expect(await turn(turns, 8)).toEqual([0, 8])
  expect(await turn(turns, 8)).toEqual([0])
})

test('a turn is over after 2 ms of work, without the time that its work waited', () => {
  const turns = new Turns()
  nowMs += 1
  expect(turns.isOver).toBe(false)
  nowMs += 1
  expect(turns.isOver).toBe(true)
  turns.begin()
  expect(turns.isOver).toBe(false)
})

test('the pauses of work with a time limit end with the time for them', async () => {
  isBusy = true
  const turns = new Turns(30)
  expect(await turn(turns, 20)).toEqual([0, 20])
  expect(await turn(turns, 20)).toEqual([0, 10])
  expect(await turn(turns, 20)).toEqual([0])
})
