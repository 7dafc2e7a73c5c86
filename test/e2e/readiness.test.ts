import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { hasReaders } from '../reader-count.ts'

const MB = 1024 * 1024
const ROOM = { freeBytes: 5_000 * MB, reserveBytes: 1_000 * MB }

let platform: TestPlatform
beforeEach(async () => {
  platform = await startPlatform({
    readers: 2,
    hashing: 'socket',
    environment: { FLOOD_PER_MINUTE: '20', QUERY_TIMEOUT_S: '5' },
  })
})
afterEach(() => platform.stop())

const setDisk = (freeBytes: number) =>
  platform.request('/api/launcher/disk', { body: { ...ROOM, freeBytes }, token: platform.secret })
const ready = async () => {
  const { status, body } = await platform.request('/readyz')
  return { status, ...body }
}
/** Asks until the instance has this status: results are kept for a second, and processes take time to start. */
async function becomes(status: number) {
  for (;;) {
    const found = await ready()
    if (found.status === status) return found
    await delay(50)
  }
}
const all = { status: 200, ok: true, objects: 'ok', disk: 'ok', ...(hasReaders && { readers: 'ok' }), hashing: 'ok' }

interface Case {
  readonly what: string
  readonly break: () => Promise<unknown>
  readonly field: object
  readonly repair?: () => Promise<unknown>
}

const cases: Case[] = [
  {
    what: 'the disk has less room than its reserve',
    break: () => setDisk(999 * MB),
    field: { disk: 'low', message: 'The disk has less free space than its reserve.' },
    repair: () => setDisk(ROOM.freeBytes),
  },
  {
    what: 'no process hashes passwords',
    break: () => platform.stopHashing(),
    field: { hashing: 'down', message: "The process that hashes passwords doesn't respond." },
  },
  ...(hasReaders
    ? [
        {
          what: 'no reader runs',
          break: async () => platform.readers?.stop(),
          field: { readers: 'down', message: 'No reader runs.' },
        },
      ]
    : []),
]

test.each(cases)('an instance is not ready if $what, and /healthz stays 200', async (each) => {
  await setDisk(ROOM.freeBytes)
  expect(await becomes(200)).toEqual(all)
  await each.break()
  expect(await becomes(503)).toEqual({ ...all, status: 503, ok: false, ...each.field })
  expect((await platform.request('/healthz')).status).toBe(200)
  if (each.repair === undefined) return
  await each.repair()
  expect(await becomes(200)).toEqual(all)
})

test('several problems are all in the message', async () => {
  await becomes(200)
  await platform.stopHashing()
  await setDisk(999 * MB)
  const missing = "The disk has less free space than its reserve. The process that hashes passwords doesn't respond."
  for (;;) {
    const { status, message } = await ready()
    if (message === missing && status === 503) break
    await delay(50)
  }
})

test.runIf(hasReaders)('an instance is not ready before a reader listens', async () => {
  await platform.restart()
  await platform.readers?.stop()
  const expected = { status: 503, ok: false, objects: 'ok', readers: 'starting', hashing: 'ok' }
  expect(await becomes(503)).toEqual({ ...expected, message: 'No reader listens yet.' })
})

test('an instance whose disk is not measured has no field for it', async () => {
  const { disk: _, ...others } = all
  expect(await becomes(200)).toEqual(others)
})

test.runIf(hasReaders)('an instance with a busy reader and one that was killed is ready', async () => {
  await setDisk(ROOM.freeBytes)
  await becomes(200)
  while (platform.readers?.pids.length !== 2) await delay(20)
  const { db } = await platform.createNamespace('acme')
  const endless = db().query('WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n')
  while (!/^persql_reads_running 1/m.test((await platform.request('/metrics')).body)) await delay(20)
  // The first reader runs the read.
  const pid = platform.readers?.pids.at(-1)
  if (pid !== undefined) process.kill(pid, 'SIGKILL')
  for (let i = 0; i < 3; i++) {
    expect(await ready()).toEqual(all)
    await delay(500)
  }
  await endless
})

test('requests are not limited, logged or counted, share one result in a second, and reveal nothing', async () => {
  await setDisk(ROOM.freeBytes)
  await becomes(200)
  for (let i = 0; i < 30; i++) expect((await platform.request('/readyz')).status).toBe(200)
  await platform.stopHashing()
  const texts = new Set<string>()
  for (let i = 0; i < 10; i++) texts.add(JSON.stringify((await platform.request('/readyz')).body))
  expect(texts.size).toBeLessThanOrEqual(2)
  expect([...texts].join()).not.toContain(platform.secret)
  await platform.request('/v1/me')
  const readLog = async () => (await platform.readRequestLog()).map((line) => JSON.parse(line).path as string)
  while (!(await readLog()).includes('/v1/me')) await delay(20)
  expect(await readLog()).not.toContain('/readyz')
})
