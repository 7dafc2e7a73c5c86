import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { hasReaders } from '../reader-count.ts'
import { openTransactions, Tx } from '../transactions.ts'

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await startPlatform({ readers: 2, environment: { PERSQL_DEV: '1' } })
  acme = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())

const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)'
type Db = Awaited<ReturnType<typeof acme.make>>
const values = async (db: Db) => (await db.query('SELECT v FROM t ORDER BY id')).body.data.rows.flat()
const insert = (value: string) => `INSERT INTO t (v) VALUES ('${value}')`
const withToken = async (db: Db, body: object) => {
  const { body: made } = await platform.request('/v1/tokens', { token: acme.token, body })
  const token = made.data as { id: string; token: string }
  return { id: token.id, db: platform.database('acme', db.slug, token.token) }
}

describe('money', () => {
  test('each statement is charged when it first runs, each request once, and repeated runs are free', async () => {
    const other = await platform.createNamespace('money')
    const db = await other.make(TABLE)
    const spent = async () => {
      const { spend } = (await platform.request('/v1/billing', { token: other.token })).body.data
      return [spend.requests.quantity, spend.rowsRead.quantity, spend.rowsWritten.quantity]
    }
    const before = await spent()
    const tx = await openTransactions(db).begin()
    for (let i = 0; i < 5; i++) await tx.run(insert(`v${i}`))
    const again = await tx.at(5, insert('v4'))
    expect(again.body.meta).toMatchObject({ rowsWritten: 0, rowsRead: 0, statementCount: 0 })
    await tx.send('INSERT INTO nowhere VALUES (1)')
    tx.step++
    await tx.run('SELECT count(*) FROM t')
    expect((await tx.commit()).body).toMatchObject({ data: { rowsWritten: 10 }, meta: { rowsWritten: 0 } })
    await tx.commit()
    const rolledBack = await openTransactions(db).begin()
    await rolledBack.run(insert('none'))
    await rolledBack.rollback()
    // Every request of a transaction, among them a repeated step, a repeated commit and a failed statement.
    const requests = 1 + 5 + 1 + 1 + 1 + 2 + 3
    const after = await spent()
    const [r, read, written] = after.map((value, i) => value - (before[i] ?? 0))
    // The report of usage is a request too.
    expect([r, written]).toEqual([requests, 12])
    expect(read).toBeLessThan(60)
  })
})

describe('access', () => {
  test('a revocation ends the transactions of the token, and writers continue', async () => {
    const db = await acme.make(TABLE)
    const other = await withToken(db, { name: 'a', role: 'readwrite' })
    const tx = await openTransactions(other.db).begin('write')
    await tx.run(insert('mine'))
    const waiting = db.query(insert('theirs'))
    expect((await platform.request(`/v1/tokens/${other.id}`, { token: acme.token, method: 'DELETE' })).status).toBe(200)
    expect((await waiting).status).toBe(200)
    expect((await tx.commit()).status).toBe(401)
    expect(await values(db)).toEqual(['theirs'])
  })

  test('a transaction belongs to the token that opened it', async () => {
    const db = await acme.make(TABLE)
    const other = await withToken(db, { name: 'b', role: 'admin' })
    const tx = await openTransactions(db).begin()
    for (const [path, options] of [
      ['/statements', { body: { step: 1, statements: [{ sql: 'SELECT 1' }] } }],
      ['/commit', { method: 'POST' }],
      ['/rollback', { method: 'POST' }],
      ['', { method: 'DELETE' }],
    ] as const) {
      const { status, body } = await other.db.request(`/transactions/${tx.id}${path}`, options)
      expect([path, status, body.code]).toEqual([path, 404, 'transaction_not_found'])
    }
    expect((await tx.commit()).status).toBe(200)
  })

  test('a role and a table scope apply to each statement', async () => {
    const db = await acme.make(TABLE, 'CREATE TABLE secret (id INTEGER)')
    const readonly = await withToken(db, { name: 'c', role: 'readonly' })
    const scoped = await withToken(db, { name: 'd', role: 'readwrite', tableScope: ['t'] })
    const reading = await openTransactions(readonly.db).begin('write')
    expect((await db.query(insert('not blocked'))).status).toBe(200)
    expect((await reading.send(insert('a'))).body.code).toBe('role_insufficient')
    const tx = await openTransactions(scoped.db).begin()
    expect((await tx.send('SELECT * FROM secret')).body.code).toBe('table_out_of_scope')
    tx.step++
    expect((await tx.send('DROP TABLE t')).body.code).toBe('table_out_of_scope')
    tx.step++
    await tx.run(insert('b'))
    expect((await tx.commit()).status).toBe(200)
  })

  test('a transaction for reading does not write, and sees one state', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin('read')
    await tx.run('SELECT * FROM t')
    expect((await tx.send(insert('a'))).body.code).toBe('statement_not_allowed')
    tx.step++
    await tx.run('SELECT * FROM t')
    await db.query(insert('other'))
    expect((await tx.send('SELECT * FROM t')).body.code).toBe('transaction_conflict')
  })

  test('an approval rule stops a statement, also one that is made later', async () => {
    const db = await acme.make(TABLE, 'CREATE TABLE guarded (id INTEGER)')
    const tx = await openTransactions(db).begin()
    await tx.run(insert('a'))
    const rule = { tableGlob: 'guarded', action: 'require_approval' }
    expect((await db.request('/approval_rules', { body: rule })).status).toBe(200)
    const { status, body } = await tx.send('INSERT INTO guarded VALUES (1)')
    expect([status, body]).toMatchObject([
      403,
      { code: 'approval_in_transaction', hits: [{ matchedTable: 'guarded' }] },
    ])
    expect(body).not.toHaveProperty('approvalToken')
    tx.step++
    await db.request('/approval_rules', { body: { tableGlob: 't', action: 'deny' } })
    expect((await tx.commit()).body.code).toBe('approval_in_transaction')
    expect(await values(db)).toEqual([])
  })
})

