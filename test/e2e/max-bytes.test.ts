import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { imported } from '../transfer.ts'

const MIB = 1024 * 1024
let platform: TestPlatform
let token: string
let made = 0

beforeAll(async () => {
  platform = await startPlatform()
  ;({ token } = await platform.createNamespace('acme'))
})
afterAll(() => platform.stop())

type Db = ReturnType<TestPlatform['database']>
type Answer = Awaited<ReturnType<Db['query']>>

const setLimit = async (slug: string, maxBytes: number | null, by = token) =>
  platform.request(`/v1/databases/${slug}`, { token: by, method: 'PATCH', body: { maxBytes } })
const outcome = ({ status, body }: Answer) => [status, body.code]
const full = [409, 'database_full']
/** A generator of rows of 1 KB. */
const rows = (count: number) =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) SELECT hex(randomblob(500)) FROM n`
const GROW = `INSERT INTO t (x) ${rows(400)}`

/** Creates a database that stores almost 1 MiB, which is its limit. */
async function filled(): Promise<Db> {
  const slug = `d${++made}`
  const body = { slug, maxBytes: MIB }
  expect((await platform.request('/v1/databases', { token, body })).body.data.maxBytes).toBe(MIB)
  const db = platform.database('acme', slug, token)
  const { body: answer } = await db.batch([
    { sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)' },
    { sql: 'CREATE TABLE small (x)' },
    { sql: `INSERT INTO t (x) ${rows(800)}` },
  ])
  expect(answer.success, JSON.stringify(answer)).toBe(true)
  return db
}
const post = (db: Db, path: string, body: object = {}, method = 'POST') => db.request(path, { body, method })
const begin = async (db: Db) => (await post(db, '/transactions', { mode: 'write' })).body.data.id as string
const countRows = async (db: Db) => (await db.query('SELECT count(*) FROM t')).body.data.rows[0][0] as number

describe('a database with maxBytes', () => {
  test.each<[name: string, write: (db: Db) => Promise<Answer>, expected?: unknown[]]>([
    ['a query', (db) => db.query(GROW)],
    ['a batch', (db) => db.batch([{ sql: 'INSERT INTO small VALUES (1)' }, { sql: GROW }], { transaction: true })],
    ['a script', (db) => post(db, '/script', { sql: `INSERT INTO small VALUES (1); ${GROW};`, transaction: true })],
    [
      'a transaction',
      async (db) => {
        const id = await begin(db)
        const sent = await post(db, `/transactions/${id}/statements`, { step: 1, statements: [{ sql: GROW }] })
        return sent.status === 200 ? post(db, `/transactions/${id}/commit`) : sent
      },
    ],
    [
      'a transaction of random values, which continues alone',
      async (db) => {
        const id = await begin(db)
        const first = 'INSERT INTO small SELECT random()'
        await post(db, `/transactions/${id}/statements`, { step: 1, statements: [{ sql: first }] })
        const sent = await post(db, `/transactions/${id}/statements`, { step: 2, statements: [{ sql: GROW }] })
        const answer = sent.status === 200 ? await post(db, `/transactions/${id}/commit`) : sent
        await post(db, `/transactions/${id}/rollback`)
        return answer
      },
    ],
    ['an import', (db) => imported(db, `x\n${`${'y'.repeat(20_000)}\n`.repeat(40)}`, 'format=csv&table=more&create=1')],
    [
      'a migration',
      async (db) => {
        const draft = await post(db, '/migrations', { name: 'grow', sql: `${GROW};` })
        return post(db, `/migrations/${draft.body.data.id}/apply`)
      },
    ],
    [
      'a merge',
      async (db) => {
        await post(db, '/branches/b', {}, 'PUT')
        const branch = platform.database('acme', `${db.slug}-b`, token)
        // The branch has no limit of its own.
        expect((await branch.query(GROW)).status).toBe(200)
        return post(db, '/branches/b/merge', { mode: 'data' })
      },
    ],
    [
      'a restore',
      async (db) => {
        await setLimit(db.slug, null)
        await db.query(GROW)
        const { body } = await post(db, '/snapshots', { label: 'large' })
        await db.query('DELETE FROM t WHERE id > 800')
        await setLimit(db.slug, MIB)
        return post(db, '/restore', { snapshotId: body.data.id })
      },
    ],
    [
      'an endpoint',
      async (db) => {
        const spec = {
          slug: 'add',
          name: 'Add',
          kind: 'mutation',
          method: 'POST',
          sql: GROW,
          input: [],
          output: 'rows_written',
        }
        await post(db, '/endpoints', spec)
        await post(db, '/endpoints/add/publish')
        return platform.request(`/p/acme/${db.slug}/add`, { body: {} })
      },
      [409, 'conflict'],
    ],
    [
      'an approved proposal',
      async (db) => {
        const { body } = await post(db, '/propose', { sql: 'INSERT INTO t (x) VALUES (zeroblob(400000))' })
        return body.data
          ? post(db, '/apply', { executionToken: body.data.executionToken })
          : ({ status: 409, body } as Answer)
      },
    ],
  ])('is not exceeded by %s, which changes nothing', async (_name, write, expected = full) => {
    const db = await filled()
    expect(outcome(await write(db))).toEqual(expected)
    expect(await countRows(db)).toBe(800)
    expect((await db.query('SELECT count(*) FROM small')).body.data.rows).toEqual([[0]])
  })

  test('refuses a schedule and a libSQL client in their own words', async () => {
    const db = await filled()
    const schedule = await post(db, '/schedules', { name: 'grow', sql: GROW, intervalSec: 3600 })
    const run = await post(db, `/schedules/${schedule.body.data.id}/run`)
    expect(JSON.stringify(run.body)).toContain('maxBytes')
    const steps = { requests: [{ type: 'execute', stmt: { sql: GROW } }, { type: 'close' }] }
    const answer = await platform.request(`/libsql/acme/${db.slug}/v3/pipeline`, { token, body: steps })
    expect(answer.body.results?.[0]?.error?.code, JSON.stringify(answer.body)).toBe('SQLITE_FULL')
    expect(await countRows(db)).toBe(800)
  })

  test('says how much it stores, and makes room by DELETE and DROP', async () => {
    const db = await filled()
    const { body } = await db.query(GROW)
    expect(body).toMatchObject({ code: 'database_full', maxBytes: MIB, bytes: expect.any(Number) })
    expect(body.bytes).toBeGreaterThan(0.7 * MIB)
    expect(body.bytes).toBeLessThanOrEqual(MIB)
    expect((await db.query('UPDATE t SET x = lower(x)')).status).toBe(200)
    expect((await db.query('DELETE FROM t WHERE id > 300')).status).toBe(200)
    expect((await db.query(GROW)).status).toBe(200)
    expect((await db.query('DROP TABLE t')).status).toBe(200)
  })

  test('has the new limit with the next call, and after a restart', async () => {
    const db = await filled()
    expect((await setLimit(db.slug, 3 * MIB)).body.data.maxBytes).toBe(3 * MIB)
    expect((await db.query(GROW)).status).toBe(200)
    await setLimit(db.slug, MIB)
    // It stores more than the limit now: it can shrink, but not grow.
    expect(outcome(await db.query('INSERT INTO t (x) VALUES (zeroblob(100000))'))).toEqual(full)
    expect((await db.query('DELETE FROM t WHERE id > 1100')).status).toBe(200)
    await platform.kill()
    await platform.restart()
    expect(outcome(await db.query(GROW))).toEqual(full)
    await setLimit(db.slug, null)
    expect((await db.query(GROW)).status).toBe(200)
  })

  test.each([0, MIB - 1, 1.5, -1, '2 MB', 2 ** 53])('cannot have the limit %s', async (maxBytes) => {
    expect((await setLimit('main', maxBytes as number)).status).toBe(400)
  })

  test('keeps its limit from the holder of a token for it', async () => {
    const db = await filled()
    const minted = await platform.request('/v1/tokens', {
      token,
      body: { name: 'own', role: 'admin', databases: [db.slug] },
    })
    const own = minted.body.data.token as string
    expect((await setLimit(db.slug, null, own)).body.code).toBe('token_pinned')
    expect(outcome(await platform.database('acme', db.slug, own).query(GROW))).toEqual(full)
  })

  test('does not exceed a quota of the namespace either', async () => {
    const db = await filled()
    await setLimit(db.slug, 100 * MIB)
    const quota = (limit: number | null) =>
      platform.request('/api/operator/namespaces/acme/quotas/database_bytes', {
        token: platform.secret,
        method: 'PUT',
        body: { limit },
      })
    await quota(MIB)
    expect(outcome(await db.query(GROW))).toEqual([409, 'quota_exceeded'])
    await quota(null)
    expect((await db.query(GROW)).status).toBe(200)
  })
})
