import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import type { TestDatabase } from '../merge-helpers.ts'
import { hasReaders } from '../reader-count.ts'

let platform: TestPlatform
let db: TestDatabase
beforeAll(async () => {
  platform = await startPlatform({ readers: 2, environment: { PERSQL_WELCOME_CREDIT_USD: '50' } })
  const { token } = await platform.createNamespace('acme')
  db = platform.database('acme', 'main', token)
  for (const sql of schema) {
    const { status, body } = await db.query(sql)
    if (status !== 200) throw new Error(`${sql}: ${JSON.stringify(body)}`)
  }
})
afterAll(() => platform.stop())

const rows = (count: number) => `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`
const schema = [
  'CREATE TABLE small (id INTEGER PRIMARY KEY, name TEXT, doc TEXT)',
  `${rows(500)} INSERT INTO small SELECT i, 'name ' || i, json_array(i, i + 1) FROM n`,
  'CREATE TABLE tiny (id INTEGER PRIMARY KEY)',
  `${rows(8)} INSERT INTO tiny SELECT i FROM n`,
  'CREATE TABLE medium (id INTEGER PRIMARY KEY, name TEXT)',
  `${rows(10_000)} INSERT INTO medium SELECT i, 'name ' || i FROM n`,
  'CREATE TABLE large (id INTEGER PRIMARY KEY, owner INTEGER, name TEXT UNIQUE, v REAL)',
  'CREATE INDEX by_owner ON large (owner)',
  `${rows(40_000)} INSERT INTO large SELECT i, i % 4000, 'name ' || i, i / 3.0 FROM n`,
  'CREATE TABLE keyed (k TEXT PRIMARY KEY, v) WITHOUT ROWID',
  `${rows(1_000)} INSERT INTO keyed SELECT 'k' || i, i FROM n`,
  'CREATE VIRTUAL TABLE words USING fts5(body)',
  `${rows(200)} INSERT INTO words SELECT 'word' || i FROM n`,
  'CREATE VIEW names AS SELECT name FROM large',
  "CREATE VIRTUAL TABLE outside USING fts5(name, content='small', content_rowid='id')",
]

/** Runs a statement. Returns whether a reader ran it. */
async function ranInReader(sql: string, params?: unknown[]): Promise<boolean> {
  const before = await readerReads()
  const { status, body } = await db.query(sql, params)
  expect(body.error, sql).toBeUndefined()
  expect(status, sql).toBe(200)
  return (await readerReads()) > before
}

async function readerReads(): Promise<number> {
  const { body } = await platform.request('/metrics')
  return Number(/^persql_reader_reads_total (\d+)/m.exec(body)?.[1] ?? 0)
}

const short: [string, unknown[]?][] = [
  ['SELECT 1'],
  ['SELECT * FROM large WHERE id = 7'],
  ['SELECT * FROM large WHERE id = ?', [7]],
  ['SELECT * FROM large WHERE name = ?', ['name 9']],
  ['SELECT * FROM large WHERE id IN (1, 2, 3, 4, 5)'],
  ['SELECT * FROM large WHERE owner = ?', [12]],
  ['SELECT * FROM large WHERE owner = ? ORDER BY id DESC LIMIT 20', [12]],
  ['SELECT * FROM large WHERE id > ? ORDER BY id LIMIT 50', [1000]],
  ['SELECT * FROM medium WHERE id <= ?', [1000]],
  ['SELECT * FROM medium WHERE id > ?', [9000]],
  ['SELECT * FROM medium WHERE id BETWEEN ? AND ?', [100, 1100]],
  ['SELECT * FROM medium WHERE id >= ? AND name LIKE ?', [9000, '%7%']],
  ['SELECT * FROM large LIMIT 100'],
  ['SELECT * FROM large ORDER BY id DESC LIMIT ?', [100]],
  ['SELECT max(id) FROM large'],
  ['SELECT * FROM small'],
  ['SELECT count(*) FROM small'],
  ['SELECT count(*) FROM large'],
  ['SELECT name, count(*) FROM small GROUP BY name ORDER BY 2 DESC LIMIT 10'],
  ['SELECT * FROM small WHERE name LIKE ?', ['%7%']],
  ['SELECT * FROM small JOIN large ON large.id = small.id WHERE small.id = 3'],
  ["SELECT value FROM json_each('[1, 2, 3]')"],
  ['SELECT value FROM json_each(?)', ['[1, 2, 3]']],
  ['SELECT * FROM large WHERE id IN (SELECT value FROM json_each(?))', ['[1, 2, 3]']],
  ['SELECT * FROM keyed'],
  ["SELECT * FROM words WHERE words MATCH 'word7'"],
  ['SELECT upper(name), length(name), substr(name, 1, 3), coalesce(v, 0), round(v) FROM large WHERE id = 3'],
  ['WITH x AS (SELECT * FROM small WHERE id < 10) SELECT * FROM x JOIN small USING (id)'],
  ['SELECT * FROM (SELECT 1 UNION ALL SELECT 2)'],
  ['SELECT id FROM small WHERE id < 5 UNION ALL SELECT id FROM small WHERE id > 490'],
  ['SELECT owner, count(*) FROM large WHERE owner = 7 GROUP BY owner HAVING count(*) > 1'],
  ['SELECT (SELECT name FROM large WHERE id = small.id) FROM small LIMIT 20'],
  ['SELECT EXISTS (SELECT 1 FROM large WHERE owner = ?)', [9]],
  ['SELECT * FROM small WHERE id IN (SELECT id FROM small WHERE name > ?)', ['name 4']],
  ['SELECT count(*) FROM outside'],
  ["SELECT rowid FROM outside WHERE outside MATCH 'name'"],
  ['PRAGMA table_info(large)'],
  ['EXPLAIN SELECT count(*) FROM large a, large b'],
  ['EXPLAIN QUERY PLAN SELECT count(*) FROM large a, large b'],
]

