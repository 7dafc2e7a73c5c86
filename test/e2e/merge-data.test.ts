import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBranch, databaseWith, merge, ran, readRows } from '../merge-helpers.ts'
import { everything, everyValue } from '../schemas.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let token: string
beforeAll(async () => {
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
})
afterAll(() => platform.stop())

/** A database and a branch of it, each with rows of its own. */
async function sides(schema: readonly string[], parent: readonly string[], rows: readonly string[]) {
  const db = await databaseWith(platform, token, schema, ns)
  const branch = await createBranch(platform, db)
  await ran(db, ...parent)
  await ran(branch, ...rows)
  return { db, branch }
}

test('adds rows that are missing in the parent, keeps the others, and reports differences', async () => {
  const { db } = await sides(
    ['CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b)'],
    ["INSERT INTO t VALUES (1, 'mine', x'01'), (2, 'same', 2.5), (3, 'alone', NULL)"],
    ["INSERT INTO t VALUES (1, 'theirs', 9007199254740993), (2, 'same', 2.5), (4, 'new', NULL)"],
  )
  const refused = await merge(db, { mode: 'data' })
  expect(refused.code).toBe('merge_conflict')
  expect(refused.merge.data).toEqual({
    tables: [{ table: 't', inserted: 1, updated: 0, deleted: 0, unchanged: 1, conflicts: 1, known: 0 }],
    deletions: [],
    conflicts: [
      {
        table: 't',
        reason: 'differs',
        message: 'The branch and its parent have different rows with this key.',
        key: { id: 1 },
        branch: { id: 1, a: 'theirs', b: '9007199254740993' },
        parent: { id: 1, a: 'mine', b: { base64: 'AQ==' } },
      },
    ],
  })
  expect(await readRows(db, 'SELECT count(*) FROM t')).toEqual([[3]])
  const preview = await merge(db)
  expect(preview.data).toMatchObject({ mode: 'preview', applied: false, data: refused.merge.data })

  const { data } = await merge(db, { mode: 'data', onConflict: 'parent', expectedPlan: preview.data.planHash })
  expect([data.applied, data.snapshot.automatic]).toEqual([true, true])
  expect(await readRows(db, 'SELECT id, a FROM t')).toEqual([
    [1, 'mine'],
    [2, 'same'],
    [3, 'alone'],
    [4, 'new'],
  ])
  const other = await merge(db, { mode: 'data', onConflict: 'branch' })
  expect(other.data.data.tables).toMatchObject([{ table: 't', inserted: 0, updated: 1, unchanged: 2, conflicts: 1 }])
  expect(await readRows(db, 'SELECT a, CAST(b AS TEXT) FROM t WHERE id = 1')).toEqual([['theirs', '9007199254740993']])
  const again = await merge(db, { mode: 'data' })
  expect(again.data).toMatchObject({ applied: false, snapshot: null, data: { conflicts: [] } })
})

test('every kind of value and table comes over to the last bit', async () => {
  const { db, branch } = await sides(everything, [], [])
  // In the branch its triggers run; what they do comes over as rows, and the parent's do not run again.
  const rows = everyValue.filter((sql) => !/INTO (types|"rowid"|no_rowid_name)/.test(sql))
  await branch
    .batch(
      rows.map((sql) => ({ sql })),
      { transaction: true },
    )
    .then(({ status, body }) => expect([status, body.error]).toEqual([200, undefined]))
  const refused = await merge(db, { mode: 'data' })
  expect(refused.merge.data.conflicts).toMatchObject([{ table: 'types', reason: 'no_primary_key' }])
  const { data } = await merge(db, { mode: 'data', onConflict: 'parent' })
  expect(data.applied).toBe(true)
  expect(data.data.tables.map(({ table, inserted }: { table: string; inserted: number }) => [table, inserted])).toEqual(
    [
      ['children', 1],
      ['own', 2],
      ['parents', 3],
      ['places', 2],
      ['strict_one', 3],
      ['types', 0],
    ],
  )
  for (const sql of [
    'SELECT quote(id), name FROM parents',
    'SELECT * FROM children',
    'SELECT quote(a), b, quote(c), d FROM strict_one',
    'SELECT rowid, * FROM own',
    "SELECT rowid FROM own('run')",
    "SELECT quote(rowid) FROM external('negative')",
    'SELECT * FROM places ORDER BY id',
  ]) {
    const merged = await readRows(db, sql)
    expect(merged, sql).toEqual(await readRows(branch, sql))
    expect(merged.length, sql).toBeGreaterThan(0)
  }
  expect(await readRows(db, 'SELECT count(*) FROM types')).toEqual([[0]])
  await ran(db, "INSERT INTO parents (id, name) VALUES (4, 'x')")
  expect(await readRows(db, 'SELECT v FROM types')).toEqual([[4]])
  expect((await merge(db, { mode: 'data', onConflict: 'branch' })).merge.data.conflicts).toMatchObject([
    { table: 'types' },
  ])
})

