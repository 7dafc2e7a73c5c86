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

describe.each(['REPLACE', 'IGNORE', 'FAIL', 'ROLLBACK'])('where a table says ON CONFLICT %s', (clause) => {
  test('no row of the parent goes for one of the branch, and none of the branch is dropped without a word', async () => {
    const schema = `CREATE TABLE t (id INTEGER PRIMARY KEY, u UNIQUE ON CONFLICT ${clause})`
    const db = await databaseWith(platform, token, [schema], ns)
    const branch = await createBranch(platform, db)
    await ran(db, "INSERT INTO t VALUES (1, 'same'), (2, 'two')")
    await ran(branch, "INSERT INTO t VALUES (9, 'nine'), (10, 'same'), (11, 'eleven')")
    const refused = await merge(db, { mode: 'data' })
    expect([refused.code, refused.merge?.data.conflicts]).toMatchObject([
      'merge_conflict',
      [{ reason: 'constraint', key: { id: 10 } }],
    ])
    const { data } = await merge(db, { mode: 'data', onConflict: 'parent' })
    expect(data.data.tables).toMatchObject([{ inserted: 2, conflicts: 1 }])
    expect(await readRows(db, 'SELECT * FROM t')).toEqual([
      [1, 'same'],
      [2, 'two'],
      [9, 'nine'],
      [11, 'eleven'],
    ])
  })

  test('a schema that the parent’s rows do not keep to is a conflict', async () => {
    const db = await databaseWith(platform, token, ['CREATE TABLE t (id INTEGER PRIMARY KEY, u)'], ns)
    const branch = await createBranch(platform, db)
    await ran(db, "INSERT INTO t VALUES (1, 'same'), (2, 'same')")
    await ran(branch, 'DROP TABLE t', `CREATE TABLE t (id INTEGER PRIMARY KEY, u UNIQUE ON CONFLICT ${clause})`)
    const { code, merge: report } = await merge(db, { mode: 'schema', allowDataLoss: true })
    expect([code, report?.schema.conflicts.length]).toEqual(['merge_conflict', 1])
    expect(await readRows(db, 'SELECT count(*) FROM t')).toEqual([[2]])
  })
})

test('one conflicting row costs a merge of many rows at most one check of each', async () => {
  const schema = 'CREATE TABLE t (k TEXT COLLATE NOCASE, n, a, u UNIQUE, PRIMARY KEY (k, n))'
  const db = await databaseWith(platform, token, [schema], ns)
  const branch = await createBranch(platform, db)
  const rows = (letter: string, a: string) =>
    `WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 20000) INSERT INTO t SELECT '${letter}', i, '${a}', i FROM i`
  await ran(db, rows('x', 'ours'), "INSERT INTO t VALUES ('y', 1, 'ours', 'taken')")
  // The replacement of the first row has a unique value of another row in the parent.
  await ran(branch, rows('X', 'theirs'), "UPDATE t SET u = 'taken' WHERE n = 1")
  const { data } = await merge(db, { onConflict: 'branch' })
  expect(data.data.tables).toMatchObject([{ inserted: 0, updated: 19_999, conflicts: 20_001 }])
  expect((await merge(db, { mode: 'data', onConflict: 'parent' })).data.applied).toBe(false)
  const { merge: report } = await merge(db, { mode: 'data', onConflict: 'branch' })
  // Conflicts that stop the merge come before those that the choice resolves.
  expect(report.data.conflicts[0]).toMatchObject({ reason: 'constraint', branch: { k: 'X', n: 1, u: 'taken' } })
  await ran(branch, "UPDATE t SET u = 1 WHERE u = 'taken'")
  expect((await merge(db, { mode: 'data', onConflict: 'branch' })).data.data.tables).toMatchObject([
    { updated: 20_000 },
  ])
})
