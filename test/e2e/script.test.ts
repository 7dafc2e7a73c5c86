import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
let db: ReturnType<SharedPlatform['database']>

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
  db = acme.db()
  await db.query('CREATE TABLE t (id INTEGER PRIMARY KEY, label TEXT UNIQUE)')
})
afterAll(() => platform.stop())

const script = (sql: string, more: object = {}, headers: Record<string, string> = {}) =>
  db.request('/script', { body: { sql, ...more }, headers })
const labels = async () => (await db.query('SELECT label FROM t ORDER BY id')).body.data.rows.flat()
const empty = () => db.query('DELETE FROM t WHERE true')

/** Statements of every form that could be split wrongly, with their lines. */
const MIXED = `-- a comment; with a semicolon
INSERT INTO t (label) VALUES ('a;b'); ;; /* ; */
INSERT INTO t (label)
  VALUES ("c""d;") RETURNING id;
CREATE TRIGGER log AFTER INSERT ON t BEGIN
  UPDATE t SET label = label || CASE WHEN 1 THEN ';' END WHERE id = new.id;
  SELECT 1;
END;
EXPLAIN QUERY PLAN SELECT 1; DROP TRIGGER log
`

describe.each([true, false])('with "transaction": %s', (transaction) => {
  test('returns the result of each statement, with its number and line', async () => {
    await empty()
    const { status, body } = await script(MIXED, { transaction })
    expect([status, body.error]).toEqual([200, undefined])
    expect(body.data.map(({ number, line }: { number: number; line: number }) => [number, line])).toEqual([
      [1, 2],
      [2, 3],
      [3, 5],
      [4, 9],
      [5, 9],
    ])
    expect(body.data[1]).toMatchObject({ columns: ['id'], rows: [[expect.any(Number)]], changes: 1 })
    expect(body.meta).toMatchObject({ statementCount: 5, rowsWritten: expect.any(Number) })
    expect(await labels()).toEqual(['a;b', 'c"d;'])
  })

  test('the first error stops it and names the statement', async () => {
    await empty()
    const sql =
      "INSERT INTO t VALUES (1, 'one');\n\nINSERT INTO t VALUES (2, 'two');\nINSERT INTO t\n  VALUES (1, 'x'); SELECT 1"
    const { status, body } = await script(sql, { transaction })
    expect([status, body.code]).toEqual([400, 'sql_error'])
    expect(body.errorDetail).toMatchObject({ kind: 'unique_violation' })
    expect(body.failedStatement).toEqual({ number: 3, line: 4, text: 'INSERT INTO t' })
    expect(body.results.map(({ number }: { number: number }) => number)).toEqual(transaction ? [] : [1, 2])
    expect(await labels()).toEqual(transaction ? [] : ['one', 'two'])
  })

  test('takes the form of results', async () => {
    await empty()
    const sql = "INSERT INTO t VALUES (9007199254740993, 'far') RETURNING id, 1.0 AS f; SELECT count(*) AS n FROM t"
    const { body } = await script(sql, { transaction, int64: 'text', rows: 'objects' })
    expect(body.data).toMatchObject([
      { rows: [{ id: '9007199254740993', f: 1 }], lastInsertRowid: '9007199254740993' },
      { rows: [{ n: '1' }] },
    ])
  })

  test('runs once with an idempotency key', async () => {
    await empty()
    const key = { 'Idempotency-Key': `k${transaction}` }
    const first = await script("INSERT INTO t VALUES (1, 'once')", { transaction }, key)
    const again = await script("INSERT INTO t VALUES (1, 'once')", { transaction }, key)
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('Idempotency-Replayed')).toBe('true')
    expect(await labels()).toEqual(['once'])
  })

  test('1,000 statements', async () => {
    await empty()
    const many = (count: number) =>
      Array.from({ length: count }, (_, i) => `INSERT INTO t VALUES (${i}, ${i})`).join(';')
    const { body } = await script(many(1_000), { transaction })
    expect(body.data.length).toBe(1_000)
    const more = await script(many(1_001), { transaction })
    expect([more.status, more.body.code]).toEqual([400, 'invalid_input'])
    expect((await labels()).length).toBe(1_000)
  })

  test.each([
    ['an empty text', '', 'invalid_input'],
    ['only comments', '-- x\n;;/* y */', 'empty_statement'],
    ['a parameter', "INSERT INTO t (label) VALUES ('p'); SELECT ?", 'statement_not_allowed'],
    ['a named parameter', "INSERT INTO t (label) VALUES ('p'); SELECT :a", 'statement_not_allowed'],
    ['an unpaired surrogate', "SELECT '\ud800'", 'invalid_input'],
    ['more than 1 MB', `SELECT '${'x'.repeat(1_000_000)}'`, 'invalid_input'],
  ])('%s is refused before anything runs', async (_, sql, code) => {
    await empty()
    const { status, body } = await script(sql, { transaction })
    expect([status, body.code]).toEqual([400, code])
    expect(await labels()).toEqual([])
  })

  test('a token that only reads, and a table scope, hold for each statement', async () => {
    await empty()
    await db.query('CREATE TABLE IF NOT EXISTS secret (x)')
    for (const [limits, sql, code] of [
      [{ role: 'readonly' }, "SELECT 1; INSERT INTO t VALUES (1, 'x')", 'role_insufficient'],
      [{ role: 'readwrite', tableScope: ['t'] }, 'SELECT count(*) FROM t; SELECT * FROM secret', 'table_out_of_scope'],
    ] as const) {
      const { body } = await platform.request('/v1/tokens', { token: acme.token, body: { name: 'less', ...limits } })
      const path = `/v1/db/${ns}/main/script`
      const answer = await platform.request(path, { token: body.data.token, body: { sql, transaction } })
      expect([answer.status, answer.body.code, answer.body.failedStatement.number]).toEqual([403, code, 2])
    }
    expect(await labels()).toEqual([])
  })
})

