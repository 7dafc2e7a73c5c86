import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { emptyCheckpoint, uuid6 } from '@langchain/langgraph-checkpoint'
import { deltaChannelHistoryTests, validate } from '@langchain/langgraph-checkpoint-validation'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest'
import { PerSQLSaver } from '../../packages/langgraph/src/index.ts'
import { PerSQL } from '../../packages/sdk/src/index.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { graphOn } from './langgraph/graph.ts'
import { bun } from './run-suite.ts'

const here = dirname(fileURLToPath(import.meta.url))
const run = promisify(execFile)
let platform: TestPlatform
let persql: PerSQL
let options: { token: string; baseURL: string }
let count = 0
const fresh = () => persql.database(`acme/saver-${count++}`)

beforeAll(async () => {
  platform = await startPlatform()
  const { token } = await platform.createNamespace('acme')
  options = { token, baseURL: platform.url }
  persql = new PerSQL(options)
})
afterAll(() => platform?.stop())

// LangChain's suite reads these from the global scope.
Object.assign(globalThis, { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test })
const initializer = {
  checkpointerName: '@persql/langgraph on a server',
  createCheckpointer: () => new PerSQLSaver(fresh()),
}
validate(initializer)
deltaChannelHistoryTests(initializer)

test("LangChain's suite passes in local mode", async () => {
  const vitest = join(here, '../../node_modules/vitest/vitest.mjs')
  const config = join(here, 'langgraph/local.config.ts')
  const { stdout } = await run(bun, ['--bun', vitest, 'run', '--config', config, '--reporter', 'json'], {
    maxBuffer: 1e8,
  })
  const { numPassedTests, numTotalTests } = JSON.parse(stdout.slice(stdout.indexOf('{"')))
  expect(numTotalTests).toBeGreaterThan(700)
  expect(numPassedTests).toBe(numTotalTests)
})

async function processes(given: object) {
  const script = join(here, 'langgraph/graph.ts')
  const once = async (answer?: string) => {
    const { stdout } = await run(bun, [script, JSON.stringify([given, answer])])
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  }
  const asked = await once()
  expect(asked).toMatchObject({ steps: ['start', 'draft'], picture: [1, 2, 255], next: ['ask'] })
  const done = await once('yes')
  expect(done).toMatchObject({ steps: ['start', 'draft', 'human: yes', 'send'], picture: [1, 2, 255], next: [] })
  expect(done.pid).not.toBe(asked.pid)
}

test('a graph that waits for a human goes on in another process', async () => {
  await processes(options)
})

