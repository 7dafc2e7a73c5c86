import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

const endless = 'WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r'

let platform: TestPlatform
let namespace: Awaited<ReturnType<TestPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await startPlatform({ watchdog: true, environment: { QUERY_TIMEOUT_S: '2' } })
  namespace = await platform.createNamespace('acme')
  await namespace.db().query('CREATE TABLE kept (n)')
})

afterAll(() => platform.stop())

/** The answer, once there is a process to give one. */
async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch {
      await delay(50)
    }
  }
}

async function kept(): Promise<unknown> {
  const { status, body } = await eventually(() => namespace.db().query('SELECT n FROM kept ORDER BY n'))
  expect(status, JSON.stringify(body)).toBe(200)
  return body.data.rows
}

test('a statement without end is stopped, the service answers again, and everything committed is there', async () => {
  const db = namespace.db()
  expect((await db.query('INSERT INTO kept VALUES (?)', [1])).status).toBe(200)
  const pid = platform.pid()
  await expect(db.query(endless)).rejects.toThrow()
  expect(await kept()).toEqual([[1]])
  expect(platform.pid()).not.toBe(pid)
})

test('the log names who sent the endless statement', async () => {
  const before = platform.log.length
  await eventually(() => namespace.db().query('SELECT 1'))
  await expect(namespace.db('other').query(`${endless} -- ${'x'.repeat(600)}`)).rejects.toThrow()
  await eventually(() => namespace.db().query('SELECT 1'))
  const killed = platform.log.slice(before).find(({ event }) => event === 'statement_killed')
  expect(killed).toEqual({
    level: 'error',
    event: 'statement_killed',
    seconds: 2,
    reason: 'time',
    database: 'acme/other',
    tokenId: namespace.tokenId,
    sql: expect.stringMatching(/^WITH RECURSIVE /),
  })
  expect(killed?.sql).toHaveLength(500)
})

test('a transaction cut short by the watchdog leaves nothing behind', async () => {
  const db = namespace.db('cut-short')
  await eventually(() => db.query('CREATE TABLE kept (n)'))
  const statements = [{ sql: 'INSERT INTO kept VALUES (2)' }, { sql: endless }]
  await expect(db.batch(statements, { transaction: true })).rejects.toThrow()
  expect((await eventually(() => db.query('SELECT n FROM kept'))).body.data.rows).toEqual([])
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a crashed process is replaced at the same address with its data', async () => {
  const { url } = platform
  const { status, body } = await eventually(() => namespace.db().query('INSERT INTO kept VALUES (3)'))
  expect(status, JSON.stringify(body)).toBe(200)
  // The process of the test before can have been replaced just now.
  await expect.poll(() => isRunning(platform.pid())).toBe(true)
  const pid = platform.pid()
  process.kill(pid, 'SIGKILL')
  while (platform.pid() === pid) await delay(20)
  expect(await kept()).toEqual([[1], [3]])
  expect(platform.url).toBe(url)
  expect(platform.log).toContainEqual(expect.objectContaining({ event: 'workerd_crashed', signal: 'SIGKILL' }))
})

test('slow statements in a row are not taken for one without end', async () => {
  const pid = platform.pid()
  // Together they take longer than the limit. Each is so short that it ends in time on a machine with much other work.
  const countTo = 'WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r LIMIT 250000) SELECT count(*) FROM r'
  const answers = await Promise.all(Array.from({ length: 64 }, (_, n) => namespace.db(`db-${n % 16}`).query(countTo)))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 64 }, () => 200))
  expect(platform.pid()).toBe(pid)
})