describe('transactions inside a script', () => {
  test.each<[string, string, string[]]>([
    ['COMMIT', "BEGIN; INSERT INTO t VALUES (1, 'a'); COMMIT; INSERT INTO t VALUES (2, 'b')", ['a', 'b']],
    ['ROLLBACK', "INSERT INTO t VALUES (1, 'a'); BEGIN IMMEDIATE; DELETE FROM t WHERE 1; ROLLBACK", ['a']],
    [
      'savepoints',
      "BEGIN; INSERT INTO t VALUES (1, 'a'); SAVEPOINT s; INSERT INTO t VALUES (2, 'b'); ROLLBACK TO s; END",
      ['a'],
    ],
  ])('%s', async (_, sql, expected) => {
    await empty()
    const { body } = await script(sql)
    expect(body.error).toBeUndefined()
    expect(body.data.length).toBe(sql.split(';').length)
    expect(await labels()).toEqual(expected)
  })

  test.each<[string, string, number]>([
    ['one random write', 'BEGIN; RANDOM; COMMIT', 1],
    ['a random write after one that was committed', 'RANDOM; BEGIN; RANDOM; COMMIT', 2],
    ['several transactions', 'BEGIN; RANDOM; COMMIT; BEGIN IMMEDIATE; RANDOM; RANDOM; END', 3],
    ['a random write that a savepoint undoes', 'BEGIN; SAVEPOINT s; RANDOM; ROLLBACK TO s; RANDOM; COMMIT', 1],
    ['a random write in a savepoint', 'SAVEPOINT s; RANDOM; RELEASE s', 1],
    ['a rollback', 'RANDOM; BEGIN; RANDOM; ROLLBACK', 1],
    ['500 writes', `BEGIN; ${'RANDOM; '.repeat(500)} COMMIT`, 500],
  ])('random values: %s', async (_, sql, rows) => {
    await empty()
    const text = sql.replaceAll('RANDOM', 'INSERT INTO t (label) VALUES (hex(randomblob(8))) RETURNING label')
    const { status, body } = await script(text)
    expect([status, body.error]).toEqual([200, undefined])
    const stored = await labels()
    expect(stored.length).toBe(rows)
    const returned = body.data.flatMap((result: { rows: unknown[][] }) => result.rows.flat())
    expect(returned.filter((label: unknown) => stored.includes(label))).toEqual(stored)
  })

  test('a random write before a savepoint that is rolled back is refused, and nothing of the transaction stays', async () => {
    await empty()
    const random = 'INSERT INTO t (label) VALUES (hex(randomblob(8)))'
    const { status, body } = await script(`BEGIN; ${random}; SAVEPOINT s; ${random}; ROLLBACK TO s; COMMIT`)
    expect([status, body.code, body.failedStatement.number]).toEqual([400, 'statement_not_allowed', 6])
    expect(body.error).toContain('in an interactive transaction')
    expect(await labels()).toEqual([])
  })

  test('counters of the last write stay after a rollback', async () => {
    await empty()
    const write = "INSERT INTO t VALUES (1, 'a'), (7, 'b')"
    const read = 'SELECT changes(), last_insert_rowid()'
    for (const sql of [
      `BEGIN; ${write}; ROLLBACK; ${read}`,
      `${write}; BEGIN; DELETE FROM t WHERE true; ROLLBACK; SELECT changes(), 7`,
      `BEGIN; SAVEPOINT s; UPDATE t SET label = label || 'x'; ROLLBACK TO s; COMMIT; SELECT changes(), 7`,
    ]) {
      const { body } = await script(sql)
      expect([sql, body.error, body.data?.at(-1).rows[0]]).toEqual([sql, undefined, [2, 7]])
    }
    expect((await script(`BEGIN; ROLLBACK; SELECT changes()`)).body.code).toBe('statement_not_allowed')
  })

  test('an error inside rolls the transaction back, and earlier statements stay', async () => {
    await empty()
    const sql =
      "INSERT INTO t VALUES (1, 'a');\nBEGIN;\nINSERT INTO t VALUES (2, 'b');\nINSERT INTO t VALUES (1, 'c');\nCOMMIT"
    const { status, body } = await script(sql)
    expect([status, body.errorDetail.kind, body.failedStatement.number]).toEqual([400, 'unique_violation', 4])
    expect(body.results.map(({ number }: { number: number }) => number)).toEqual([1])
    expect(await labels()).toEqual(['a'])
    // Nothing is left open.
    expect((await db.query("INSERT INTO t VALUES (3, 'd')")).status).toBe(200)
  })

  test('a transaction without COMMIT is refused and rolled back', async () => {
    await empty()
    const { status, body } = await script("INSERT INTO t VALUES (1, 'a'); BEGIN; INSERT INTO t VALUES (2, 'b')")
    expect([status, body.code]).toEqual([400, 'sql_error'])
    expect(body.error).toContain('Add COMMIT')
    expect(body.results.length).toBe(1)
    expect(await labels()).toEqual(['a'])
  })

  test('is refused where the script is one transaction', async () => {
    await empty()
    const { status, body } = await script("INSERT INTO t VALUES (1, 'a'); BEGIN; COMMIT", { transaction: true })
    expect([status, body.code, body.failedStatement.number]).toEqual([400, 'statement_not_allowed', 2])
    expect(await labels()).toEqual([])
  })
})