describe('keys', () => {
  test.each([
    [
      'of several columns',
      'CREATE TABLE t (a, b, c, PRIMARY KEY (b, a))',
      "(1, 'x', 1), (1, 'y', 2)",
      "(1, 'x', 1), (2, 'x', 3)",
      [1, 1, 0],
    ],
    [
      'without rowid',
      'CREATE TABLE t (a TEXT PRIMARY KEY, b) WITHOUT ROWID',
      "('a', 1)",
      "('a', 1), ('b', x'00')",
      [1, 1, 0],
    ],
    [
      'that ignore case',
      'CREATE TABLE t (a TEXT PRIMARY KEY COLLATE NOCASE, b)',
      "('a', 1), ('c', 1)",
      "('A', 1), ('C', 2), ('d', 1)",
      [1, 0, 2],
    ],
    ['of blobs', 'CREATE TABLE t (a BLOB PRIMARY KEY, b)', "(x'61', 1)", "('a', 1), (x'61', 1)", [1, 1, 0]],
    ['that count', 'CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b)', '(5, 1)', '(5, 1), (9, 2)', [1, 1, 0]],
    ['of a number and its text', 'CREATE TABLE t (a INTEGER PRIMARY KEY, b)', "(1, '7')", '(1, 7)', [0, 0, 1]],
    ['with NULL', 'CREATE TABLE t (a TEXT PRIMARY KEY, b)', "(NULL, 1), ('b', 1)", "(NULL, 1), ('c', 1)", [1, 0, 1]],
  ])('%s', async (_, schema, parent, rows, counts) => {
    const { db } = await sides([schema], [`INSERT INTO t VALUES ${parent}`], [`INSERT INTO t VALUES ${rows}`])
    const [table] = (await merge(db)).data.data.tables
    expect([table.inserted, table.unchanged, table.conflicts]).toEqual(counts)
    expect((await merge(db, { mode: 'data', onConflict: 'parent' })).data?.applied ?? false).toBe(counts[0] === 1)
  })

  test('that violate another unique index are reported, and omitted if the parent wins', async () => {
    const { db } = await sides(
      ['CREATE TABLE t (id INTEGER PRIMARY KEY, mail TEXT UNIQUE)'],
      ["INSERT INTO t VALUES (1, 'a')"],
      ["INSERT INTO t VALUES (2, 'a'), (3, 'b')"],
    )
    for (const onConflict of ['abort', 'branch']) {
      const refused = await merge(db, { mode: 'data', onConflict })
      expect(refused.merge.data.conflicts).toMatchObject([
        { table: 't', reason: 'constraint', message: expect.stringContaining('UNIQUE'), key: { id: 2 } },
      ])
    }
    const { data } = await merge(db, { mode: 'data', onConflict: 'parent' })
    expect(data.data.tables).toMatchObject([{ table: 't', inserted: 1, updated: 0, unchanged: 0, conflicts: 1 }])
    expect(await readRows(db, 'SELECT * FROM t')).toEqual([
      [1, 'a'],
      [3, 'b'],
    ])
  })
})

test('rows whose parent rows are missing are not merged', async () => {
  const { db } = await sides(
    ['CREATE TABLE a (id INTEGER PRIMARY KEY, n)', 'CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a)'],
    ['INSERT INTO a VALUES (2, 2)'],
    ['INSERT INTO a VALUES (1, 1)', 'INSERT INTO b VALUES (1, 1)', 'DELETE FROM b', 'INSERT INTO b VALUES (7, 1)'],
  )
  expect((await merge(db, { mode: 'data' })).data.applied).toBe(true)
  const branch = await createBranch(platform, db)
  await ran(branch, 'INSERT INTO a VALUES (9, 9)', 'INSERT INTO b VALUES (8, 9)', 'PRAGMA defer_foreign_keys = ON')
  await ran(db, 'ALTER TABLE a ADD COLUMN later')
  const refused = await merge(db, { mode: 'data', onConflict: 'parent' })
  expect(
    refused.merge.data.conflicts.map(({ table, reason }: { table: string; reason: string }) => [table, reason]),
  ).toEqual([
    ['a', 'schema_differs'],
    ['b', 'foreign_key'],
  ])
  expect(await readRows(db, 'SELECT id FROM b')).toEqual([[7]])
})

