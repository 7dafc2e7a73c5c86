import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { openTransactions, type Tx } from '../transactions.ts'

const ns = uniqueName('tx')

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
})
afterAll(() => platform.stop())

const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)'
type Db = Awaited<ReturnType<typeof acme.make>>
const values = async (db: Db) => (await db.query('SELECT v FROM t ORDER BY id')).body.data.rows.flat()

describe('a transaction', () => {
  test('reads, decides and writes, and others see nothing of it until it commits', async () => {
    const db = await acme.make(TABLE, "INSERT INTO t (v) VALUES ('a')")
    const tx = await openTransactions(db).begin()
    expect((await tx.run('SELECT count(*) AS n FROM t')).rows).toEqual([[1]])
    expect(await tx.run("INSERT INTO t (v) VALUES ('b') RETURNING id")).toMatchObject({ rows: [[2]], changes: 1 })
    expect((await tx.run('SELECT v FROM t ORDER BY id')).rows).toEqual([['a'], ['b']])
    expect(await values(db)).toEqual(['a'])
    const { status, body } = await tx.commit()
    expect([status, body.data]).toEqual([200, { committed: true, results: [], rowsWritten: 2 }])
    expect(await values(db)).toEqual(['a', 'b'])
  })

  test('opens with statements and commits with more, in two requests', async () => {
    const db = await acme.make(TABLE)
    const opened = await db.request('/transactions', {
      body: { mode: 'write', statements: [{ sql: "INSERT INTO t (v) VALUES ('a')" }, { sql: 'SELECT v FROM t' }] },
    })
    expect(opened.status).toBe(201)
    expect(opened.body).toMatchObject({
      success: true,
      data: {
        id: expect.stringMatching(/^txn_[0-9a-f]{32}$/),
        expiresAt: expect.stringMatching(/^20..-..-..T..:..:..\....Z$/),
        results: [{ changes: 1, lastInsertRowid: 1 }, { rows: [['a']] }],
      },
      meta: { statementCount: 2, rowsWritten: 2 },
    })
    const { id } = opened.body.data
    const statements = [{ sql: "UPDATE t SET v = 'b'" }]
    const { body } = await db.request(`/transactions/${id}/commit`, { body: { statements } })
    expect(body.data).toMatchObject({ committed: true, results: [{ changes: 1 }], rowsWritten: 4 })
    expect(await values(db)).toEqual(['b'])
  })

  test('is rolled back by POST and by DELETE, and again without harm', async () => {
    const db = await acme.make(TABLE)
    for (const method of ['POST', 'DELETE'] as const) {
      const tx = await openTransactions(db).begin('write')
      await tx.run("INSERT INTO t (v) VALUES ('a')")
      const path = `/transactions/${tx.id}${method === 'POST' ? '/rollback' : ''}`
      for (let i = 0; i < 2; i++) {
        const { status, body } = await db.request(path, { method })
        expect([status, body]).toEqual([200, { success: true, data: { rolledBack: true } }])
      }
      const { status, body } = await tx.send('SELECT 1')
      expect([status, body.code]).toEqual([410, 'transaction_expired'])
    }
    expect(await values(db)).toEqual([])
  })

  test('continues after a statement that fails, without its effects', async () => {
    const db = await acme.make(TABLE, "INSERT INTO t (v) VALUES ('a')")
    const tx = await openTransactions(db).begin()
    await tx.run("INSERT INTO t (v) VALUES ('b')")
    const step = {
      step: 2,
      statements: [{ sql: 'SELECT 1' }, { sql: "INSERT INTO t (v) VALUES ('a')" }, { sql: 'SELECT 2' }],
    }
    const failed = await db.request(`/transactions/${tx.id}/statements`, { body: step })
    expect([failed.status, failed.body]).toMatchObject([
      400,
      {
        success: false,
        code: 'sql_error',
        statement: 2,
        results: [{ rows: [[1]] }],
        errorDetail: { kind: 'unique_violation', table: 't', column: 'v' },
      },
    ])
    // The step counts as answered, and the same number returns the same error.
    const again = await db.request(`/transactions/${tx.id}/statements`, { body: step })
    expect(again.body).toEqual(failed.body)
    const expecting = await db.request(`/transactions/${tx.id}/statements`, {
      body: { step: 3, statements: [{ sql: "UPDATE t SET v = v || '!'", expect: { rowsWritten: 1 } }] },
    })
    expect([expecting.status, expecting.body.code, expecting.body.statement]).toEqual([409, 'expectation_failed', 1])
    tx.step = 3
    expect((await tx.run('SELECT v FROM t ORDER BY id')).rows).toEqual([['a'], ['b']])
    expect((await tx.commit()).status).toBe(200)
    expect(await values(db)).toEqual(['a', 'b'])
  })

  test('commits nothing if a statement of the commit fails, and stays open', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin()
    await tx.run("INSERT INTO t (v) VALUES ('a')")
    const failed = await tx.commit([{ sql: "INSERT INTO t (v) VALUES ('b')" }, { sql: 'INSERT INTO nope VALUES (1)' }])
    expect([failed.status, failed.body.code, failed.body.statement]).toEqual([400, 'sql_error', 2])
    expect(await values(db)).toEqual([])
    expect((await tx.run('SELECT v FROM t ORDER BY id')).rows).toEqual([['a'], ['b']])
    expect((await tx.commit()).status).toBe(200)
    expect(await values(db)).toEqual(['a', 'b'])
  })

  test('can write random values with its commit, and nothing of them stays if that fails', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin()
    await tx.run("INSERT INTO t (v) VALUES ('a')")
    const random = { sql: 'INSERT INTO t (v) VALUES (hex(randomblob(8))) RETURNING v' }
    const failed = await tx.commit([random, { sql: "INSERT INTO t (v) VALUES ('a')" }])
    expect([failed.status, failed.body.statement]).toEqual([400, 2])
    expect((await tx.send('SELECT 1')).body.code).toBe('statement_not_allowed')
    await tx.rollback()
    const other = await openTransactions(db).begin()
    const committed = await other.commit([random])
    expect(await values(db)).toEqual(committed.body.data.results[0].rows[0])
  })

  test('has savepoints', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin()
    await tx.run("INSERT INTO t (v) VALUES ('a')")
    await tx.run('SAVEPOINT one')
    await tx.run("INSERT INTO t (v) VALUES ('b')")
    await tx.run('savepoint "Two";')
    await tx.run("INSERT INTO t (v) VALUES ('c')")
    await tx.run('/* back */ ROLLBACK TO SAVEPOINT two')
    expect((await tx.run('SELECT v FROM t ORDER BY id')).rows).toEqual([['a'], ['b']])
    await tx.run('RELEASE one')
    expect((await tx.send('ROLLBACK TO two')).body).toMatchObject({
      code: 'sql_error',
      error: 'no such savepoint: two',
    })
    tx.step++
    await tx.commit()
    expect(await values(db)).toEqual(['a', 'b'])
  })

  test.each([
    ['BEGIN', 'BEGIN in a transaction'],
    ['commit;', 'COMMIT in a transaction'],
    ['END TRANSACTION', 'COMMIT in a transaction'],
    ['-- x\nROLLBACK', 'ROLLBACK in a transaction'],
    ['PRAGMA foreign_keys = OFF', 'PRAGMA'],
    ['INSERT OR ROLLBACK INTO t (v) VALUES (1)', 'The conflict clause ROLLBACK'],
  ])('refuses %s and stays open', async (sql, message) => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin()
    const { status, body } = await tx.send(sql)
    expect([status, body.code]).toEqual([400, 'statement_not_allowed'])
    expect(body.error).toContain(message)
    tx.step++
    await tx.run('SELECT hex(randomblob(4)), random() & 7')
    expect((await tx.commit()).status).toBe(200)
  })
})