describe('with approval rules', () => {
  beforeAll(async () => {
    await db.query('CREATE TABLE guarded (x)')
    await db.request('/approval_rules', { body: { tableGlob: 'guarded', action: 'require_approval' } })
  })

  test.each([true, false])('the whole script waits for approval (transaction: %s)', async (transaction) => {
    await empty()
    const sql = "INSERT INTO t VALUES (1, 'a'); INSERT INTO guarded VALUES (1)"
    const { status, body } = await script(sql, { transaction })
    expect([status, body.code]).toEqual([403, 'approval_required'])
    expect(await labels()).toEqual([])
  })

  test('a script with transactions is refused', async () => {
    await empty()
    const { status, body } = await script(
      "INSERT INTO t VALUES (1, 'a'); BEGIN; INSERT INTO guarded VALUES (1); COMMIT",
    )
    expect([status, body.code]).toEqual([403, 'approval_in_transaction'])
    expect(body.failedStatement.number).toBe(3)
    expect(await labels()).toEqual(['a'])
  })

  test('other errors leave earlier statements applied', async () => {
    await empty()
    const { body } = await script("INSERT INTO t VALUES (1, 'a'); INSERT INTO t VALUES (1, 'b')")
    expect([body.failedStatement.number, body.results.length]).toEqual([2, 1])
    expect(await labels()).toEqual(['a'])
  })
})