test('a preview compares the rows in the schema that there would be', async () => {
  const { db } = await sides(
    ['CREATE TABLE t (id INTEGER PRIMARY KEY)'],
    ['INSERT INTO t VALUES (1)'],
    [
      'ALTER TABLE t ADD COLUMN a',
      "INSERT INTO t VALUES (2, 'x')",
      'CREATE TABLE u (id TEXT PRIMARY KEY)',
      "INSERT INTO u VALUES ('k')",
    ],
  )
  const preview = (await merge(db)).data
  expect(preview.data.tables).toMatchObject([
    { table: 't', inserted: 1, updated: 0, unchanged: 0, conflicts: 0 },
    { table: 'u', inserted: 1, updated: 0, unchanged: 0, conflicts: 0 },
  ])
  const { planHash: expectedPlan } = preview
  expect(preview.data.schemaFirst).toEqual(['t', 'u'])
  // Trying again would not help: the plan is only good once the schema is merged.
  const early = await merge(db, { mode: 'data', expectedPlan })
  expect([early.code, early.error]).toEqual([
    'merge_conflict',
    expect.stringMatching(/the rows of "t", "u" need the schema of the branch/),
  ])
  expect((await merge(db, { mode: 'data' })).merge.data.conflicts).toMatchObject([
    { reason: 'schema_differs' },
    { reason: 'schema_differs' },
  ])
  expect((await merge(db, { mode: 'schema', expectedPlan })).data.applied).toBe(true)
  expect((await merge(db, { mode: 'data', expectedPlan })).data.applied).toBe(true)
  expect(await readRows(db, 'SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u)')).toEqual([[2, 1]])
  expect((await merge(db, { mode: 'data', expectedPlan })).code).toBe('merge_stale')
})

test('what triggers keep in the parent is not done twice, and they are there again afterwards', async () => {
  const { db } = await sides(
    [
      'CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)',
      "CREATE VIRTUAL TABLE f USING fts5(body, content='t', content_rowid='id')",
      'CREATE TRIGGER fills AFTER INSERT ON t BEGIN INSERT INTO f (rowid, body) VALUES (new.id, new.body); END',
    ],
    ["INSERT INTO t VALUES (1, 'here')"],
    ["INSERT INTO t VALUES (2, 'there')"],
  )
  expect((await merge(db, { mode: 'data' })).data.applied).toBe(true)
  await ran(db, "INSERT INTO t VALUES (3, 'there again')", "INSERT INTO f (f) VALUES ('integrity-check')")
  expect(await readRows(db, "SELECT rowid FROM f('there') ORDER BY rowid")).toEqual([[2], [3]])
})

test('rows as written are charged, and nothing for what is undone but what was read', async () => {
  const { db } = await sides(['CREATE TABLE t (id INTEGER PRIMARY KEY)'], [], ['INSERT INTO t VALUES (1), (2), (3)'])
  await merge(db)
  await merge(db, { mode: 'data' })
  const logged = await readRows(
    db,
    "SELECT rows_written FROM _persql_query_log WHERE operation = 'merge_branch' ORDER BY id",
  )
  expect(logged[0]).toEqual([0])
  expect(logged[1][0]).toBeGreaterThanOrEqual(3)
})

test.each([10, 30, 42, 60])(
  'rows of a table with 100 columns whose names have %i letters are merged, twice',
  async (length) => {
    const names = Array.from({ length: 99 }, (_, i) => `c${i}`.padEnd(length, 'x'))
    const { db, branch } = await sides(
      [`CREATE TABLE wide (id INTEGER PRIMARY KEY, ${names.join(', ')})`],
      [],
      [`INSERT INTO wide (id, ${names[0]}) VALUES (1, 'one')`],
    )
    expect((await merge(db, { mode: 'data' })).data.applied).toBe(true)
    await ran(branch, `UPDATE wide SET ${names[98]} = 'two'`)
    const again = await merge(db, { mode: 'data' })
    // The statement that compares the sides can be longer than SQLite takes: then the answer says so.
    if (again.code !== undefined) expect(again).toMatchObject({ code: 'merge_impossible' })
    else expect(await readRows(db, `SELECT ${names[0]}, ${names[98]} FROM wide`)).toEqual([['one', 'two']])
  },
)
