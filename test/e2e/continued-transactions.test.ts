import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PerSQL } from '../../packages/sdk/src/index.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { batch, chain, close, execute, LibsqlClient } from '../libsql-client.ts'
import { subscribe } from '../socket.ts'
import { openTransactions, Tx } from '../transactions.ts'
import { startReceiver } from '../webhook-receiver.ts'

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await startPlatform({ readers: 1, environment: { PERSQL_DEV: '1' } })
  acme = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())

const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE DEFAULT (hex(randomblob(8))))'
const RANDOM = 'INSERT INTO t DEFAULT VALUES'
type Db = Awaited<ReturnType<typeof acme.make>>
const values = async (db: Db) => (await db.query('SELECT v FROM t ORDER BY id')).body.data.rows.flat()
const insert = (value: string) => `INSERT INTO t (v) VALUES ('${value}')`
const at = (db: Db, token = acme.token) => new LibsqlClient(`${platform.url}/libsql/acme/${db.slug}/`, token)
const withToken = async (db: Db, body: object) => {
  const { body: made } = await platform.request('/v1/tokens', { token: acme.token, body })
  const token = made.data as { id: string; token: string }
  return { id: token.id, db: platform.database('acme', db.slug, token.token) }
}
/** Opens a transaction that is continued. */
async function begin(db: Db): Promise<Tx> {
  const { status, body } = await db.request('/transactions', { body: { statements: [{ sql: RANDOM }] } })
  expect([status, body.code]).toEqual([201, undefined])
  return new Tx(db, body.data.id)
}

describe('a transaction with random values', () => {
  test('commits the values that it returned, once', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin()
    const [[v]] = (await tx.run(`${RANDOM} RETURNING v`)).rows as [[string]]
    expect((await tx.run('SELECT v FROM t')).rows).toEqual([[v]])
    const { status, body } = await tx.commit()
    expect([status, body.data]).toEqual([200, { committed: true, results: [], rowsWritten: 2 }])
    const again = await tx.commit()
    expect([again.body, again.headers.get('Idempotency-Replayed')]).toEqual([body, 'true'])
    expect((await tx.rollback()).body.code).toBe('transaction_committed')
    expect(await values(db)).toEqual([v])
  })

  test('commits with more statements, or fails and stays open', async () => {
    const db = await acme.make(TABLE)
    const tx = await begin(db)
    const failed = await tx.commit([{ sql: insert('a') }, { sql: insert('a') }])
    expect([failed.status, failed.body.statement]).toEqual([400, 2])
    const committed = await tx.commit([{ sql: insert('b') }])
    expect(committed.body.data).toMatchObject({ committed: true, results: [{ changes: 1 }] })
    expect((await values(db)).slice(1)).toEqual(['a', 'b'])
  })

  test('returns the response to a step again', async () => {
    const db = await acme.make(TABLE)
    const tx = await begin(db)
    const { body } = await tx.send(`${RANDOM} RETURNING v`)
    expect((await tx.send(`${RANDOM} RETURNING v`)).body.data).toEqual(body.data)
    expect((await tx.at(3, 'SELECT 1')).body.code).toBe('transaction_step')
    await tx.commit()
    expect(await values(db)).toHaveLength(2)
  })

  test('refuses DROP, and DELETE of a whole table', async () => {
    const db = await acme.make(TABLE, insert('old'))
    const tx = await begin(db)
    for (const sql of ['DELETE FROM t', 'DROP TABLE t', "REPLACE INTO t (id, v) VALUES (1, 'new')"]) {
      const { status, body } = await tx.send(sql)
      expect([sql, status, body.code]).toEqual([sql, 400, 'statement_not_allowed'])
      tx.step++
    }
    await tx.run("DELETE FROM t WHERE v = 'old'")
    expect((await tx.commit()).status).toBe(200)
    expect(await values(db)).toHaveLength(1)
  })

  test('refuses random values after DELETE of a whole table, and can be committed', async () => {
    const db = await acme.make(TABLE, insert('old'))
    const tx = await openTransactions(db).begin()
    await tx.run('DELETE FROM t')
    const { status, body } = await tx.send(RANDOM)
    expect([status, body.code]).toEqual([400, 'statement_not_allowed'])
    expect((await tx.commit()).body.data.snapshot).toMatchObject({ label: 'Before DELETE FROM t' })
    expect(await values(db)).toEqual([])
  })
})

