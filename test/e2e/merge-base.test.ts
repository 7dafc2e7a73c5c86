import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBranch, databaseWith, merge, ran, readRows } from '../merge-helpers.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let token: string
beforeAll(async () => {
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
})
afterAll(() => platform.stop())

/** A database and a branch of it whose rows were merged. */
async function mergedOnce(schema: readonly string[], ...rows: readonly string[]) {
  const db = await databaseWith(platform, token, schema, ns)
  const branch = await createBranch(platform, db)
  await ran(branch, ...rows)
  expect((await merge(db, { mode: 'data' })).data.applied).toBe(true)
  return { db, branch }
}

const T = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE)'

describe('foreign keys', () => {
  const schema = [
    'CREATE TABLE a (id INTEGER PRIMARY KEY)',
    'CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a)',
  ]
  const rows = ['INSERT INTO a VALUES (1), (2)', 'INSERT INTO b VALUES (1, 1), (2, 2)']

  test('let rows go in any order, those that are referred to before those that refer', async () => {
    const { db, branch } = await mergedOnce(schema, ...rows)
    await ran(branch, 'DELETE FROM b WHERE id = 1', 'DELETE FROM a WHERE id = 1', 'UPDATE b SET a = NULL')
    const { data } = await merge(db, { mode: 'data' })
    expect(data.data.tables).toMatchObject([
      { table: 'a', deleted: 1 },
      { table: 'b', deleted: 1, updated: 1 },
    ])
    expect(await readRows(db, 'SELECT (SELECT group_concat(id) FROM a), (SELECT group_concat(id) FROM b)')).toEqual([
      ['2', '2'],
    ])
    expect(await readRows(db, 'PRAGMA foreign_key_check')).toEqual([])
  })

  test('keep a row from going to which the parent has added references', async () => {
    const { db, branch } = await mergedOnce(schema, ...rows)
    await ran(branch, 'DELETE FROM b WHERE id = 1', 'DELETE FROM a WHERE id = 1')
    await ran(db, 'INSERT INTO b VALUES (9, 1)')
    for (const onConflict of ['abort', 'branch', 'parent']) {
      const refused = await merge(db, { mode: 'data', onConflict })
      expect(refused.merge.data.conflicts).toMatchObject([{ table: 'b', reason: 'foreign_key' }])
    }
    expect(await readRows(db, 'SELECT count(*) FROM a')).toEqual([[2]])
  })
})

test('values that must be unique change places', async () => {
  const { db, branch } = await mergedOnce([T], "INSERT INTO t VALUES (1,'x'),(2,'y'),(3,'z')")
  await ran(
    branch,
    "UPDATE t SET a = 'tmp' WHERE id = 1",
    "UPDATE t SET a = 'x' WHERE id = 2",
    "UPDATE t SET a = 'y' WHERE id = 1",
    'DELETE FROM t WHERE id = 3',
    "INSERT INTO t VALUES (4,'z')",
  )
  expect((await merge(db, { mode: 'data' })).data.data.tables).toMatchObject([{ inserted: 1, updated: 2, deleted: 1 }])
  expect(await readRows(db, 'SELECT * FROM t')).toEqual(await readRows(branch, 'SELECT * FROM t'))
})

test('a row that does not fit leaves the one it was to replace, where the parent decides', async () => {
  const schema = ['CREATE TABLE t (k TEXT PRIMARY KEY, a TEXT UNIQUE)', 'CREATE INDEX i ON t (a)']
  const { db, branch } = await mergedOnce(schema, "INSERT INTO t VALUES ('1','x'),('2','y'),('3','z')")
  await ran(db, "INSERT INTO t VALUES ('9','taken')")
  const rowids = await readRows(db, 'SELECT rowid, k FROM t')
  await ran(
    branch,
    "UPDATE t SET a = 'taken' WHERE k = '1'",
    "UPDATE t SET a = 'fits' WHERE k = '2'",
    "INSERT INTO t VALUES ('4','new')",
  )
  for (const onConflict of ['abort', 'branch']) {
    const refused = await merge(db, { mode: 'data', onConflict })
    expect(refused.merge.data.conflicts).toMatchObject([{ reason: 'constraint', key: { k: '1' } }])
  }
  const { data } = await merge(db, { mode: 'data', onConflict: 'parent' })
  expect(data.data.tables).toMatchObject([{ inserted: 1, updated: 1, conflicts: 1 }])
  expect(await readRows(db, 'SELECT k, a FROM t ORDER BY k')).toEqual([
    ['1', 'x'],
    ['2', 'fits'],
    ['3', 'z'],
    ['4', 'new'],
    ['9', 'taken'],
  ])
  const [first] = rowids.filter(([, key]: [number, string]) => key === '1')
  expect(await readRows(db, "SELECT rowid, k FROM t WHERE k = '1'")).toEqual([first])
  // Once it fits, it comes: it was not taken for merged.
  await ran(db, "DELETE FROM t WHERE k = '9'")
  expect((await merge(db, { mode: 'data' })).data.data.tables).toMatchObject([{ updated: 1, conflicts: 0 }])
})