describe('a commit', () => {
  test('creates a snapshot before it loses rows, and a rollback creates none', async () => {
    const db = await acme.make(TABLE, insert('one'), insert('two'))
    const left = await openTransactions(db).begin()
    await left.run('DELETE FROM t')
    await left.rollback()
    expect((await db.request('/snapshots')).body.data).toEqual([])
    const tx = await openTransactions(db).begin()
    await tx.run('DELETE FROM t')
    const { status, body } = await tx.commit()
    const [snapshot] = (await db.request('/snapshots')).body.data
    expect([status, body.data.snapshot]).toEqual([200, { id: snapshot.id, label: 'Before DELETE FROM t' }])
    expect(snapshot).toMatchObject({ rows: 2, automatic: true })
    expect(await values(db)).toEqual([])
    expect((await db.request('/restore', { body: { snapshotId: snapshot.id } })).status).toBe(200)
    expect(await values(db)).toEqual(['one', 'two'])
  })

  test('reports its changes once, and statements before it none', async () => {
    const db = await acme.make(TABLE)
    const changes = async (cursor?: string) => {
      const query = `timeoutSec=0${cursor ? `&cursor=${cursor}` : ''}`
      return (await db.request(`/wait_for_changes?${query}`)).body.data
    }
    const { cursor } = await changes()
    const tx = await openTransactions(db).begin()
    await tx.run(insert('a'))
    await tx.run(insert('b'))
    expect((await changes(cursor)).changes).toEqual([])
    await tx.commit()
    const seen = await changes(cursor)
    expect(seen.changes).toMatchObject([{ table: 't', kind: 'insert' }])
    expect((await changes(seen.cursor)).changes).toEqual([])
  })

  test('fails with a violated deferred key and stays open, until the key is repaired', async () => {
    const db = await acme.make(
      'CREATE TABLE p (id INTEGER PRIMARY KEY)',
      'CREATE TABLE c (p REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)',
    )
    const tx = await openTransactions(db).begin()
    await tx.run('INSERT INTO c VALUES (7)')
    const failed = await tx.commit()
    expect([failed.status, failed.body.errorDetail.kind]).toEqual([400, 'fk_violation'])
    await tx.run('INSERT INTO p VALUES (7)')
    expect((await tx.commit()).status).toBe(200)
    expect((await db.query('SELECT p FROM c')).body.data.rows).toEqual([[7]])
  })

  test('does not harm the database if a full-text table is created, filled and rolled back', async () => {
    const db = await acme.make(TABLE)
    const statements = [
      'CREATE VIRTUAL TABLE words USING fts5(text)',
      "INSERT INTO words VALUES ('x')",
      'SELECT nothing',
    ]
    const { status } = await db.batch(
      statements.map((sql) => ({ sql })),
      { transaction: true },
    )
    expect(status).toBe(400)
    expect((await db.query(insert('a'))).status).toBe(200)
    expect(await values(db)).toEqual(['a'])
  })

  test('changes the schema, and a rolled back change leaves nothing', async () => {
    const db = await acme.make(TABLE)
    for (const commits of [false, true]) {
      const tx = await openTransactions(db).begin()
      await tx.run('CREATE TABLE made (id INTEGER PRIMARY KEY, x)')
      await tx.run('CREATE VIRTUAL TABLE words USING fts5(text)')
      await tx.run("INSERT INTO words VALUES ('hello world')")
      await tx.run('INSERT INTO made (x) VALUES (1)')
      expect((await tx.run("SELECT text FROM words WHERE words MATCH 'hello'")).rows).toEqual([['hello world']])
      expect((await db.query('SELECT * FROM made')).body.code).toBe('sql_error')
      await (commits ? tx.commit() : tx.rollback())
      expect((await db.query('SELECT count(*) FROM made')).status).toBe(commits ? 200 : 400)
      expect((await db.query(insert(`${commits}`))).status).toBe(200)
    }
    const changes: { sql: string }[] = (await db.request('/schema_changes')).body.data
    expect(changes.filter(({ sql }) => sql.includes('made'))).toHaveLength(1)
  })
})

