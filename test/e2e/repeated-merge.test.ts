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

const T = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)'

/** A database and a branch of it whose rows were merged. */
async function mergedOnce(rows: string, schema: readonly string[] = [T], parent: readonly string[] = []) {
  const db = await databaseWith(platform, token, schema, ns)
  const branch = await createBranch(platform, db)
  await ran(db, ...parent)
  await ran(branch, rows)
  expect((await merge(db, { mode: 'data' })).data.applied).toBe(true)
  return { db, branch }
}

const counts = (tables: { [name: string]: unknown }[]) => tables.map(({ table, ...rest }) => [table, rest])
const none = { inserted: 0, updated: 0, deleted: 0, unchanged: 0, conflicts: 0, known: 0 }

test('a change or deletion of only one side since the last merge causes no conflict, and is kept or merged', async () => {
  const { db, branch } = await mergedOnce("INSERT INTO t VALUES (1,'1'),(2,'2'),(3,'3'),(4,'4'),(5,'5'),(6,'6')")
  await ran(
    branch,
    "UPDATE t SET a = 'branch' WHERE id = 1",
    'DELETE FROM t WHERE id = 2',
    "INSERT INTO t VALUES (7,'7')",
  )
  await ran(db, "UPDATE t SET a = 'parent' WHERE id = 3", 'DELETE FROM t WHERE id = 4', "INSERT INTO t VALUES (8,'8')")
  for (const side of [branch, db]) await ran(side, 'DELETE FROM t WHERE id = 5', "UPDATE t SET a = 'both' WHERE id = 6")
  const preview = (await merge(db)).data
  expect(counts(preview.data.tables)).toEqual([
    ['t', { inserted: 1, updated: 1, deleted: 1, unchanged: 3, conflicts: 0, known: 6 }],
  ])
  expect(preview.data.deletions).toEqual([{ table: 't', key: { id: 2 }, parent: { id: 2, a: '2' } }])
  const { data } = await merge(db, { mode: 'data', expectedPlan: preview.planHash })
  expect([data.applied, data.data]).toEqual([true, preview.data])
  const after = [
    [1, 'branch'],
    [3, 'parent'],
    [6, 'both'],
    [7, '7'],
    [8, '8'],
  ]
  expect(await readRows(db, 'SELECT * FROM t')).toEqual(after)
  const again = (await merge(db, { mode: 'data' })).data
  expect([again.applied, again.snapshot, counts(again.data.tables)]).toEqual([
    false,
    null,
    [['t', { ...none, unchanged: 5, known: 5 }]],
  ])
  expect(await readRows(db, 'SELECT * FROM t')).toEqual(after)
})

test('what both have changed since, each its own way, is a conflict, and the chosen side settles it', async () => {
  const { db, branch } = await mergedOnce("INSERT INTO t VALUES (1,'1'),(2,'2'),(3,'3')")
  await ran(branch, "UPDATE t SET a = 'branch' WHERE id <> 2", 'DELETE FROM t WHERE id = 2')
  await ran(db, "UPDATE t SET a = 'parent' WHERE id <> 3", 'DELETE FROM t WHERE id = 3')
  const refused = await merge(db, { mode: 'data' })
  expect(refused.code).toBe('merge_conflict')
  expect(refused.merge.data.conflicts).toEqual([
    {
      table: 't',
      reason: 'differs',
      message: 'The branch and its parent have different rows with this key.',
      key: { id: 1 },
      branch: { id: 1, a: 'branch' },
      parent: { id: 1, a: 'parent' },
    },
    {
      table: 't',
      reason: 'deleted_in_parent',
      message: expect.stringContaining('Deleted in the parent'),
      key: { id: 3 },
      branch: { id: 3, a: 'branch' },
      parent: null,
    },
    {
      table: 't',
      reason: 'deleted_in_branch',
      message: expect.stringContaining('Deleted in the branch'),
      key: { id: 2 },
      branch: null,
      parent: { id: 2, a: 'parent' },
    },
  ])
  const kept = (await merge(db, { mode: 'data', onConflict: 'parent' })).data
  expect([kept.applied, counts(kept.data.tables)]).toEqual([false, [['t', { ...none, conflicts: 3, known: 3 }]]])
  const taken = (await merge(db, { mode: 'data', onConflict: 'branch' })).data
  expect(counts(taken.data.tables)).toEqual([
    ['t', { inserted: 1, updated: 1, deleted: 1, unchanged: 0, conflicts: 3, known: 3 }],
  ])
  expect(await readRows(db, 'SELECT * FROM t')).toEqual(await readRows(branch, 'SELECT * FROM t'))
})