describe('steps', () => {
  test('have numbers, and the last one again returns its response again', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin()
    const first = await tx.send("INSERT INTO t (v) VALUES ('a') RETURNING v")
    expect((await tx.send("INSERT INTO t (v) VALUES ('a') RETURNING v")).body.data).toEqual(first.body.data)
    expect((await tx.at(3, 'SELECT 1')).body).toMatchObject({ code: 'transaction_step' })
    await tx.at(2, "INSERT INTO t (v) VALUES ('b')")
    const { status, body } = await tx.at(1, 'SELECT 1')
    expect([status, body.code]).toEqual([409, 'transaction_step'])
    await tx.commit()
    expect(await values(db)).toEqual(['a', 'b'])
  })

  test('a commit again returns the same response, and nothing runs twice', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin()
    await tx.run("INSERT INTO t (v) VALUES ('a')")
    const statements = [{ sql: "INSERT INTO t (v) VALUES ('b')" }]
    const first = await tx.commit(statements)
    const again = await tx.commit(statements)
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('Idempotency-Replayed')).toBe('true')
    for (const [path, options] of [
      ['/rollback', { method: 'POST' }],
      ['', { method: 'DELETE' }],
      ['/statements', { body: { step: 2, statements: [{ sql: 'SELECT 1' }] } }],
    ] as const) {
      const { status, body } = await db.request(`/transactions/${tx.id}${path}`, options)
      expect([path, status, body.code]).toEqual([path, 409, 'transaction_committed'])
    }
    expect(await values(db)).toEqual(['a', 'b'])
  })
})