describe('counters of the connection', () => {
  const SCHEMA = [
    'CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, v UNIQUE)',
    'CREATE TABLE log (seen, n)',
    'CREATE TRIGGER noted AFTER UPDATE ON a BEGIN INSERT INTO log VALUES (last_insert_rowid(), changes()); END',
    'CREATE VIRTUAL TABLE words USING fts5(text)',
  ]
  test.each<[string, string[], string, unknown[]]>([
    ['an insert', ['INSERT INTO a (v) VALUES (1), (2)'], 'changes(), last_insert_rowid()', [2, 2]],
    ['an ignored insert', ['INSERT INTO a (v) VALUES (1)', 'INSERT OR IGNORE INTO a (v) VALUES (1)'], 'changes()', [0]],
    ['a full-text insert', ["INSERT INTO words VALUES ('x')"], 'changes(), last_insert_rowid()', [1, 1]],
    [
      'a failed insert',
      ['INSERT INTO a (v) VALUES (1)', '!INSERT INTO a (v) VALUES (2), (1)'],
      'changes(), last_insert_rowid()',
      [0, 2],
    ],
    [
      'all of the transaction',
      ['INSERT INTO a (v) VALUES (1), (2)', 'UPDATE a SET v = v + 10'],
      'total_changes()',
      [6],
    ],
    [
      'a savepoint that was undone',
      ['INSERT INTO a (v) VALUES (1)', 'SAVEPOINT s', 'INSERT INTO a (v) VALUES (2), (3)', 'ROLLBACK TO s'],
      'changes(), last_insert_rowid()',
      [1, 1],
    ],
  ])('%s', async (_name, statements, what, expected) => {
    const db = await acme.make(...SCHEMA)
    for (const inOneRequest of [false, true]) {
      const tx = await openTransactions(db).begin()
      for (const sql of statements) {
        const { status } = await tx.send(sql.replace('!', ''))
        expect([sql, status]).toEqual([sql, sql.startsWith('!') ? 400 : 200])
        tx.step++
      }
      if (inOneRequest) await tx.run('SELECT 1')
      expect((await tx.run(`SELECT ${what}`)).rows).toEqual([expected])
      await tx.rollback()
    }
    // Numbers that were taken in undone runs are free again.
    const { body } = await db.query("INSERT INTO a (v) VALUES ('last')")
    expect(body.data).toMatchObject({ changes: 1, lastInsertRowid: 1 })
  })
})

describe('limits', () => {
  test('a token has at most 20 open transactions', async () => {
    const db = await acme.make(TABLE)
    const open = await Promise.all(Array.from({ length: 20 }, () => openTransactions(db).begin()))
    const { status, body, headers } = await db.request('/transactions', { body: {} })
    expect([status, body.code, headers.get('Retry-After')]).toEqual([429, 'too_busy', '1'])
    await Promise.all(open.map((tx) => tx.rollback()))
    expect((await db.request('/transactions', { body: {} })).status).toBe(201)
  })

  test.each([
    ['idle', 6_000, 'it was idle for 5 s'],
    ['total', 16_000, 'it was open for 15 s'],
  ])('a transaction ends when it is %s', async (reason, ms, text) => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin()
    await tx.run(insert('a'))
    await platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs: ms } })
    const { status, body } = await tx.commit()
    await platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs: 0 } })
    expect([status, body.code, body.reason]).toEqual([410, 'transaction_expired', reason])
    expect(body.error).toContain(text)
    expect((await tx.rollback()).status).toBe(200)
    expect(await values(db)).toEqual([])
  })

  test('an idle transaction does not keep writers waiting', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin('write')
    const { status } = await db.query(insert('other'))
    expect(status).toBe(200)
    expect((await tx.commit()).body.reason).toBe('idle')
  })
})

