import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { type Database, exportText, imported, maker, readRows } from '../transfer.ts'

let platform: TestPlatform
let token: string
let make: (...statements: string[]) => Promise<Database>
let number = 0

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '100' } })
  token = (await platform.createNamespace('acme')).token
  make = maker(platform, token)
})
afterAll(() => platform.stop())

const range = (length: number, text: (i: number) => string) => Array.from({ length }, (_, i) => text(i)).join(', ')
const columns = (count: number, from = 0) => range(count, (i) => `c${i + from}`)

const WIDE: [string, string[]][] = [
  ...[49, 50, 51, 99, 100].map((count): [string, string[]] => [
    `${count} columns`,
    [`CREATE TABLE w (${columns(count)})`],
  ]),
  ['100 columns and a rowid among them', [`CREATE TABLE w (c0 INTEGER PRIMARY KEY, ${columns(99, 1)})`]],
  [
    '100 columns that are all the key',
    [`CREATE TABLE w (${columns(100)}, PRIMARY KEY (${columns(100)})) WITHOUT ROWID`],
  ],
  ['100 columns of which one is generated', [`CREATE TABLE w (${columns(99)}, g AS (c0 || c1) STORED)`]],
  ['100 columns with long names', [`CREATE TABLE w (c0, c1, ${range(98, (i) => `"${'é'.repeat(150)}${i}"`)})`]],
  ['100 columns, all unique', [`CREATE TABLE w (c0, c1, ${range(98, (i) => `u${i} UNIQUE`)})`]],
]

test.each(WIDE)('a table with %s is kept, restored, forked, exported and imported', async (_, statements) => {
  const db = await make(...statements)
  const names = await readRows(db, "SELECT name FROM pragma_table_xinfo('w') WHERE hidden = 0")
  for (const n of [1, 2, 3]) {
    expect(
      (await db.query(`INSERT INTO w VALUES (${names.map((_, i) => (i === 0 ? n : `'${n}-${i}'`))})`)).status,
    ).toBe(200)
  }
  const dump = await exportText(db)
  const snapshot = await db.request('/snapshots', { body: { label: 'x' } })
  expect(snapshot.status, JSON.stringify(snapshot.body)).toBe(200)
  const gone = await db.query('DELETE FROM w')
  expect(gone.body.meta).toMatchObject({ snapshot: { label: 'Before DELETE FROM w' } })
  expect((await db.request('/restore', { body: { snapshotId: snapshot.body.data.id } })).status).toBe(200)
  expect(await exportText(db)).toBe(dump)
  expect((await db.request('/fork', { body: { slug: `fork-${++number}` } })).status).toBe(200)
  expect(await exportText(platform.database('acme', `fork-${number}`, token))).toBe(dump)
  const copy = await make()
  expect((await imported(copy, dump)).body.error).toBeUndefined()
  expect(await exportText(copy)).toBe(dump)
  for (const format of ['csv', 'ndjson']) {
    const file = await exportText(db, `format=${format}&table=w`)
    expect((await copy.query('DELETE FROM w')).status).toBe(200)
    expect((await imported(copy, file, `format=${format}&table=w`)).body.error).toBeUndefined()
    expect(await exportText(copy, `format=${format}&table=w`)).toBe(file)
  }
  expect((await db.query('DROP TABLE w')).body.meta.snapshot.label).toBe('Before DROP TABLE w')
})

test('rows of a table with 100 columns are merged, with texts that are not UTF-8 in its key', async () => {
  const key = (hex: string) => `CAST(x'${hex}' AS TEXT)`
  const row = (hex: string, text: string) => `INSERT INTO w VALUES (${key(hex)}, ${range(99, () => text)})`
  const db = await make(`CREATE TABLE w (c0 TEXT PRIMARY KEY, ${columns(99, 1)})`, row('ff', "'p'"), row('c3a9', "'p'"))
  const claimed = await db.request('/claim_branch', { body: { ref: 'work', role: 'admin', ttlSec: 0 } })
  const branch = platform.database('acme', claimed.body.data.databaseSlug, claimed.body.data.token)
  const on = async (...statements: string[]) => {
    for (const sql of statements) expect((await branch.query(sql)).body.error, sql).toBeUndefined()
  }
  const merge = () => db.request('/branches/work/merge', { body: { mode: 'data' } })
  await on(row('ff', "'p'"), row('fe', key('fd')), row('c3a9', "'p'"))
  expect((await merge()).body.data.data.tables).toEqual([expect.objectContaining({ inserted: 1, unchanged: 2 })])
  await on(`UPDATE w SET c9 = 'new' WHERE c0 = ${key('fe')}`, `DELETE FROM w WHERE c0 = ${key('ff')}`)
  expect((await merge()).body.data.data.tables).toEqual([expect.objectContaining({ updated: 1, deleted: 1 })])
  expect(await readRows(db, 'SELECT hex(c0), hex(c8), c9 FROM w ORDER BY 1')).toEqual([
    ['C3A9', '70', 'p'],
    ['FE', 'FD', 'new'],
  ])
})