describe('isolation', () => {
  test('16 clients that read a counter and write it increment it exactly', async () => {
    const db = await acme.make('CREATE TABLE c (n INTEGER)', 'INSERT INTO c VALUES (0)')
    const increment = async (mode: string): Promise<void> => {
      for (;;) {
        const tx = await openTransactions(db).begin(mode)
        try {
          const { rows } = await tx.run('SELECT n FROM c')
          await tx.run('UPDATE c SET n = ?', [Number(rows[0]?.[0]) + 1])
          if ((await tx.commit()).status === 200) return
        } catch (cause) {
          if (!/transaction_(conflict|busy)/.test(String(cause))) throw cause
        }
      }
    }
    const client = async (index: number) => {
      for (let i = 0; i < 4; i++) await increment(index % 4 === 0 ? 'deferred' : 'write')
    }
    await Promise.all(Array.from({ length: 16 }, (_, i) => client(i)))
    expect((await db.query('SELECT n FROM c')).body.data.rows).toEqual([[64]])
  })

  test('a transaction conflicts if the database changed between its first read and its first write', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin()
    await tx.run('SELECT count(*) FROM t')
    await db.query("INSERT INTO t (v) VALUES ('other')")
    const { status, body } = await tx.send("INSERT INTO t (v) VALUES ('mine')")
    expect([status, body.code]).toEqual([409, 'transaction_conflict'])
    expect((await tx.commit()).body).toMatchObject({ code: 'transaction_expired', reason: 'conflict' })
    expect(await values(db)).toEqual(['other'])
  })

  test('writers wait for the transaction, in their order, and readers do not', async () => {
    const db = await acme.make(TABLE)
    const tx = await openTransactions(db).begin()
    await tx.run("INSERT INTO t (v) VALUES ('first')")
    const waiting = [
      db.query("INSERT INTO t (v) VALUES ('second')"),
      db.batch([{ sql: "INSERT INTO t (v) VALUES ('third')" }], { transaction: true }),
    ]
    const next = openTransactions(db).begin('write')
    expect(await values(db)).toEqual([])
    await tx.commit()
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200])
    const other: Tx = await next
    expect((await other.run('SELECT v FROM t ORDER BY v')).rows.flat()).toEqual(['first', 'second', 'third'])
    await other.rollback()
  })
})