describe('others', () => {
  test('deleting the database ends its transactions and those who wait for them', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin('write')
    const waiting = db.query(insert('other'))
    await sleep(50)
    expect((await platform.request(`/v1/databases/${db.slug}`, { token: acme.token, method: 'DELETE' })).status).toBe(
      200,
    )
    // An admin's call may create the database again.
    expect([200, 400, 404]).toContain((await waiting).status)
    expect([404, 410]).toContain((await tx.commit()).status)
  })

  test('endpoints, migrations and restores wait for an open transaction', async () => {
    const db = await acme.make(TABLE, insert('one'))
    const snapshot = (await db.request('/snapshots', { body: { label: 'one' } })).body.data
    const spec = {
      ...{ slug: 'add', name: 'Add', kind: 'mutation', method: 'POST', output: 'rows_written' },
      ...{ sql: 'INSERT INTO t (v) VALUES (?)', input: [{ name: 'v', type: 'text', required: true }] },
    }
    expect((await db.request('/endpoints', { body: spec })).status).toBe(200)
    expect((await db.request('/endpoints/add/publish', { body: {} })).status).toBe(200)
    const tx = await openTransactions(db).begin()
    await tx.run(insert('two'))
    const called = platform.request(`/p/acme/${db.slug}/add`, { body: { v: 'three' } })
    const batch = db.batch([{ sql: 'PRAGMA foreign_keys = OFF' }, { sql: insert('four') }], { transaction: true })
    await sleep(50)
    expect(await values(db)).toEqual(['one'])
    await tx.commit()
    expect((await called).status).toBe(200)
    expect((await batch).status).toBe(200)
    expect((await values(db)).sort()).toEqual(['four', 'one', 'three', 'two'])
    const other = await openTransactions(db).begin('write')
    await other.run(insert('lost'))
    const restored = db.request('/restore', { body: { snapshotId: snapshot.id } })
    await sleep(50)
    await other.commit()
    expect((await restored).status).toBe(200)
    expect(await values(db)).toEqual(['one'])
  })

  test('a copy has only what is committed, and the transaction continues after it', async () => {
    const db = await acme.make(TABLE, insert('one'))
    const tx = await openTransactions(db).begin('write')
    await tx.run(insert('two'))
    const { body } = await db.request('/snapshots', { body: { label: 'x' } })
    expect(body.data).toMatchObject({ rows: 1 })
    await tx.commit()
    expect(await values(db)).toEqual(['one', 'two'])
  })
})

describe.runIf(hasReaders)('reads that could take long', () => {
  const counted = (count: number) =>
    `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) SELECT count(*) FROM n`

  test('run in a reader before the first write, as the first statement or a step', async () => {
    const db = await acme.make(TABLE)
    const body = { statements: [{ sql: counted(1_000) }] }
    const opened = await db.request('/transactions', { body })
    expect([opened.status, opened.body.data.results[0].rows]).toEqual([201, [[1_000]]])
    const tx = new Tx(db, opened.body.data.id)
    const first = await tx.send(counted(2_000))
    expect(first.body).toMatchObject({ data: { step: 1, results: [{ rows: [[2_000]] }] }, meta: { statementCount: 1 } })
    expect((await tx.send(counted(2_000))).body.data).toEqual(first.body.data)
    tx.step++
    const failing = {
      step: 2,
      statements: [{ sql: counted(10) }, { sql: `SELECT abs(-9223372036854775808), (${counted(5)})` }],
    }
    const failed = await db.request(`/transactions/${tx.id}/statements`, { body: failing })
    expect([failed.status, failed.body]).toMatchObject([400, { statement: 2, results: [{ rows: [[10]] }] }])
    tx.step++
    await tx.run(insert('a'))
    expect((await tx.run(counted(1_000))).rows).toEqual([[1_000]])
    await tx.commit()
    expect(await values(db)).toEqual(['a'])
  })

  test('conflict with a write that runs in that time', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin()
    await tx.run('SELECT count(*) FROM t')
    const reading = tx.send(counted(3_000_000))
    await sleep(100)
    expect((await db.query(insert('other'))).status).toBe(200)
    const { status, body } = await reading
    // On a fast machine the read can end before the write.
    expect([200, 409]).toContain(status)
    if (status === 409) expect(body.code).toBe('transaction_conflict')
    await tx.rollback()
  })
})