describe('a transaction with more than 200 writes', () => {
  test('continues', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin()
    await tx.run('SAVEPOINT a')
    for (let step = 2; step <= 11; step++) {
      const statements = Array.from({ length: 100 }, (_, i) => ({ sql: insert(`${step}.${i}`) }))
      const { status, body } = await db.request(`/transactions/${tx.id}/statements`, { body: { step, statements } })
      expect([status, body.code]).toEqual([200, undefined])
    }
    tx.step = 11
    expect((await tx.run('SELECT count(*) FROM t')).rows).toEqual([[1_000]])
    expect((await tx.commit()).body.data.rowsWritten).toBe(2_000)
    expect(await values(db)).toHaveLength(1_000)
  })

  test('returns to a savepoint before them', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin()
    await tx.run(insert('kept'))
    await tx.run('SAVEPOINT a')
    for (let step = 3; step <= 5; step++) {
      const statements = Array.from({ length: 100 }, (_, i) => ({ sql: insert(`${step}.${i}`) }))
      await db.request(`/transactions/${tx.id}/statements`, { body: { step, statements } })
    }
    tx.step = 5
    await tx.run('ROLLBACK TO a')
    expect((await tx.run('SELECT v FROM t')).rows).toEqual([['kept']])
    expect((await tx.commit()).body.data.rowsWritten).toBe(2)
    expect(await values(db)).toEqual(['kept'])
  })
})

describe('over libSQL, a transaction with random values', () => {
  test('commits the values that it returned', async () => {
    const db = await acme.make(TABLE)
    const client = at(db)
    const opened = await client.pipeline([batch(chain('BEGIN', `${RANDOM} RETURNING v`))])
    const [, { rows }] = opened.results[0].response.result.step_results
    const read = await client.pipeline([execute('SELECT v FROM t'), { type: 'get_autocommit' }], opened.baton)
    expect(read.results[0].response.result.rows).toEqual(rows)
    expect(read.results[1].response.is_autocommit).toBe(false)
    const ended = await client.pipeline([execute('COMMIT'), execute('SELECT v FROM t'), close], read.baton)
    expect(ended).toMatchObject({ baton: null, results: [{ type: 'ok' }, { response: { result: { rows } } }, {}] })
    expect(await values(db)).toEqual([rows[0][0].value])
  })

  test('runs in one request', async () => {
    const db = await acme.make(TABLE)
    const { baton, results } = await at(db).pipeline([batch(chain('BEGIN', `${RANDOM} RETURNING v`, 'COMMIT')), close])
    const { step_results, step_errors } = results[0].response.result
    expect([baton, step_errors]).toEqual([null, [null, null, null]])
    expect(await values(db)).toEqual([step_results[1].rows[0][0].value])
  })

  test.each([
    ['after a statement that was committed', `${insert('x')}; BEGIN; ${RANDOM}; COMMIT`, 2],
    ['in several transactions', `BEGIN; ${RANDOM}; COMMIT; BEGIN; ${RANDOM}; ${RANDOM}; COMMIT`, 3],
    ['with a savepoint that is rolled back', `BEGIN; ${RANDOM}; SAVEPOINT s; ${RANDOM}; ROLLBACK TO s; COMMIT`, 1],
    ['that is rolled back', `${insert('x')}; BEGIN; ${RANDOM}; ROLLBACK`, 1],
  ])('runs in a sequence %s', async (_, sql, rows) => {
    const db = await acme.make(TABLE)
    const { results } = await at(db).pipeline([{ type: 'sequence', sql }, { type: 'get_autocommit' }, close])
    expect(results).toMatchObject([{ type: 'ok' }, { response: { is_autocommit: true } }, { type: 'ok' }])
    expect(await values(db)).toHaveLength(rows)
  })

  test.each([
    ['ROLLBACK, and what follows runs after it', [execute('ROLLBACK'), execute(insert('after')), close], ['after']],
    ['ROLLBACK and another transaction', [batch(chain('ROLLBACK', 'BEGIN', insert('other'), 'COMMIT'))], ['other']],
    ['the end of its stream', [close], []],
    [
      'COMMIT, and what follows is committed too',
      [execute('COMMIT'), execute(insert('after')), close],
      [expect.any(String), 'after'],
    ],
  ])('ends with %s', async (_, requests, left) => {
    const db = await acme.make(TABLE)
    const client = at(db)
    const { baton } = await client.pipeline([batch(chain('BEGIN IMMEDIATE', RANDOM))])
    const ended = await client.pipeline(requests, baton)
    expect(ended.baton).toBeNull()
    expect(ended.results.map(({ type }) => type)).toEqual(requests.map(() => 'ok'))
    expect(await values(db)).toEqual(left)
  })

  test('leaves another transaction open after it', async () => {
    const db = await acme.make(TABLE)
    const client = at(db)
    const { baton } = await client.pipeline([batch(chain('BEGIN', RANDOM))])
    const next = await client.pipeline([batch(chain('COMMIT', 'BEGIN', insert('open')))], baton)
    expect(next.results[0].response.result.step_errors).toEqual([null, null, null])
    expect(await values(db)).toHaveLength(1)
    await client.pipeline([execute('COMMIT'), close], next.baton)
    expect((await values(db))[1]).toBe('open')
  })

  test('belongs to its baton', async () => {
    const db = await acme.make(TABLE)
    const client = at(db)
    const { baton } = await client.pipeline([batch(chain('BEGIN', RANDOM))])
    const [stream] = (baton as string).split('.')
    await expect(client.pipeline([execute('COMMIT')], `${stream}.9`)).rejects.toMatchObject({ code: 'STREAM_EXPIRED' })
    // A body that only looks like one of the stream runs nothing in it.
    const body = { baton: null, requests: [execute(insert('x')), close], more: { baton } }
    const inside = client.send('v3/pipeline', body)
    await client.pipeline([execute('ROLLBACK'), close], baton)
    await inside
    expect((await values(db)).filter((v: string) => v !== 'x')).toEqual([])
  })
})

