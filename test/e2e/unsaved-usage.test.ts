import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await startPlatform({ environment: { QUERY_TIMEOUT_S: '2' } })
  acme = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())

const ENDLESS = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i % 10000 = 0'

test('what was answered before a statement ends the object is billed and logged, exactly', async () => {
  const db = await acme.make(
    'CREATE TABLE t (n)',
    'INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n',
  )
  let reads = 0
  let rowsRead = 0
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => db.query(`SELECT count(*) FROM t WHERE n > ${i}`)),
    )
    for (const { status, body } of answers) {
      expect(status).toBe(200)
      reads++
      rowsRead += body.meta.rowsRead
    }
    expect((await db.query(ENDLESS)).status).toBe(408)
  }
  const logged = await db.query(
    "SELECT count(*), sum(rows_read) FROM _persql_query_log WHERE sql LIKE 'SELECT count(*) FROM t WHERE%'",
  )
  expect(logged.body.data.rows).toEqual([[reads, rowsRead]])
  const metered = async () => {
    const { databases } = (await platform.request('/v1/usage', { token: acme.token })).body.data
    return databases.find(({ slug }: { slug: string }) => slug === db.slug).rowsRead
  }
  await expect.poll(metered).toBeGreaterThanOrEqual(rowsRead)
})
