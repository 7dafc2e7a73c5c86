import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { hasReaders } from '../reader-count.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform({ readers: 2, watchdog: true, environment: { PERSQL_WELCOME_CREDIT_USD: '50' } })
})
afterAll(() => platform.stop())

const read =
  'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT (SELECT count(*) FROM t), max(i) FROM n'

// kills.test.ts kills the readers too.
test.runIf(hasReaders)(
  'a killed platform leaves no reader that runs for it, and loses no acknowledged row',
  async () => {
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
  },
)
