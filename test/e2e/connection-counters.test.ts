import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

/** `changes()` and its kin belong to a connection, which all callers and PerSQL itself share here. */

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
let db: ReturnType<SharedPlatform['database']>

const SCHEMA = [
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE)',
  'CREATE TABLE child (id INTEGER PRIMARY KEY, t_id, n)',
  'CREATE TABLE log (rowid_seen, changes_seen)',
  'CREATE TRIGGER noted AFTER INSERT ON child BEGIN INSERT INTO log (rowid_seen) VALUES (last_insert_rowid()); END',
  'CREATE TABLE dated (id INTEGER PRIMARY KEY, of DEFAULT (last_insert_rowid()), x)',
  'CREATE VIEW counted AS SELECT changes() AS n',
  'CREATE TABLE bare (k TEXT PRIMARY KEY) WITHOUT ROWID',
  'CREATE TABLE parent (id INTEGER PRIMARY KEY)',
  'CREATE TABLE late (id INTEGER PRIMARY KEY, p REFERENCES parent DEFERRABLE INITIALLY DEFERRED)',
]

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
})
beforeEach(async () => {
  db = await acme.make(...SCHEMA, "INSERT INTO t VALUES (41, 'x')", 'INSERT INTO parent VALUES (1)')
})
afterAll(() => platform.stop())

const batch = async (statements: string[], transaction = true) => {
  const { body } = await db.batch(
    statements.map((sql) => ({ sql })),
    { transaction },
  )
  return body
}
const last = (body: { data: { rows: unknown[][] }[] }) => body.data.at(-1)?.rows

describe('in a later call they are refused', () => {
  const reading = [
    'SELECT changes()',
    'SELECT Changes ( )',
    'SELECT last_insert_rowid()',
    'SELECT total_changes()',
    'SELECT * FROM counted',
    'SELECT 1 WHERE changes() > 0',
    'INSERT INTO child (t_id) VALUES (last_insert_rowid())',
    'INSERT INTO dated (x) VALUES (1)',
    'UPDATE t SET a = changes()',
    'DELETE FROM t WHERE id = last_insert_rowid()',
    'WITH q AS (SELECT last_insert_rowid() AS id) SELECT * FROM t JOIN q USING (id)',
  ]
  test.each(reading)('%s', async (sql) => {
    await db.query("INSERT INTO t (a) VALUES ('y')")
    const { status, body } = await db.query(sql)
    expect([status, body.code]).toEqual([400, 'statement_not_allowed'])
    expect(body.errorDetail).toMatchObject({ kind: 'not_available', message: body.error })
    expect(body.error).toMatch(/"changes" in the result|"lastInsertRowid" in the result|"changes" of the results/)
    if (!sql.includes('total_changes')) {
      expect((await batch([sql])).code).toBe('statement_not_allowed')
      expect((await batch(['SELECT 1', sql], false)).code).toBe('statement_not_allowed')
    }
    expect((await db.request('/validate', { body: { sql } })).body.data.ok).toBe(false)
    expect((await db.query('SELECT count(*) FROM t')).body.data.rows).toEqual([[2]])
  })

  test('what only looks like them is not', async () => {
    expect((await db.query("SELECT 'changes()', 1 AS changes -- changes()")).status).toBe(200)
    expect((await db.query('EXPLAIN SELECT changes()')).status).toBe(200)
  })
})

