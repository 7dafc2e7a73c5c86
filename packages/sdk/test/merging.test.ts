import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../../../test/shared-platform.ts'
import { type Database, MergeRefusedError, PerSQL } from '../src/index.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let persql: PerSQL
let db: Database
let branch: Database
let number = 0

beforeAll(async () => {
  platform = await sharedPlatform()
  const { token } = await platform.createNamespace(ns)
  persql = new PerSQL({ token, baseURL: platform.url })
})
afterAll(() => platform.stop())
beforeEach(async () => {
  const slug = `db-${++number}`
  await persql.databases.create({ slug })
  db = persql.database(ns, slug)
  await db.query('CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)')
  await db.query("INSERT INTO notes VALUES (1, 'parent')")
  const { token, databaseSlug } = await db.branches.claim({ ref: 'work', role: 'admin', ttlSec: 0 })
  branch = new PerSQL({ token, baseURL: platform.url }).database(ns, databaseSlug)
})

async function refused(promise: Promise<unknown>): Promise<MergeRefusedError> {
  const error = await promise.then(
    () => undefined,
    (cause) => cause,
  )
  expect(error).toBeInstanceOf(MergeRefusedError)
  return error
}

test('a schema merge matches its preview and can be reverted', async () => {
  await branch.query('ALTER TABLE notes ADD COLUMN pinned INTEGER')
  const preview = await db.branches.merge('work')
  expect(preview).toMatchObject({ mode: 'preview', applied: false, snapshot: null })
  expect(preview.schema.statements.map(({ sql }) => sql).join()).toContain('pinned')
  expect((await db.schema()).tables[0]?.columns).toHaveLength(2)

  await branch.query('CREATE TABLE more (id INTEGER PRIMARY KEY)')
  const stale = await refused(db.branches.merge('work', { mode: 'schema', expectedPlan: preview.planHash }))
  expect([stale.status, stale.code, stale.report.planHash === preview.planHash]).toEqual([409, 'merge_stale', false])
  const expectedPlan = (await db.branches.merge('work', { mode: 'preview' })).planHash
  const merged = await db.branches.merge('work', { mode: 'schema', expectedPlan })
  expect(merged.applied).toBe(true)
  expect((await db.tables()).map(({ name }) => name)).toEqual(['more', 'notes'])
  await db.snapshots.restore({ snapshotId: merged.snapshot?.id as string })
  expect((await db.tables()).map(({ name }) => name)).toEqual(['notes'])
})

test('a merge that deletes data is rejected with its report, unless allowed', async () => {
  await branch.query('ALTER TABLE notes DROP COLUMN body')
  const { code, report } = await refused(db.branches.merge('work', { mode: 'schema' }))
  expect(code).toBe('merge_would_lose_data')
  expect(report.schema.statements).toContainEqual(expect.objectContaining({ losesData: true }))
  expect(report.applied).toBe(false)
  expect(await db.branches.merge('work', { mode: 'schema', allowDataLoss: true })).toMatchObject({ applied: true })
})

test('merges rows; a conflict requires a choice of the side', async () => {
  await branch.query("INSERT INTO notes VALUES (1, 'branch'), (2, 'new')")
  const { code, report } = await refused(db.branches.merge('work', { mode: 'data' }))
  expect(code).toBe('merge_conflict')
  expect(report.data.conflicts).toMatchObject([
    { table: 'notes', reason: 'differs', key: { id: 1 }, branch: { body: 'branch' }, parent: { body: 'parent' } },
  ])
  const merged = await db.branches.merge('work', { mode: 'data', onConflict: 'branch', idempotencyKey: 'merge-work' })
  expect(merged.data.tables).toMatchObject([{ table: 'notes', inserted: 1, updated: 1 }])
  expect((await db.query('SELECT body FROM notes ORDER BY id')).data).toEqual([{ body: 'branch' }, { body: 'new' }])
})

test('a schema that both sides changed is rejected with its conflicts', async () => {
  await db.query('ALTER TABLE notes RENAME COLUMN body TO text')
  await branch.query('ALTER TABLE notes RENAME COLUMN body TO content')
  const { code, report } = await refused(db.branches.merge('work', { mode: 'schema' }))
  expect([code, report.schema.conflicts.length]).toEqual(['merge_conflict', 1])
  expect(report.schema.conflicts[0]?.base).toContain('body')
})