test('rows too long to be remembered are never taken for unchanged', async () => {
  const schema = ['CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)']
  const long = "replace(hex(zeroblob(400000)), '0', '''')"
  const { db, branch } = await mergedOnce(schema, `INSERT INTO t VALUES (1, ${long}), (2, 'short'), (3, 'short')`)
  await ran(branch, `UPDATE t SET a = ${long} WHERE id = 2`, 'DELETE FROM t WHERE id = 1')
  await ran(db, `UPDATE t SET a = ${long} || 'x' WHERE id = 3`)
  const { data } = await merge(db, { mode: 'data' })
  expect(data.data.tables).toMatchObject([{ inserted: 0, updated: 1, deleted: 0, unchanged: 1, known: 2 }])
  expect(await readRows(db, 'SELECT id, length(a) FROM t')).toEqual([
    [1, 800_000],
    [2, 800_000],
    [3, 800_001],
  ])
  await ran(branch, "UPDATE t SET a = 'short' WHERE id = 2")
  const refused = await merge(db, { mode: 'data' })
  expect(refused.merge.data.conflicts).toMatchObject([{ reason: 'differs', key: { id: 2 } }])
})

test('tables of as many columns as there may be are remembered to the last one', async () => {
  const columns = Array.from({ length: 99 }, (_, i) => `c${i}`)
  const { db, branch } = await mergedOnce(
    [`CREATE TABLE t (id INTEGER PRIMARY KEY, ${columns})`],
    `INSERT INTO t (id, c98) VALUES (1, 1), (2, 2)`,
  )
  await ran(branch, 'UPDATE t SET c98 = 3 WHERE id = 1')
  await ran(db, 'UPDATE t SET c97 = 4 WHERE id = 2')
  expect((await merge(db)).data.data.tables).toMatchObject([{ updated: 1 }])
  expect((await merge(db, { mode: 'data' })).data.data.tables).toMatchObject([{ updated: 1, unchanged: 1, known: 2 }])
  expect(await readRows(db, 'SELECT c97, c98 FROM t')).toEqual([
    [null, 3],
    [4, 2],
  ])
})

test('the stored merge base cannot be read, written or dropped', async () => {
  const { db, branch } = await mergedOnce(
    ['CREATE TABLE t (id TEXT PRIMARY KEY, a)'],
    "INSERT INTO t VALUES ('secret', 1)",
  )
  const [[name]] = await readRows(db, "SELECT name FROM sqlite_master WHERE name GLOB '_persql_base*'")
  for (const sql of [
    `SELECT * FROM ${name}`,
    `SELECT (SELECT k0 FROM "${name.toUpperCase()}")`,
    `INSERT INTO t SELECT k0 || 1, 1 FROM ${name}`,
    `DELETE FROM ${name}`,
    `DROP TABLE ${name}`,
    `ALTER TABLE ${name} RENAME TO mine`,
    `CREATE VIEW peeks AS SELECT * FROM ${name}`,
  ]) {
    const { status, body } = await db.query(sql)
    expect([status, body.code], sql).toEqual([403, 'table_protected'])
  }
  const tables = (await db.request('/tables')).body.data
  expect(JSON.stringify(tables)).not.toContain('_persql_base')
  // A schema that was merged has not become another by it.
  await ran(branch, 'CREATE TABLE more (id)')
  expect((await merge(db)).data.schema.statements.length).toBe(1)
})

test('what was merged of a branch that is gone goes with the next merge', async () => {
  const { db } = await mergedOnce([T], "INSERT INTO t VALUES (1,'x')")
  const kept = () => readRows(db, "SELECT count(*) FROM sqlite_master WHERE name GLOB '_persql_base*'")
  expect(await kept()).toEqual([[1]])
  await db.request('/branches/work', { method: 'DELETE' })
  const other = await createBranch(platform, db, 'other')
  await ran(other, "INSERT INTO t VALUES (2,'y')")
  expect((await merge(db, { mode: 'data' }, 'other')).data.applied).toBe(true)
  expect(await kept()).toEqual([[1]])
})