const BROKEN = ['63757420EDA0BD', 'FF', 'C3', '61A962', 'C080', 'F4908080', 'EFBFBDFF', '00EDB880']

test.each(BROKEN)('text of the bytes %s is copied as it is, and refused where it has no form', async (hex) => {
  const many = range(5_000, (i) => `('${i}')`)
  const db = await make('CREATE TABLE t (a TEXT UNIQUE, b)', `INSERT INTO t (a) VALUES ${many}`)
  expect((await db.query(`INSERT INTO t VALUES (CAST(x'${hex}' AS TEXT), 1)`)).status).toBe(200)
  const bytes = 'SELECT hex(a), typeof(a), rowid FROM t WHERE b = 1'
  expect((await db.request('/fork', { body: { slug: `fork-${++number}` } })).status).toBe(200)
  expect(await readRows(platform.database('acme', `fork-${number}`, token), bytes)).toEqual([[hex, 'text', 5001]])
  const copy = await make()
  expect((await imported(copy, await exportText(db))).status).toBe(200)
  expect(await readRows(copy, bytes)).toEqual([[hex, 'text', 5001]])
  for (const format of ['csv', 'ndjson']) {
    const { status, body } = await db.request(`/export?format=${format}&table=T`)
    expect([status, body]).toEqual([
      409,
      expect.objectContaining({ code: 'text_not_utf8', table: 't', column: 'a', row: 'rowid = 5001' }),
    ])
  }
})

test('keys that differ behind a NUL name their rows', async () => {
  const db = await make(
    'CREATE TABLE k (k TEXT PRIMARY KEY, n) WITHOUT ROWID',
    "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 9000) INSERT INTO k SELECT 'a' || char(0) || n, n FROM i",
  )
  const copy = await make()
  expect((await imported(copy, await exportText(db))).status).toBe(200)
  const sum = 'SELECT count(*), sum(n), sum(length(CAST(k AS BLOB))) FROM k'
  expect(await readRows(copy, sum)).toEqual(await readRows(db, sum))
})

test('U+FFFD itself is text like any other', async () => {
  const db = await make('CREATE TABLE t (a)', "INSERT INTO t VALUES ('\ufffd')")
  expect(await exportText(db, 'format=csv&table=t')).toBe('a\r\n"\ufffd"\r\n')
  expect(await exportText(db)).toContain("VALUES (1,'\ufffd');")
})

test('rows that nothing names are copied, each of them', async () => {
  const db = await make(
    'CREATE TABLE t (rowid, _rowid_, oid)',
    "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 9000) INSERT INTO t SELECT iif(n % 3, n % 7, NULL), NULL, 'x' FROM i",
  )
  const copy = await make()
  expect((await imported(copy, await exportText(db))).status).toBe(200)
  const count = 'SELECT rowid, count(*) FROM t GROUP BY 1 ORDER BY 1'
  expect(await readRows(copy, count)).toEqual(await readRows(db, count))
})

test('keys that are too long for a statement, or unique by another collation than their column, name their rows', async () => {
  const db = await make(
    'CREATE TABLE k (k TEXT COLLATE NOCASE, n, PRIMARY KEY (k COLLATE BINARY)) WITHOUT ROWID',
    "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 40) INSERT INTO k SELECT iif(n % 2, 'a', 'A') || hex(zeroblob(60000)) || (n / 2), n FROM i",
  )
  expect((await db.request('/fork', { body: { slug: `fork-${++number}` } })).status).toBe(200)
  const sum = 'SELECT count(*), sum(n), sum(length(k)) FROM k'
  expect(await readRows(platform.database('acme', `fork-${number}`, token), sum)).toEqual(await readRows(db, sum))
})
