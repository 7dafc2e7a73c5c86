import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import type { TestDatabase } from '../merge-helpers.ts'
import { hasReaders } from '../reader-count.ts'

/** For reads that only a reader can end. in-place-reads.test.ts has what holds without readers. */
const inReaders = test.runIf(hasReaders)

let platform: TestPlatform
let made = 0
beforeAll(async () => {
  platform = await startPlatform({ readers: 2, environment: { PERSQL_WELCOME_CREDIT_USD: '50' } })
})
afterAll(() => platform.stop())

const endless = 'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'
/** A read that runs in a reader if there is one, and returns soon. */
const counted = (count: number) =>
  `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) SELECT count(*) FROM n`

/** Creates a database with rows, in a namespace of its own. */
async function withRows(rows = 1_000): Promise<TestDatabase & { namespace: string; token: string }> {
  const namespace = `ns-${++made}`
  const { token } = await platform.createNamespace(namespace)
  const db = platform.database(namespace, 'main', token)
  await db.query('CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)')
  await db.query(
    `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) INSERT INTO t SELECT i, 'v' || i FROM n`,
  )
  return { ...db, namespace, token }
}

/** Waits until a condition holds. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(10)
}

const readersRunning = async (): Promise<number> => {
  const { body } = await platform.request('/metrics')
  return Number(/^persql_reads_running (\d+)/m.exec(body)?.[1] ?? 0)
}

test('a read in a reader returns, costs and logs what the same read in place does', async () => {
  const db = await withRows(10)
  const columns = 'id, v, zeroblob(2) AS b, id / 4.0 AS r, NULL AS n, 9e999 AS inf, typeof(?) AS type, ? AS text'
  const params = [7, 'ä "quoted"\n']
  const inPlace = await db.query(`SELECT ${columns} FROM t WHERE id < 4`, params)
  const elsewhere = await db.query(
    `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT ${columns} FROM t JOIN n ON i = id`,
    params,
  )
  expect(elsewhere.body.data.columns).toEqual(inPlace.body.data.columns)
  expect(elsewhere.body.data.rows).toEqual(inPlace.body.data.rows)
  expect(elsewhere.body.meta).toMatchObject({ statementCount: 1, rowsWritten: 0 })
  expect(elsewhere.body.meta.rowsRead).toBe(elsewhere.body.data.rowsRead)
  expect(elsewhere.body.data.rowsRead).toBeGreaterThan(0)
  const { data } = (
    await db.query("SELECT rows_read, status FROM _persql_query_log WHERE sql LIKE 'WITH n(i)%JOIN n%' LIMIT 2")
  ).body
  expect(data.rows).toEqual([[elsewhere.body.data.rowsRead, 200]])
})

const failures: [string, string, number, string][] = [
  ['an SQL error while it runs', 'SELECT abs(-9223372036854775807 - 1) FROM t a, t b', 400, 'sql_error'],
  ['an integer beyond 2^53', 'SELECT max(9007199254740993) FROM t a, t b', 400, 'integer_out_of_range'],
  ['a result that is too large', "SELECT printf('%.*c', 20000, 'x') FROM t a, t b LIMIT 2000", 400, 'result_too_large'],
]
inReaders('a read that needs too much temporary space fails, and says so', async () => {
  const own = await startPlatform({ readers: 1, environment: { QUERY_TIMEOUT_S: '90' } })
  const db = own.database('acme', 'main', (await own.createNamespace('acme')).token)
  const { status, body } = await db.query(
    `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000)
     SELECT count(*) FROM (SELECT DISTINCT i, printf('%.*c', 1000, 'x') AS x FROM n)`,
  )
  expect({ status, kind: body.errorDetail?.kind, error: body.error }).toEqual({
    status: 400,
    kind: 'limit_exceeded',
    error: 'This statement needs more than 1 GiB of temporary space.',
  })
  await own.stop()
})

test.each(failures)('%s is the same error from a reader', async (_name, sql, status, code) => {
  const db = await withRows()
  const answer = await db.query(sql)
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code })
})

test("a reader sees its caller's last write, and one state for a whole batch", async () => {
  const db = await withRows()
  await db.query('DELETE FROM t')
  for (let i = 1; i <= 10; i++) {
    await db.query('INSERT INTO t (v) VALUES (?)', ['x'])
    const { body } = await db.query(`SELECT (SELECT count(*) FROM t), (${counted(20)})`)
    expect(body.data.rows).toEqual([[i, 20]])
  }
  const { body } = await db.batch([{ sql: 'SELECT count(*) FROM t' }, { sql: counted(30) }, { sql: 'SELECT 1' }])
  expect(body.data.map(({ rows }: { rows: unknown }) => rows)).toEqual([[[10]], [[30]], [[1]]])
  expect(body.meta.statementCount).toBe(3)
})

test('a batch of reads that fails in a reader says where, as one in place does', async () => {
  const db = await withRows(5)
  const statements = [{ sql: 'SELECT 1' }, { sql: counted(9) }, { sql: 'SELECT abs(-9223372036854775807 - 1)' }]
  const inPlace = await db.batch([statements[0], statements[0], statements[2]] as typeof statements)
  const elsewhere = await db.batch(statements)
  expect(elsewhere.status).toBe(inPlace.status)
  expect(elsewhere.body).toMatchObject({ statement: 2, applied: 2, code: 'sql_error' })
  expect(elsewhere.body).toEqual(inPlace.body)
  const [whole, wholeInPlace] = [
    await db.batch(statements, { transaction: true }),
    await db.batch([statements[0], statements[0], statements[2]] as typeof statements, { transaction: true }),
  ]
  expect(whole.body).toEqual(wholeInPlace.body)
  const expecting = [{ sql: counted(9), expect: { rows: 2 } }]
  expect((await db.batch(expecting)).body).toMatchObject({ code: 'expectation_failed', statement: 0 })
})

inReaders('a read is canceled by the request ID of its caller, and by no other token without the role', async () => {
  const db = await withRows()
  const create = async (role: string) =>
    (await platform.request('/v1/tokens', { token: db.token, body: { name: role, role } })).body.data.token as string
  const [mine, other] = [await create('readonly'), await create('readwrite')]
  const cancel = (token: string, id: string) =>
    platform.request(`${db.path}/queries/${id}`, { token, method: 'DELETE' })
  const reading = platform.database(db.namespace, 'main', mine).query(endless, undefined, { 'X-Request-Id': 'mine-1' })
  await until(async () => (await readersRunning()) > 0)
  expect((await cancel(other, 'mine-1')).body).toMatchObject({ code: 'query_not_found' })
  expect((await cancel(mine, 'mine-2')).status).toBe(404)
  for (const [as, id] of [
    [other, 'mine-1'],
    [mine, 'mine-2'],
  ] as const) {
    const { status, body } = await cancel(as, `${id}?allowMissing=true`)
    expect({ status, data: body.data }).toEqual({ status: 200, data: { canceled: false } })
  }
  expect((await cancel(mine, 'mine-1?allowMissing=false')).body).toMatchObject({
    success: true,
    data: { canceled: true },
  })
  const { status, body } = await reading
  expect({ status, code: body.code }).toEqual({ status: 409, code: 'query_canceled' })
  // A read that waits for its turn can be canceled too.
  const first = db.query(endless, undefined, { 'X-Request-Id': 'first' })
  await until(async () => (await readersRunning()) > 0)
  const second = db.query(endless, undefined, { 'X-Request-Id': 'second' })
  await until(async () => (await cancel(db.token, 'second')).status === 200)
  expect((await second).body.code).toBe('query_canceled')
  await cancel(db.token, 'first')
  expect((await first).body.code).toBe('query_canceled')
  // Canceling costs no wait.
  expect((await platform.database(db.namespace, 'main', mine).query(counted(9))).status).toBe(200)
})

inReaders('a list of tables that counts rows in a reader is canceled in the same way', async () => {
  const { token, namespace, query } = await withRows()
  await query('CREATE VIEW v AS WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, i AS b FROM n')
  await query("CREATE VIRTUAL TABLE f USING fts5(b, content='v', content_rowid='id')")
  for (const operation of ['tables', 'describe']) {
    const path = `/v1/db/${namespace}/main`
    const listing = platform.request(`${path}/${operation}`, { token, headers: { 'X-Request-Id': operation } })
    const cancel = () => platform.request(`${path}/queries/${operation}`, { method: 'DELETE', token })
    await until(async () => (await cancel()).status === 200)
    expect((await listing).body.code, operation).toBe('query_canceled')
  }
})

test('a table scope and a view that changes hold in readers', async () => {
  const db = await withRows()
  await db.query('CREATE TABLE secret (v)')
  await db.query("INSERT INTO secret VALUES ('hidden')")
  const { body: minted } = await platform.request('/v1/tokens', {
    token: db.token,
    body: { name: 'scoped', role: 'readonly', tableScope: ['t'] },
  })
  const scoped = platform.database(db.namespace, 'main', minted.data.token)
  expect((await scoped.query('SELECT count(*) FROM t a, t b')).body.data.rows).toEqual([[1_000_000]])
  expect((await scoped.query('SELECT count(*) FROM secret a, t b, t c')).body.code).toBe('table_out_of_scope')
})

inReaders('a database that is deleted and created again during a long read shows none of its rows', async () => {
  const db = await withRows()
  const { body: minted } = await platform.request('/v1/tokens', {
    token: db.token,
    body: { name: 'reader', role: 'readonly' },
  })
  const reading = platform.database(db.namespace, 'main', minted.data.token).query(endless)
  await until(async () => (await readersRunning()) > 0)
  expect((await platform.request('/v1/databases/main', { token: db.token, method: 'DELETE' })).status).toBe(200)
  expect((await reading).status).toBe(404)
  expect((await platform.request('/v1/databases', { token: db.token, body: { slug: 'main' } })).status).toBe(200)
  expect((await db.query("SELECT count(*) FROM sqlite_master WHERE name = 't'")).body.data.rows).toEqual([[0]])
  expect(
    (await db.query(`SELECT (SELECT count(*) FROM sqlite_master WHERE name = 't'), (${counted(5)})`)).body.data.rows,
  ).toEqual([[0, 5]])
})

test('a large result arrives whole, as a stream, and one that can be replayed as text', async () => {
  const db = await withRows()
  const sql = "SELECT id, printf('%.*c', 100000, 'x') AS v, 'ä' AS a FROM t LIMIT 120"
  const expected = Array.from({ length: 120 }, (_, i) => [i + 1, 'x'.repeat(100_000), 'ä'])
  for (const headers of [undefined, { 'Idempotency-Key': 'large' }]) {
    const { status, body } = await db.query(sql, undefined, headers)
    expect(status).toBe(200)
    expect(body.data.columns).toEqual(['id', 'v', 'a'])
    expect(body.data.rows).toEqual(expected)
    expect(body.meta).toMatchObject({ statementCount: 1, rowsWritten: 0, rowsRead: body.data.rowsRead })
  }
  const { body } = await db.batch([{ sql }, { sql: 'SELECT 1' }])
  expect(body.data.map(({ rows }: { rows: unknown[] }) => rows.length)).toEqual([120, 1])
})

inReaders(
  'a result that its caller still receives is whole, although other reads of the readers are canceled',
  async () => {
    const sender = await withRows()
    const sql = "SELECT id, printf('%.*c', 10000, 'x') FROM t LIMIT 1000"
    const response = await fetch(`${platform.url}/v1/db/${sender.namespace}/main/query`, {
      method: 'POST',
      headers: { authorization: `Bearer ${sender.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ sql }),
    })
    expect(response.status).toBe(200)
    const others = await Promise.all([withRows(), withRows()])
    const canceled = others.map(async (other, i) => {
      const id = `cancel-${i}`
      const reading = platform.request(`/v1/db/${other.namespace}/main/query`, {
        token: other.token,
        body: { sql: endless },
        headers: { 'X-Request-Id': id },
      })
      const path = `/v1/db/${other.namespace}/main/queries/${id}`
      await until(async () => (await platform.request(path, { method: 'DELETE', token: other.token })).status === 200)
      return (await reading).body.code
    })
    expect(await Promise.all(canceled)).toEqual(['query_canceled', 'query_canceled'])
    const { data } = (await response.json()) as { data: { rows: [number, string][] } }
    expect(data.rows.map(([id, text]) => [id, text.length])).toEqual(
      Array.from({ length: 1000 }, (_, i) => [i + 1, 10_000]),
    )
    // A reader that starts again replaces its folder.
    const folder = join(platform.data, 'tmp', 'results')
    const left = await Promise.all(
      (await readdir(folder)).map((reader) => readdir(join(folder, reader)).catch(() => [])),
    )
    expect(left.flat()).toEqual([])
  },
)

test('callers that never receive their large results block no other namespace', async () => {
  const db = await withRows()
  const sql = "SELECT printf('%.*c', 100000, 'x') FROM t LIMIT 150"
  const stalled = await Promise.all(
    Array.from({ length: 4 }, () =>
      fetch(`${platform.url}${db.path}/query`, {
        method: 'POST',
        headers: { authorization: `Bearer ${db.token}` },
        body: JSON.stringify({ sql }),
      }),
    ),
  )
  const other = await withRows()
  for (let i = 0; i < 10; i++) expect((await other.query(counted(1_000))).status).toBe(200)
  await Promise.all(stalled.map(({ body }) => body?.cancel()))
})

describe('the write-ahead log', () => {
  test('stays bounded under endless short reads in readers, and no call fails', async () => {
    const db = await withRows()
    await db.query('CREATE TABLE big (b BLOB)')
    let isOver = false
    let reads = 0
    const reading = Array.from({ length: 3 }, async () => {
      while (!isOver) {
        const { status } = await db.query(`SELECT (SELECT count(*) FROM big), (${counted(20_000)})`)
        if (status !== 429) expect(status).toBe(200)
        reads++
      }
    })
    for (let i = 0; i < 200; i++) {
      const { status, body } = await db.query('INSERT INTO big VALUES (zeroblob(1000000))')
      expect({ status, error: body.error }).toEqual({ status: 200, error: undefined })
      if (i % 20 === 19) await db.query('DELETE FROM big')
    }
    isOver = true
    await Promise.all(reading)
    expect(reads).toBeGreaterThan(20)
    const folder = join(platform.data, 'objects', 'database')
    const logs = (await readdir(folder)).filter((name) => name.endsWith('-wal'))
    const sizes = await Promise.all(logs.map(async (name) => (await stat(join(folder, name))).size))
    expect(Math.max(...sizes)).toBeLessThan(100 * 1024 * 1024)
  })
})

describe.runIf(hasReaders)('with a short limit', () => {
  let general: TestPlatform
  beforeAll(async () => {
    general = platform
    platform = await startPlatform({ readers: 2, environment: { QUERY_TIMEOUT_S: '3' } })
  })
  afterAll(async () => {
    await platform.stop()
    platform = general
  })

  test('an endless read of a readonly token is stopped at the limit, and no other call fails', async () => {
    const db = await withRows()
    const { body: minted } = await platform.request('/v1/tokens', {
      token: db.token,
      body: { name: 'reader', role: 'readonly' },
    })
    const reader = platform.database(db.namespace, 'main', minted.data.token)
    // The token waits for a second only, so it asks again immediately.
    const reading = reader.query(endless).then(async (stopped) => [stopped, await reader.query(endless)] as const)
    await until(async () => (await readersRunning()) > 0)
    const other = await withRows()
    for (let i = 0; i < 20; i++) {
      for (const each of [db, other]) {
        expect((await each.query('INSERT INTO t (v) VALUES (?)', [`row ${i}`])).status).toBe(200)
        expect((await each.query('SELECT count(*) FROM t')).body.data.rows).toEqual([[1_001 + i]])
      }
    }
    const [{ status, body }, refused] = await reading
    expect({ status, code: body.code }).toEqual({ status: 408, code: 'query_timeout' })
    expect({ status: refused.status, code: refused.body.code }).toEqual({ status: 429, code: 'too_busy' })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    // Short reads don't have to wait.
    expect((await reader.query('SELECT count(*) FROM t')).status).toBe(200)
  })

  test('five endless reads of one namespace queue among themselves, and other namespaces still read', async () => {
    const greedy = await withRows()
    const answers = Array.from({ length: 5 }, () => greedy.query(endless))
    await until(async () => (await readersRunning()) > 0)
    const other = await withRows()
    for (let i = 0; i < 10; i++) expect((await other.query(counted(1_000))).status).toBe(200)
    const statuses = (await Promise.all(answers)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 408).length).toBeGreaterThan(0)
    expect(statuses.filter((status) => status !== 408 && status !== 429)).toEqual([])
  })
})
