import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, startPlatform, type TestPlatform } from '../harness.ts'
import { imported } from '../transfer.ts'

const MB = 1_000_000
let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform({
    environment: { PERSQL_QUOTA_DATABASE_BYTES: '2 MB', PERSQL_QUOTA_NAMESPACE_BYTES: '6 MB', PERSQL_DEV: '1' },
  })
})
afterAll(() => platform.stop())

const outcome = ({ status, body }: Answer) => [status, body.code]
const full = [409, 'quota_exceeded']
const setQuota = (ns: string, quota: string, limit: number | null) =>
  platform.request(`/api/operator/namespaces/${ns}/quotas/${quota}`, {
    ...{ token: platform.secret, method: 'PUT', body: { limit } },
  })

/** A generator of rows of 1 KB. */
const rows = (count: number) =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) SELECT i, hex(randomblob(500)) FROM n`

const tokens = new Map<string, string>()
const token = (ns: string) => tokens.get(ns) as string

async function filled(ns: string) {
  const { db, token } = await platform.createNamespace(ns)
  tokens.set(ns, token)
  const { body } = await db().batch([
    { sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)' },
    { sql: `INSERT INTO t ${rows(1_500)}` },
    { sql: 'CREATE TABLE log (x)' },
    { sql: 'CREATE TABLE small (x)' },
    { sql: 'CREATE VIRTUAL TABLE search USING fts5(x)' },
    { sql: 'CREATE TRIGGER logged AFTER INSERT ON small WHEN new.x = 1 BEGIN INSERT INTO log SELECT x FROM t; END' },
  ])
  expect(body.success, JSON.stringify(body)).toBe(true)
  const request = (path: string, body?: object, method = 'POST') => db().request(path, body && { body, method })
  return { db: db(), token, request }
}

describe('the bytes of a database', () => {
  test.each([
    ['one row', 'INSERT INTO t (x) VALUES (zeroblob(1000000))'],
    ['rows of a generator', `INSERT INTO t (x) SELECT hex(randomblob(500)) FROM (${rows(2_000)})`],
    ['an UPDATE', 'UPDATE t SET x = x || x'],
    ['a trigger', 'INSERT INTO small VALUES (1)'],
    ['an index', 'CREATE INDEX by_x ON t (x)'],
    ['a table with rows', 'CREATE TABLE copy AS SELECT * FROM t'],
    ['a full-text table', 'INSERT INTO search SELECT x FROM t'],
    ['RETURNING', 'INSERT INTO t (x) SELECT x FROM t RETURNING 1'],
  ])('are limited: %s is refused and changes nothing', async (name, sql) => {
    const { db, token } = await filled(`over-${name.toLowerCase().replaceAll(' ', '-')}`)
    const count = async () =>
      (
        await db.query(
          'SELECT (SELECT count(*) FROM t), (SELECT sum(length(x)) FROM t), (SELECT count(*) FROM sqlite_master)',
        )
      ).body.data.rows
    const before = await count()
    expect(outcome(await db.query(sql))).toEqual(full)
    expect(outcome(await db.batch([{ sql: 'INSERT INTO small VALUES (2)' }, { sql }], { transaction: true }))).toEqual(
      full,
    )
    expect((await db.query('SELECT count(*) FROM small')).body.data.rows).toEqual([[0]])
    expect(await count()).toEqual(before)
    // Refused calls are billed as requests, without rows.
    const { spend } = (await platform.request('/v1/usage', { token })).body.data
    expect(spend.rowsWritten.quantity).toBeLessThan(2_000)
  })

  test('reads, DELETE, DROP and export of a full database run, and make room', async () => {
    const { db, request } = await filled('full')
    const grow = () => db.query('INSERT INTO t (x) SELECT x FROM t LIMIT 20')
    let answer = await grow()
    while (answer.status === 200) answer = await grow()
    expect(answer.body).toMatchObject({ code: 'quota_exceeded', quota: 'database_bytes', limit: 2 * MB })
    expect(answer.body.used).toBeGreaterThan(1.9 * MB)
    expect(answer.body.used).toBeLessThanOrEqual(2 * MB)
    expect(answer.body.error).toMatch(/^This would exceed the quota "database_bytes": (1\.9\d|2) MB of 2 MB is used\. /)
    expect((await db.query('SELECT count(*) FROM t')).status).toBe(200)
    expect((await db.query('UPDATE t SET x = upper(x)')).status).toBe(200)
    expect((await request('/export?format=sql')).status).toBe(200)
    expect((await db.query('DELETE FROM t WHERE id > 1000')).status).toBe(200)
    expect((await grow()).status).toBe(200)
    expect((await db.query('DROP TABLE t')).status).toBe(200)
    expect((await db.query(`CREATE TABLE t AS ${rows(1_500)}`)).status).toBe(200)
  })

  test('a lower limit refuses growth, a higher one applies to the next call', async () => {
    const { db } = await filled('moved')
    const insert = () => db.query('INSERT INTO t (x) VALUES (zeroblob(100000))')
    await setQuota('moved', 'database_bytes', MB)
    expect(outcome(await insert())).toEqual(full)
    expect((await db.query('DELETE FROM t WHERE id < 100')).status).toBe(200)
    expect(outcome(await insert())).toEqual(full)
    await setQuota('moved', 'database_bytes', 5 * MB)
    expect((await insert()).status).toBe(200)
    await platform.kill()
    await platform.restart()
    expect((await db.query(`INSERT INTO t (x) SELECT hex(randomblob(500)) FROM (${rows(2_000)})`)).status).toBe(200)
  })

  test('imports, migrations, restores, forks, merges and endpoints stop at it too', async () => {
    const { db, request } = await filled('others')
    await setQuota('others', 'namespace_bytes', 60 * MB)
    const line = `INSERT INTO imported VALUES (X'${'00'.repeat(20_000)}');\n`
    expect(outcome(await imported(db, `CREATE TABLE imported (x);\n${line.repeat(40)}`))).toEqual(full)
    const csv = `x\n${`${'y'.repeat(20_000)}\n`.repeat(40)}`
    expect(outcome(await imported(db, csv, 'format=csv&table=imported&create=1'))).toEqual(full)
    expect((await db.query("SELECT count(*) FROM sqlite_master WHERE name = 'imported'")).body.data.rows).toEqual([[0]])
    const draft = await request('/migrations', { name: 'large', sql: `CREATE TABLE large AS ${rows(1_000)};` })
    expect(outcome(await request(`/migrations/${draft.body.data.id}/apply`, {}))).toEqual(full)
    const sql = 'INSERT INTO t (x) VALUES (zeroblob(1000000))'
    const spec = { slug: 'add', name: 'Add', kind: 'mutation', method: 'POST', sql, input: [], output: 'rows_written' }
    expect((await request('/endpoints', spec)).body).toMatchObject({ success: true })
    expect((await request('/endpoints/add/publish', {})).body).toMatchObject({ success: true })
    const answer = await platform.request('/p/others/main/add', { body: {} })
    expect(answer).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect(answer.body).not.toHaveProperty('limit')

    await request('/branches/more', {}, 'PUT')
    const { slug } = (await request('/branches/more')).body.data
    const branch = platform.database('others', slug, token('others'))
    expect((await branch.query(`INSERT INTO t (x) SELECT hex(randomblob(500)) FROM (${rows(1_000)})`)).status).toBe(200)
    expect(outcome(await request('/branches/more/merge', { mode: 'data' }))).toEqual(full)
    expect((await db.query('SELECT count(*) FROM t')).body.data.rows).toEqual([[1_500]])

    const snapshot = (await request('/snapshots', { label: 'full' })).body.data
    await setQuota('others', 'database_bytes', MB)
    expect(outcome(await request('/fork', { slug: 'copy' }))).toEqual(full)
    await db.query('DELETE FROM t')
    expect(outcome(await request('/restore', { snapshotId: snapshot.id }))).toEqual(full)
    expect((await db.query('SELECT count(*) FROM t')).body.data.rows).toEqual([[0]])
    await setQuota('others', 'database_bytes', null)
    expect((await request('/restore', { snapshotId: snapshot.id })).status).toBe(200)
  })
})

describe('the bytes of a namespace', () => {
  test('are shared by its databases, branches and forks', async () => {
    const { token: secret, request } = await filled('shared')
    await setQuota('shared', 'namespace_bytes', 4 * MB)
    const list = async () => (await platform.request('/v1/quotas', { token: secret })).body.data as { name: string }[]
    const use = async (name: string) => (await list()).find((quota) => quota.name === name)
    await expect
      .poll(() => use('database_bytes'))
      .toMatchObject({ limit: 2 * MB, database: 'main', used: expect.any(Number) })
    const { used } = (await use('database_bytes')) as unknown as { used: number }
    expect(used).toBeGreaterThan(1.5 * MB)
    expect(await use('namespace_bytes')).toMatchObject({ scope: 'namespace', unit: 'bytes', used })
    expect((await request('/fork', { slug: 'copy' })).status).toBe(200)
    expect(await use('namespace_bytes')).toMatchObject({ used: expect.closeTo(2 * used, -5) })
    // The fork is counted before its rows arrive.
    const more = await request('/fork', { slug: 'again' })
    expect(outcome(more)).toEqual(full)
    expect(more.body).toMatchObject({ quota: 'namespace_bytes', limit: 4 * MB })
    expect((await platform.request('/v1/databases/again', { token: secret })).status).toBe(404)
    const other = platform.database('shared', 'other', secret)
    const refused = await other.query(`CREATE TABLE t AS ${rows(1_500)}`)
    expect(refused.body).toMatchObject({ code: 'quota_exceeded', quota: 'namespace_bytes', limit: 4 * MB })
    expect((await other.query(`CREATE TABLE t AS ${rows(100)}`)).status).toBe(200)
    await platform.request('/v1/databases/copy', { token: secret, method: 'DELETE' })
    await setQuota('shared', 'namespace_bytes', 4 * MB)
    expect((await other.query(`CREATE TABLE u AS ${rows(1_000)}`)).status).toBe(200)
  })
})

describe('databases that grow at the same time', () => {
  test('report their growth before the namespace has exceeded its quota by more than 16 MB and a few calls each', async () => {
    const { db, token } = await platform.createNamespace('crowd')
    await setQuota('crowd', 'database_bytes', 400 * MB)
    await setQuota('crowd', 'namespace_bytes', 100 * MB)
    const databases = ['main', 'second', 'third'].map((name) => db(name))
    for (const database of databases) await database.query('CREATE TABLE t (x)')
    const grow = async (database: (typeof databases)[number]) => {
      const refused: Answer[] = []
      while (refused.length === 0) {
        const answer = await database.query('INSERT INTO t VALUES (zeroblob(2000000)), (zeroblob(2000000))')
        if (answer.status !== 200) refused.push(answer)
      }
      return refused.map(({ body }) => [body.code, body.quota])
    }
    expect(await Promise.all(databases.map(grow))).toEqual(databases.map(() => [['quota_exceeded', 'namespace_bytes']]))
    const sizes = await Promise.all(
      databases.map(async (database) => (await database.query('SELECT sum(length(x)) FROM t')).body.data.rows[0][0]),
    )
    expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(100 * MB + 3 * (16 + 5 * 4) * MB)
    // Reads run while a database reports, and room in one database can be used by another one.
    await databases[0]?.query('DELETE FROM t')
    await platform.request('/v1/databases/main', { method: 'DELETE', token })
    await setQuota('crowd', 'namespace_bytes', 400 * MB)
    expect((await db('second').query('INSERT INTO t VALUES (zeroblob(2000000))')).status).toBe(200)
  })
})

describe('stored responses', () => {
  test('make room by dropping the oldest bodies, and never run a call twice', async () => {
    const { db } = await filled('replays')
    await setQuota('replays', 'replay_bytes', 50_000)
    const insert = (key: string, length: number) =>
      db.query('INSERT INTO small VALUES (?) RETURNING hex(zeroblob(?))', [key, length / 2], { 'Idempotency-Key': key })
    const count = async () => (await db.query('SELECT count(*) FROM small')).body.data.rows[0][0]
    for (const key of ['a', 'b', 'c', 'd']) expect((await insert(key, 15_000)).status).toBe(200)
    expect(outcome(await insert('a', 15_000))).toEqual([409, 'replay_dropped'])
    for (const key of ['b', 'c', 'd'])
      expect((await insert(key, 15_000)).headers.get('idempotency-replayed')).toBe('true')
    expect(await count()).toBe(4)
    await platform.kill()
    await platform.restart()
    expect(outcome(await insert('a', 15_000))).toEqual([409, 'replay_dropped'])
    expect((await insert('d', 15_000)).headers.get('idempotency-replayed')).toBe('true')
    // A response above the quota is returned once.
    expect((await insert('large', 60_000)).body.data.rows[0][0]).toHaveLength(60_000)
    expect(outcome(await insert('large', 60_000))).toEqual([409, 'replay_dropped'])
    expect((await insert('d', 15_000)).headers.get('idempotency-replayed')).toBe('true')
    expect((await insert('e', 15_000)).status).toBe(200)
    expect(outcome(await insert('b', 15_000))).toEqual([409, 'replay_dropped'])
    expect(await count()).toBe(6)
  })
})

describe('snapshots', () => {
  test('have a quota of their number, also at the same time', async () => {
    const { request } = await filled('snaps')
    await setQuota('snaps', 'snapshots', 2)
    const create = () => request('/snapshots', { label: 'x' })
    const answers = await Promise.all([create(), create(), create()])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 409])
    const refused = answers.find(({ status }) => status === 409)
    expect(refused?.body).toMatchObject({ code: 'quota_exceeded', quota: 'snapshots', limit: 2, used: 2 })
    const { id } = answers.find(({ status }) => status === 200)?.body.data ?? {}
    expect((await request(`/snapshots/${id}`, {}, 'DELETE')).status).toBe(200)
    expect((await create()).status).toBe(200)
  })

  test('count in the bytes of the namespace, and no DELETE waits for one', async () => {
    const { db, token: secret, request } = await filled('bytes')
    await setQuota('bytes', 'namespace_bytes', 4 * MB)
    expect((await request('/snapshots', { label: 'x' })).status).toBe(200)
    const refused = await request('/snapshots', { label: 'y' })
    expect(refused.body).toMatchObject({ code: 'quota_exceeded', quota: 'namespace_bytes', limit: 4 * MB })
    const use = async () =>
      ((await platform.request('/v1/quotas', { token: secret })).body.data as { name: string; used: number }[]).find(
        ({ name }) => name === 'namespace_bytes',
      )?.used
    await setQuota('bytes', 'namespace_bytes', 4 * MB)
    expect(await use()).toBeGreaterThan(3 * MB)
    const deleted = await db.query('DELETE FROM t')
    expect([deleted.status, deleted.body.meta.snapshotSkipped]).toEqual([200, 'quota_exceeded'])
    await platform.request('/v1/databases/main', { token: secret, method: 'DELETE' })
    expect(await use()).toBe(0)
  })
})

describe('transfers of a namespace', () => {
  test('are limited at the same time, and their slots come back', async () => {
    const { db, request } = await filled('busy')
    await Promise.all(['database_bytes', 'namespace_bytes'].map((quota) => setQuota('busy', quota, 200 * MB)))
    // More than the buffers of a connection hold.
    await db.query(`INSERT INTO t (x) SELECT hex(randomblob(500)) FROM (${rows(30_000)})`)
    const open = () =>
      fetch(`${platform.url}${db.path}/export?format=sql`, { headers: { authorization: `Bearer ${token('busy')}` } })
    const [one, two] = await Promise.all([open(), open()])
    expect([one?.status, two?.status]).toEqual([200, 200])
    const third = await open()
    expect([third.status, Number(third.headers.get('retry-after'))]).toEqual([429, 5])
    expect(await third.json()).toMatchObject({ code: 'too_busy', quota: 'exports', limit: 2, used: 2 })
    await Promise.all([one?.text(), two?.body?.cancel()])
    await expect.poll(async () => (await request('/export?format=sql')).status).toBe(200)
    await setQuota('busy', 'imports', 0)
    expect(outcome(await imported(db, 'CREATE TABLE i (x);'))).toEqual([429, 'too_busy'])
    await setQuota('busy', 'imports', 1)
    for (let i = 0; i < 3; i++) expect((await imported(db, `CREATE TABLE i${i} (x);`)).status).toBe(200)
    expect((await imported(db, 'CREATE')).status).toBe(400)
    expect((await imported(db, 'CREATE TABLE last (x);')).status).toBe(200)
  })
})