test('so it does in local mode, on a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'persql-langgraph-'))
  try {
    await processes({ local: join(folder, 'dev.sqlite') })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('history, time travel and two runs from one checkpoint keep their own values', async () => {
  const graph = graphOn(fresh())
  const config = { configurable: { thread_id: 't' } }
  await graph.invoke({ steps: ['start'] }, config)
  const fork = (await graph.getState(config)).config
  const forks = await Promise.all(['left', 'right'].map((side) => graph.updateState(fork, { steps: [side] }, 'ask')))
  const ends = await Promise.all(forks.map((at) => graph.invoke(null, at)))
  expect(ends.map(({ steps }) => steps)).toEqual([
    ['start', 'draft', 'left', 'send'],
    ['start', 'draft', 'right', 'send'],
  ])
  const history = []
  for await (const { values } of graph.getStateHistory(config)) history.push((values.steps ?? []).join())
  const wanted = [
    '',
    'start',
    'start,draft',
    'start,draft,left',
    'start,draft,right',
    'start,draft,left,send',
    'start,draft,right,send',
  ]
  expect(new Set(history)).toEqual(new Set(wanted))
})

test('a value that does not change is stored once, however many checkpoints have it', async () => {
  const db = fresh()
  const graph = graphOn(db)
  const config = { configurable: { thread_id: 't' } }
  await graph.invoke({ steps: ['start'] }, config)
  const counts = await db.query(
    `SELECT (SELECT count(*) FROM langgraph_checkpoints) AS checkpoints,
       (SELECT count(*) FROM langgraph_values WHERE channel = 'picture') AS pictures`,
  )
  expect(counts.data).toEqual([{ checkpoints: 3, pictures: 1 }])
})

test('the first write creates the tables, also with concurrent writes; before it, reads are empty', async () => {
  const db = fresh()
  const saver = new PerSQLSaver(db)
  expect(await saver.getTuple({ configurable: { thread_id: 't' } })).toBeUndefined()
  await saver.deleteThread('t')
  const metadata = { source: 'input' as const, step: -1, parents: {} }
  await Promise.all(
    Array.from({ length: 5 }, (_, i) =>
      new PerSQLSaver(db).put(
        { configurable: { thread_id: `t${i}` } },
        { ...emptyCheckpoint(), id: uuid6(i) },
        metadata,
        {},
      ),
    ),
  )
  const found = []
  for await (const tuple of saver.list({})) found.push(tuple.config.configurable?.thread_id)
  expect(found.sort()).toEqual(['t0', 't1', 't2', 't3', 't4'])
})

test('lists page by page, by any filter, with more writes than a transaction takes', async () => {
  const saver = new PerSQLSaver(fresh())
  const ids = Array.from({ length: 25 }, (_, i) => uuid6(i)).sort()
  const config = { configurable: { thread_id: 't', checkpoint_ns: '' } }
  for (const [step, id] of ids.entries()) {
    const odd = { "o'dd $.key": step % 2 === 1, nested: { a: [1] } }
    await saver.put(config, { ...emptyCheckpoint(), id }, { source: 'loop', step, parents: {}, ...odd }, {})
  }
  const listed = async (options?: Parameters<typeof saver.list>[1]) => {
    const steps: number[] = []
    for await (const { metadata } of saver.list(config, options)) steps.push(metadata?.step ?? Number.NaN)
    return steps
  }
  expect(await listed()).toEqual(ids.map((_, i) => 24 - i))
  expect(await listed({ limit: 12 })).toHaveLength(12)
  expect(await listed({ limit: 0 })).toEqual([])
  expect(await listed({ filter: { "o'dd $.key": true, nested: { a: [1] } }, limit: 2 })).toEqual([23, 21])
  expect(await listed({ filter: { step: 3 } })).toEqual([3])
  expect(await listed({ filter: { step: '3' } })).toEqual([])
  expect(await listed({ filter: { "o'dd $.key": 1 } })).toEqual([])
  expect(await listed({ before: { configurable: { checkpoint_id: ids[2] } } })).toEqual([1, 0])

  const at = { configurable: { thread_id: 't', checkpoint_ns: '', checkpoint_id: ids[24] } }
  const writes = Array.from({ length: 250 }, (_, i): [string, unknown] => [`channel${i}`, i])
  await saver.putWrites(at, writes, 'task', 'path')
  await saver.putWrites(at, [['channel0', 'again']], 'task', 'path')
  const tuple = await saver.getTuple(at)
  expect(tuple?.pendingWrites?.map(([, , value]) => value)).toEqual(writes.map(([, value]) => value))
  await saver.deleteThread('t')
  expect(await listed()).toEqual([])
})

test('states too large for one answer are listed in smaller pages', async () => {
  const saver = new PerSQLSaver(fresh())
  const config = { configurable: { thread_id: 't' } }
  for (let i = 0; i < 12; i++) {
    const checkpoint = { ...emptyCheckpoint(), id: uuid6(i), channel_values: { big: 'x'.repeat(1_900_000) } }
    const versions = { big: i + 1 }
    await saver.put(
      config,
      { ...checkpoint, channel_versions: versions },
      { source: 'loop', step: i, parents: {} },
      versions,
    )
  }
  let bytes = 0
  for await (const { checkpoint } of saver.list(config)) bytes += (checkpoint.channel_values.big as string).length
  expect(bytes).toBe(12 * 1_900_000)
})