describe('while a transaction is continued', () => {
  test('other calls wait, see nothing of it, and then run in their order', async () => {
    const db = await acme.make(TABLE)
    const tx = await begin(db)
    let ended = 0
    const waiting = <T>(call: Promise<T>) => call.finally(() => ended++)
    const first = waiting(values(db))
    await sleep(100)
    const others = Promise.all([waiting(db.query(insert('second'))), waiting(values(db))])
    await sleep(100)
    expect(ended).toBe(0)
    await tx.run(insert('first'))
    await tx.commit()
    expect(await first).toHaveLength(2)
    const [write, read] = await others
    expect(write.status).toBe(200)
    expect([2, 3]).toContain(read.length)
  })

  test('other databases are served', async () => {
    const [db, other] = [await acme.make(TABLE), await acme.make(TABLE)]
    const tx = await begin(db)
    expect((await other.query(insert('a'))).status).toBe(200)
    const inOther = await begin(other)
    await Promise.all([tx.commit(), inOther.commit()])
    expect([await values(db), await values(other)]).toMatchObject([{ length: 1 }, { length: 2 }])
  })

  test('a caller that falls silent is rolled back, and others are served', async () => {
    const db = await acme.make(TABLE)
    const tx = await begin(db)
    expect(await values(db)).toEqual([])
    const { status, body } = await tx.commit()
    expect([status, body.code]).toEqual([410, 'transaction_expired'])
    expect(['idle', 'held']).toContain(body.reason)
  })

  test('a client that gives up a request leaves it open', async () => {
    const db = await acme.make(TABLE)
    const tx = await begin(db)
    const slow = 'WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 300000) SELECT max(i) FROM c'
    const given = fetch(`${platform.url}/v1/db/acme/${db.slug}/transactions/${tx.id}/statements`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${acme.token}` },
      body: JSON.stringify({ step: 1, statements: [{ sql: slow }] }),
      signal: AbortSignal.timeout(5),
    }).catch(() => undefined)
    await given
    // It can have arrived, or not.
    const { body } = await tx.at(2, insert('a'))
    if (body.code === 'transaction_step') await tx.at(1, insert('a'))
    expect((await tx.commit()).status).toBe(200)
    expect((await values(db))[1]).toBe('a')
  })

  test('a revocation of its token ends it', async () => {
    const db = await acme.make(TABLE)
    const other = await withToken(db, { name: 'a', role: 'readwrite' })
    const tx = await begin(platform.database('acme', db.slug, acme.token))
      .then((mine) => mine.rollback())
      .then(() => begin(other.db as Db))
    const waiting = db.query(insert('theirs'))
    const revoked = await platform.request(`/v1/tokens/${other.id}`, { token: acme.token, method: 'DELETE' })
    expect(revoked.status).toBe(200)
    expect((await tx.commit()).status).toBe(401)
    expect((await waiting).status).toBe(200)
    expect(await values(db)).toEqual(['theirs'])
  })

  test('it belongs to the token that opened it', async () => {
    const db = await acme.make(TABLE)
    const other = await withToken(db, { name: 'b', role: 'admin' })
    const tx = await begin(db)
    for (const path of ['/statements', '/commit', '/rollback', '']) {
      const body = path === '/statements' ? { step: 1, statements: [{ sql: insert('x') }] } : undefined
      const options = path === '' ? { method: 'DELETE' } : { method: 'POST', body }
      const answer = await other.db.request(`/transactions/${tx.id}${path}`, options)
      expect([path, answer.status, answer.body.code]).toEqual([path, 404, 'transaction_not_found'])
    }
    expect((await tx.commit()).status).toBe(200)
    expect(await values(db)).toHaveLength(1)
  })

  test('a role and a table scope apply to each statement', async () => {
    const db = await acme.make(TABLE, 'CREATE TABLE secret (id INTEGER)')
    const scoped = await withToken(db, { name: 'c', role: 'readwrite', tableScope: ['t'] })
    const tx = await begin(scoped.db as Db)
    for (const sql of ['SELECT * FROM secret', 'INSERT INTO secret VALUES (1)', 'DROP TABLE t']) {
      expect([sql, (await tx.send(sql)).body.code]).toEqual([sql, 'table_out_of_scope'])
      tx.step++
    }
    expect((await tx.commit()).status).toBe(200)
  })

  test('an approval rule stops a statement', async () => {
    const db = await acme.make(TABLE, 'CREATE TABLE guarded (id INTEGER)')
    await db.request('/approval_rules', { body: { tableGlob: 'guarded', action: 'require_approval' } })
    const tx = await begin(db)
    const { status, body } = await tx.send('INSERT INTO guarded VALUES (random())')
    expect([status, body.code, body.hits]).toMatchObject([
      403,
      'approval_in_transaction',
      [{ matchedTable: 'guarded' }],
    ])
    expect((await tx.commit()).status).toBe(200)
  })

  test('deleting the database ends it', async () => {
    const db = await acme.make(TABLE)
    const tx = await begin(db)
    const deleted = await platform.request(`/v1/databases/${db.slug}`, { token: acme.token, method: 'DELETE' })
    expect(deleted.status).toBe(200)
    expect([404, 410]).toContain((await tx.commit()).status)
  })

  test('16 clients that read a counter and write it increment it exactly', async () => {
    const db = await acme.make('CREATE TABLE c (n INTEGER, tag)', "INSERT INTO c VALUES (0, '')")
    const client = async () => {
      for (let i = 0; i < 2; i++) {
        const tx = await openTransactions(db).begin('write')
        const { rows } = await tx.run('SELECT n FROM c')
        await tx.run('UPDATE c SET n = ?, tag = hex(randomblob(4))', [Number(rows[0]?.[0]) + 1])
        const read = await tx.run('SELECT n FROM c')
        expect(read.rows).toEqual([[Number(rows[0]?.[0]) + 1]])
        expect((await tx.commit()).status).toBe(200)
      }
    }
    await Promise.all(Array.from({ length: 16 }, client))
    expect((await db.query('SELECT n FROM c')).body.data.rows).toEqual([[32]])
  })
})

test('changes are reported at the commit, once, and none after a rollback', async () => {
  const db = await acme.make(TABLE)
  const changes = async (cursor?: string) =>
    (await db.request(`/wait_for_changes?timeoutSec=0${cursor ? `&cursor=${cursor}` : ''}`)).body.data
  const { cursor } = await changes()
  const left = await begin(db)
  await left.rollback()
  const tx = await begin(db)
  await tx.run('SAVEPOINT s')
  await tx.run('CREATE TABLE gone (a)')
  await tx.run('ROLLBACK TO s')
  await tx.send('INSERT INTO t (v) SELECT v FROM t')
  tx.step++
  await tx.commit()
  const seen = await changes(cursor)
  expect(seen.changes).toMatchObject([{ table: 't', kind: 'insert' }])
  expect((await changes(seen.cursor)).changes).toEqual([])
})

test('subscribers and webhooks get its changes once, in their order, and none of one that is rolled back', async () => {
  const db = await acme.make(TABLE, 'CREATE TABLE u (n INTEGER)')
  const receiver = await startReceiver()
  try {
    const hook = { name: 'mine', url: receiver.url }
    expect((await db.request('/webhooks', { body: hook })).status).toBe(200)
    const subscriber = await subscribe(`${platform.url}/v1/db/acme/${db.slug}/subscribe`, { token: acme.token })
    const lost = await begin(db)
    await lost.run('INSERT INTO u VALUES (1)')
    await lost.rollback()
    const tx = await begin(db)
    await tx.run('INSERT INTO u VALUES (1)')
    await tx.run('SAVEPOINT s')
    await tx.run('DELETE FROM u WHERE n = 1')
    await tx.run('ROLLBACK TO s')
    await tx.run('UPDATE u SET n = 2')
    expect([subscriber.changes(), receiver.received]).toEqual([[], []])
    expect((await tx.commit()).status).toBe(200)
    await db.query('CREATE TABLE last (n INTEGER)')
    await subscriber.until(({ kind }) => kind === 'schema')
    const expected = ['t insert', 'u insert', 'u update']
    expect(subscriber.changes().slice(0, 3)).toEqual(expected)
    const delivered = await receiver.got(4)
    const kinds = delivered.map(({ body }) => `${body.table} ${body.kind}`)
    expect(kinds.filter((kind) => !kind.endsWith('schema')).sort()).toEqual(expected)
    expect(new Set(delivered.map(({ body }) => body.id)).size).toBe(delivered.length)
    subscriber.close()
  } finally {
    await receiver.stop()
  }
})

test('charges are those of a transaction that is repeated', async () => {
  const other = await platform.createNamespace('money')
  const spent = async () => {
    const { spend } = (await platform.request('/v1/billing', { token: other.token })).body.data
    return [spend.requests.quantity, spend.rowsRead.quantity, spend.rowsWritten.quantity]
  }
  const used: unknown[] = []
  for (const first of [() => RANDOM, insert]) {
    const db = await other.make(TABLE)
    const before = await spent()
    for (const end of ['commit', 'rollback'] as const) {
      const tx = await openTransactions(db).begin()
      await tx.run(first(end))
      for (let i = 0; i < 5; i++) await tx.run(insert(`${end} ${i}`))
      await tx.send('INSERT INTO nowhere VALUES (1)')
      tx.step++
      await tx.send(insert(`${end} 1`))
      tx.step++
      await tx.run('SELECT count(*) FROM t')
      await tx[end]()
      await tx[end]()
    }
    used.push((await spent()).map((value, i) => value - (before[i] ?? 0)))
  }
  expect(used[0]).toEqual(used[1])
})

test('a kill leaves nothing of it, and a commit before a kill returns its response again', async () => {
  const db = await acme.make(TABLE)
  const first = await begin(db)
  const committed = await first.commit()
  const second = await begin(db)
  await second.run(insert('lost'))
  await platform.kill()
  await platform.restart()
  const again = await first.commit()
  expect([again.status, again.body, again.headers.get('Idempotency-Replayed')]).toEqual([200, committed.body, 'true'])
  expect((await second.commit()).body.code).toBe('transaction_expired')
  expect(await values(db)).toHaveLength(1)
})

test('a statement that runs too long ends it, and others are served', async () => {
  const environment = { QUERY_TIMEOUT_S: '2' }
  const watched = await startPlatform({ watchdog: true, environment, failures: ['unavailable'] })
  const db = await (await watched.createNamespace('acme')).make(TABLE, insert('old'))
  const tx = await begin(db)
  const endless = 'WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT max(i) FROM c'
  // The launcher ends the process.
  await tx.send(endless).catch(() => {})
  const outcome = async () => (await tx.commit().catch(() => undefined))?.body.code
  await expect.poll(outcome).toBe('transaction_expired')
  expect(await values(db)).toEqual(['old'])
  await watched.stop()
})

test('on Cloudflare, its calls find it too', async () => {
  const elsewhere = await startPlatform({ environment: { PERSQL_RUNTIME: 'cloudflare' } })
  const { make, token } = await elsewhere.createNamespace('acme')
  const db = await make(TABLE)
  const tx = await begin(db)
  const waiting = values(db)
  await tx.run(insert('a'))
  expect((await tx.commit()).status).toBe(200)
  expect(await waiting).toHaveLength(2)
  const client = new LibsqlClient(`${elsewhere.url}/libsql/acme/${db.slug}/`, token)
  const { baton } = await client.pipeline([batch(chain('BEGIN', RANDOM))])
  await client.pipeline([execute(insert('b')), execute('COMMIT'), close], baton)
  const plain = await client.pipeline([batch(chain('BEGIN', insert('c')))])
  await client.pipeline([execute('COMMIT'), close], plain.baton)
  expect(await values(db)).toHaveLength(5)
  await elsewhere.stop()
})

test('the SDK runs 1,000 inserts in a transaction', async () => {
  const db = await acme.make(TABLE)
  const sdk = new PerSQL({ token: acme.token, baseURL: platform.url }).database(`acme/${db.slug}`)
  const ids = await sdk.transaction(async (tx) => {
    const seen: unknown[] = []
    for (let i = 0; i < 20; i++) {
      const some = Array.from({ length: 50 }, (_, j) => ({ sql: insert(`${i * 50 + j}`) }))
      for (const { lastInsertRowid } of await tx.batch(some)) seen.push(lastInsertRowid)
    }
    return seen
  })
  expect(ids).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1))
  expect(await values(db)).toHaveLength(1_000)
})