test('what both changed alike counts as merged, though nothing was to be done', async () => {
  const { db, branch } = await mergedOnce("INSERT INTO t VALUES (1,'x')")
  for (const side of [branch, db]) await ran(side, "UPDATE t SET a = 'y'")
  expect((await merge(db, { mode: 'data' })).data.applied).toBe(false)
  // Against what was merged first, only the parent would have changed it.
  await ran(branch, "UPDATE t SET a = 'x'")
  expect((await merge(db, { mode: 'data' })).data.applied).toBe(true)
  expect(await readRows(db, 'SELECT a FROM t')).toEqual([['x']])
})

test('rows that only the parent ever had stay, and a preview remembers nothing', async () => {
  const db = await databaseWith(platform, token, [T], ns)
  const branch = await createBranch(platform, db)
  for (const side of [branch, db]) await ran(side, "INSERT INTO t VALUES (1,'1')")
  await merge(db)
  await ran(branch, 'DELETE FROM t')
  expect((await merge(db, { mode: 'data' })).data).toMatchObject({ applied: false, data: { tables: [] } })
  expect(await readRows(db, 'SELECT id FROM t')).toEqual([[1]])
})

describe('what was merged before is not known any more', () => {
  const refusal = async (db: Awaited<ReturnType<typeof databaseWith>>) =>
    (await merge(db, { mode: 'data' })).merge?.data

  test('after the parent went back to a snapshot', async () => {
    const { db } = await mergedOnce("INSERT INTO t VALUES (1,'1')")
    const { body } = await db.request('/snapshots')
    const { id } = body.data.snapshots?.[0] ?? body.data[0]
    await db.request('/restore', { body: { snapshotId: id } })
    expect(await readRows(db, 'SELECT * FROM t')).toEqual([])
    expect((await merge(db, { mode: 'data' })).data.data.tables).toMatchObject([{ inserted: 1, known: 0 }])
  })

  test('after the branch went back to a snapshot', async () => {
    const { db, branch } = await mergedOnce("INSERT INTO t VALUES (1,'1')")
    const { slug } = (await db.request('/branches/work')).body.data
    const branchAsAdmin = platform.database(ns, slug, token)
    const { body } = await branchAsAdmin.request('/snapshots', { body: { label: 'empty' } })
    await ran(branch, "INSERT INTO t VALUES (2,'2')")
    expect((await merge(db, { mode: 'data' })).data.applied).toBe(true)
    await branchAsAdmin.request('/restore', { body: { snapshotId: body.data.id } })
    expect(await readRows(branch, 'SELECT id FROM t')).toEqual([[1]])
    expect((await merge(db, { mode: 'data' })).data.applied).toBe(false)
    expect(await readRows(db, 'SELECT id FROM t')).toEqual([[1], [2]])
  })

  test('after the branch was reset, or deleted and made again', async () => {
    const { db } = await mergedOnce("INSERT INTO t VALUES (1,'1')")
    for (const renew of [async () => {}, () => db.request('/branches/work', { method: 'DELETE' })]) {
      await renew()
      const branch = await createBranch(platform, db)
      expect((await merge(db, { mode: 'data' })).data.data.tables).toEqual([])
      await ran(branch, "INSERT INTO t VALUES (1,'other')")
      expect((await refusal(db)).conflicts).toMatchObject([{ reason: 'differs' }])
    }
    expect(await readRows(db, 'SELECT a FROM t')).toEqual([['1']])
  })

  test.each(['schema', 'rows'])('after the table has changed (%s)', async (what) => {
    const { db, branch } = await mergedOnce("INSERT INTO t VALUES (1,'1'),(2,'2')")
    await ran(branch, 'ALTER TABLE t ADD COLUMN b', 'DELETE FROM t WHERE id = 1', "UPDATE t SET a = 'changed'")
    expect((await merge(db, { mode: 'schema' })).data.applied).toBe(true)
    if (what === 'schema') expect((await refusal(db)).conflicts).toMatchObject([{ reason: 'differs', key: { id: 2 } }])
    else {
      expect((await merge(db, { mode: 'data', onConflict: 'branch' })).data.applied).toBe(true)
      await ran(branch, "UPDATE t SET a = 'again'")
      expect((await merge(db, { mode: 'data' })).data.data.tables).toMatchObject([{ updated: 1, known: 1 }])
    }
    expect(await readRows(db, 'SELECT count(*) FROM t WHERE id = 1')).toEqual([[1]])
  })
})
