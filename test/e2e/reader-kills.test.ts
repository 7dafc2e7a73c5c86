import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

const KILLS = 20

let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform({ readers: 2, watchdog: true, environment: { PERSQL_WELCOME_CREDIT_USD: '50' } })
})
afterAll(() => platform.stop())

const read =
  'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT (SELECT count(*) FROM t), max(i) FROM n'

test('no call fails and no row is lost or charged twice when readers are killed', async () => {
  const { token } = await platform.createNamespace('acme')
  const db = platform.database('acme', 'main', token)
  await db.query('CREATE TABLE t (id INTEGER PRIMARY KEY)')
  const answers: { rowsRead: number; rows: number[][] }[] = []
  let written = 0
  let isOver = false
  const reading = (async () => {
    while (!isOver) {
      const { status, body } = await db.query(read)
      expect({ status, error: body.error }).toEqual({ status: 200, error: undefined })
      answers.push(body.data)
      expect(body.data.rows[0][0]).toBeLessThanOrEqual(written + 1)
    }
  })()
  const writing = (async () => {
    while (!isOver) {
      const before = written
      const { status, body } = await db.query('INSERT INTO t DEFAULT VALUES')
      expect({ status, error: body.error }).toEqual({ status: 200, error: undefined })
      written = before + 1
    }
  })()
  let kills = 0
  while (kills < KILLS) {
    await delay(100 + Math.random() * 400)
    const pids = platform.readers?.pids ?? []
    const pid = pids[kills % Math.max(1, pids.length)]
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
    kills += pid === undefined ? 0 : 1
  }
  isOver = true
  await Promise.all([reading, writing])
  expect(answers.length).toBeGreaterThan(5)
  const counts = answers.map(({ rows }) => rows[0]?.[0] as number)
  expect(counts).toEqual([...counts].sort((a, b) => a - b))
  expect((await db.query('SELECT count(*) FROM t')).body.data.rows).toEqual([[written]])
  const { data } = (
    await db.query(
      "SELECT count(*), sum(rows_read) FROM _persql_query_log WHERE sql LIKE 'WITH n(i)%' AND status = 200",
    )
  ).body
  expect(data.rows).toEqual([[answers.length, answers.reduce((sum, { rowsRead }) => sum + rowsRead, 0)]])
}, 120_000)

test('a killed platform leaves no reader that runs for it, and loses no acknowledged row', async () => {
  const { token } = await platform.createNamespace('other')
  const db = platform.database('other', 'main', token)
  await db.query('CREATE TABLE t (id INTEGER PRIMARY KEY)')
  let written = 0
  for (let kill = 0; kill < 5; kill++) {
    const endless = db
      .query('WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n')
      .catch(() => undefined)
    await delay(50)
    const before = platform.readers?.pids ?? []
    expect((await db.query('INSERT INTO t DEFAULT VALUES')).status).toBe(200)
    written++
    await platform.kill()
    await endless
    while (!(await platform.request('/healthz').catch(() => undefined))) await delay(20)
    while (before.some((pid) => platform.readers?.pids.includes(pid))) await delay(20)
    expect((await db.query('SELECT count(*) FROM t')).body.data.rows).toEqual([[written]])
    const { status, body } = await db.query(read)
    expect({ status, rows: body.data?.rows }).toEqual({ status: 200, rows: [[written, 50_000]] })
  }
}, 120_000)
