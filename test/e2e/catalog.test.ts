import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseWith, readRows } from '../merge-helpers.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let db: ReturnType<SharedPlatform['database']>
beforeAll(async () => {
  platform = await sharedPlatform()
  const { token } = await platform.createNamespace(ns)
  db = await databaseWith(platform, token, ['CREATE TABLE t (id INTEGER PRIMARY KEY, a)'], ns)
})
afterAll(() => platform.stop())

const NUMBERS = 'n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2)'
const COLUMNS = "sqlite_master m, pragma_table_info(m.name) p WHERE m.name = 't'"

test.each([
  ['a comment before RECURSIVE', `WITH /* numbers */ RECURSIVE ${NUMBERS} SELECT count(*) FROM n, ${COLUMNS}`, 4],
  ['a line of comment before RECURSIVE', `WITH -- x\nRECURSIVE ${NUMBERS} SELECT count(*) FROM n, ${COLUMNS}`, 4],
  ['no space behind WITH', `/* x */ WITH/**/n(i) AS (SELECT 1) SELECT count(*) FROM n, ${COLUMNS}`, 2],
  ['a parameter', `WITH n(i) AS (SELECT 3) SELECT i + p.cid FROM n, ${COLUMNS} AND p.name = 'a'`, 4],
  [
    'a table of its own by that name',
    "WITH sqlite_master AS (SELECT 7 AS a) SELECT m.a FROM sqlite_master m, pragma_table_info('t') LIMIT 1",
    7,
  ],
  [
    'one by that name with named columns',
    "WITH x AS (SELECT 1), sqlite_schema(a) AS (SELECT 8) SELECT m.a FROM sqlite_schema m, pragma_table_info('t') LIMIT 1",
    8,
  ],
  [
    'the rowid of the catalog',
    "SELECT count(m.rowid) FROM sqlite_master m, pragma_table_info('t') p WHERE m.name = 't'",
    2,
  ],
  [
    'its full name',
    "SELECT count(main.sqlite_master.name) FROM sqlite_master, pragma_table_info('t') p WHERE sqlite_master.name = 't'",
    2,
  ],
])('a statement that looks up tables of the catalog may have %s', async (_what, sql, expected) => {
  expect(await readRows(db, sql)).toEqual([[expected]])
})

test('errors in such a statement refer to the statement that was sent', async () => {
  const { status, body } = await db.query('SELECT m.nam FROM sqlite_master m, pragma_table_info(m.name) p')
  expect([status, body.error]).toEqual([400, 'no such column: m.nam'])
})