const long: [string, unknown[]?][] = [
  ['SELECT sum(v) FROM large'],
  ['SELECT * FROM large WHERE v = 1'],
  ['SELECT * FROM large ORDER BY v LIMIT 10'],
  ['SELECT * FROM large WHERE v > 5 LIMIT 10'],
  [
    `SELECT count(*) FROM ${'abcdefg'.split('').map((name) => `tiny ${name}`)} WHERE ${'abcdefg'
      .split('')
      .map((name) => `${name}.id > 0`)
      .join(' AND ')}`,
  ],
  ['SELECT * FROM medium'],
  ["SELECT * FROM medium WHERE name > 'name'"],
  ['SELECT count(*) FROM medium a JOIN medium b ON b.id > a.id'],
  ['SELECT count(*) FROM small a, small b'],
  ['SELECT count(*) FROM small a JOIN small b ON b.id > a.id'],
  ['SELECT count(*) FROM large WHERE name LIKE ?', ['%7%']],
  ['SELECT count(*) FROM names WHERE name > ?', ['n']],
  ['SELECT count(*) FROM large a JOIN large b ON b.owner = a.owner WHERE a.owner = 3'],
  [`${rows(5)} SELECT * FROM n`],
  ['WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n'],
  ["SELECT 'aaaaaaaaaa' LIKE '%a%a%a%b'"],
  ['SELECT ? LIKE ?', ['aaaaaaaaaa', '%a%a%a%b']],
  ['SELECT name LIKE name FROM small LIMIT 1'],
  [`SELECT ${Array(99).fill('length(zeroblob(1000)) + length(zeroblob(9))')}`],
  ['SELECT count(*) FROM small, json_each(small.doc)'],
  ['SELECT (SELECT count(*) FROM large l WHERE l.v > s.id) FROM small s'],
  ['SELECT DISTINCT v FROM large'],
  ['SELECT v, row_number() OVER (ORDER BY v) FROM large LIMIT 1'],
  ['SELECT count(*) FROM (SELECT v FROM large UNION SELECT id FROM small)'],
  ['WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n, (SELECT 1 UNION SELECT 2) WHERE i < 5) SELECT * FROM n'],
  ['WITH n(i) AS (SELECT 1 UNION SELECT i % 5 + 1 FROM n) SELECT * FROM n JOIN small ON small.id = n.i'],
  ['SELECT count(*) FROM (SELECT id FROM large INTERSECT SELECT id FROM small)'],
  ['PRAGMA foreign_key_check'],
]

/** Checks that a statement runs in place. Pauses of the machine can have sent ranges to readers for 30 s. */
async function expectInPlace(sql: string, params?: unknown[]): Promise<void> {
  for (let pauses = 0; await ranInReader(sql, params); pauses++) {
    expect(pauses).toBeLessThan(4)
    await delay(31_000)
  }
}

test.each(short)('runs in place: %s', (sql, params) => expectInPlace(sql, params))

test.each(long)('runs in a reader, or in place without readers: %s', async (sql, params) => {
  expect(await ranInReader(sql, params)).toBe(hasReaders)
})

test('a search in a large full-text table runs in place after a few fast runs in a reader', async () => {
  await db.query('CREATE VIRTUAL TABLE texts USING fts5(body)')
  await db.query(`${rows(30_000)} INSERT INTO texts SELECT 'text' || i FROM n`)
  const sql = 'SELECT count(*) FROM texts WHERE texts MATCH ?'
  for (let i = 0; i < 3; i++) expect(await ranInReader(sql, ['text7'])).toBe(hasReaders)
  await expectInPlace(sql, ['text8'])
})

// in-place-reads.test.ts has what holds without readers.
test.runIf(hasReaders)('a full-text table over a view without end blocks no other call', async () => {
  const limited = await startPlatform({ readers: 2, environment: { QUERY_TIMEOUT_S: '5' } })
  const other = (await limited.createNamespace('other')).db()
  const own = (await limited.createNamespace('endless')).db()
  await own.query(
    'CREATE VIEW v AS WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, i AS body FROM n',
  )
  expect((await own.query("CREATE VIRTUAL TABLE f USING fts5(body, content='v', content_rowid='id')")).status).toBe(200)
  await own.query('CREATE TABLE t (v)')
  const reading = own.query('SELECT count(*) FROM f')
  const listing = own.request('/tables')
  for (let i = 0; i < 30; i++) {
    expect((await other.query('SELECT 1')).status).toBe(200)
    expect((await own.query('INSERT INTO t VALUES (1)')).status).toBe(200)
    await delay(100)
  }
  expect((await reading).status).toBe(408)
  expect((await listing).status).toBe(408)
  await limited.stop()
})