describe('in one batch they are those of its last write', () => {
  test.each([true, false])('as one transaction: %s', async (transaction) => {
    const run = (...statements: string[]) => batch(statements, transaction)
    const rows = async (...statements: string[]) => {
      const body = await run(...statements)
      expect(body.error).toBeUndefined()
      return last(body)
    }
    expect(await rows("INSERT INTO t (a) VALUES ('a'), ('b')", 'SELECT changes(), last_insert_rowid()')).toEqual([
      [2, 43],
    ])
    expect(await rows("UPDATE t SET a = a || 'z'", 'SELECT changes()')).toEqual([[3]])
    expect(await rows("DELETE FROM t WHERE a = 'none'", 'SELECT * FROM counted')).toEqual([[0]])
    expect(
      await rows(
        "INSERT INTO t (a) VALUES ('c')",
        'INSERT INTO child (t_id) VALUES (last_insert_rowid())',
        'SELECT t_id FROM child',
      ),
    ).toEqual([[44]])
    expect(await rows("INSERT INTO t (a) VALUES ('d')", 'SELECT 1', 'SELECT last_insert_rowid()')).toEqual([[45]])
    expect(await rows("INSERT INTO t (a) VALUES ('e')", 'UPDATE t SET a = a', 'SELECT last_insert_rowid()')).toEqual([
      [46],
    ])
    expect(
      await rows("INSERT INTO t (a) VALUES ('f')", 'INSERT INTO dated (x) VALUES (1)', 'SELECT of FROM dated'),
    ).toEqual([[47]])
  })

  test.each([true, false])(
    'total_changes() counts from the beginning of the batch: transaction %s',
    async (transaction) => {
      for (let i = 0; i < 2; i++) {
        const body = await batch(
          [
            'SELECT total_changes()',
            `INSERT INTO child (t_id) VALUES (${i}), (${i})`,
            'UPDATE child SET n = total_changes ( )',
            'SELECT total_changes(), total_changes() - 1 AS less, n FROM child LIMIT 1',
          ],
          transaction,
        )
        expect(body.error).toBeUndefined()
        const rows = 2 * (i + 1)
        // Two rows and one of the trigger for each of them, then all of the table.
        expect(body.data[0]).toMatchObject({ columns: ['total_changes()'], rows: [[0]] })
        expect(body.data[3]).toMatchObject({
          columns: ['total_changes()', 'less', 'n'],
          rows: [[4 + rows, 3 + rows, 4]],
        })
      }
      await db.query('CREATE VIEW totals AS SELECT total_changes() AS n')
      const through = await batch(['UPDATE t SET a = 1', 'SELECT total_changes(), n FROM totals'], transaction)
      expect(through.code).toBe('statement_not_allowed')
    },
  )

  test('a write that inserts no row leaves no rowid', async () => {
    for (const write of [
      "INSERT OR IGNORE INTO t (a) VALUES ('x')",
      "INSERT INTO bare VALUES ('k')",
      "UPDATE t SET a = 'new'",
    ]) {
      expect((await batch([write, 'SELECT last_insert_rowid()'])).code, write).toBe('statement_not_allowed')
    }
  })

  test('and none of PerSQL’s own: behind a change of the schema, or a check of deferred keys', async () => {
    expect((await batch(['UPDATE t SET a = 1', 'CREATE INDEX i ON t (a)', 'SELECT changes()'])).code).toBe(
      'statement_not_allowed',
    )
    const late = 'INSERT INTO late (id, p) VALUES (7, 1)'
    expect(last(await batch([late, 'SELECT changes(), last_insert_rowid()']))).toEqual([[1, 7]])
    const after = await batch(['INSERT INTO late (id, p) VALUES (8, 1), (9, 1)', 'SELECT changes()'], false)
    expect(after.code).toBe('statement_not_allowed')
    expect(last(await batch(['INSERT INTO late (id, p) VALUES (11, 1)', 'SELECT last_insert_rowid()'], false))).toEqual(
      [[11]],
    )
  })
})

test('a trigger sees the row that fired it', async () => {
  await db.query('INSERT INTO child (id) VALUES (77)')
  expect((await db.query('SELECT rowid_seen FROM log')).body.data.rows).toEqual([[77]])
})

test('the result of an insert that inserts nothing has no lastInsertRowid', async () => {
  await db.query('SELECT 1')
  const { body } = await db.query("INSERT OR IGNORE INTO t (a) VALUES ('x')")
  expect(body.data).toMatchObject({ changes: 0 })
  expect(body.data).not.toHaveProperty('lastInsertRowid')
})

test.each([
  [
    '/endpoints',
    { slug: 'e', name: 'E', kind: 'query', method: 'GET', input: [], output: 'rows', sql: 'SELECT changes()' },
  ],
  ['/schedules', { name: 's', sql: 'UPDATE t SET a = last_insert_rowid()', intervalSec: 3600 }],
  ['/propose', { sql: 'DELETE FROM t WHERE id = last_insert_rowid()' }],
])('what would be a call of its own is refused when it is saved: %s', async (path, body) => {
  const answer = await db.request(path, { body })
  expect([answer.status, answer.body.code]).toEqual([400, 'statement_not_allowed'])
  expect(answer.body.errorDetail.kind).toBe('not_available')
})
