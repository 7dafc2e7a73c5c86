import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { createBranch, databaseWith, merge, ran, readRows, type TestDatabase } from '../merge-helpers.ts'

let platform: TestPlatform
let token: string
beforeAll(async () => {
  platform = await startPlatform({ failures: ['copy_cut_off'] })
  token = (await platform.createNamespace('acme')).token
})
afterAll(() => platform.stop())

const made = (...statements: string[]) => databaseWith(platform, token, statements)
const listStatements = (body: { data: { schema: { statements: { sql: string }[] } } }) =>
  body.data.schema.statements.map(({ sql }) => sql)
const readSchema = async (db: TestDatabase) => (await db.request('/schema')).body.data
const notes = [
  'CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL)',
  "INSERT INTO notes (body) VALUES ('one'), ('two'), ('gone')",
  'DELETE FROM notes WHERE id = 3',
]

test('what the branch changed is previewed, applied with a snapshot before, and is nothing the second time', async () => {
  const db = await made(...notes)
  const branch = await createBranch(platform, db)
  await ran(
    branch,
    "ALTER TABLE notes ADD COLUMN tag TEXT DEFAULT 'x'",
    'CREATE TABLE tags (name TEXT PRIMARY KEY)',
    'CREATE INDEX by_tag ON notes (tag)',
    'CREATE VIEW tagged AS SELECT id, tag FROM notes',
    'CREATE TRIGGER tells AFTER INSERT ON notes BEGIN INSERT OR IGNORE INTO tags VALUES (new.tag); END',
  )
  const preview = await merge(db)
  expect(preview.data).toMatchObject({ mode: 'preview', applied: false, snapshot: null, data: { tables: [] } })
  expect(listStatements(preview)).toEqual([
    `ALTER TABLE "notes" ADD COLUMN tag TEXT DEFAULT 'x'`,
    'CREATE TABLE tags (name TEXT PRIMARY KEY)',
    'CREATE INDEX by_tag ON notes (tag)',
    'CREATE VIEW tagged AS SELECT id, tag FROM notes',
    'CREATE TRIGGER tells AFTER INSERT ON notes BEGIN INSERT OR IGNORE INTO tags VALUES (new.tag); END',
  ])
  expect((await readSchema(db)).tables).toHaveLength(1)

  const { data } = await merge(db, { mode: 'schema', expectedPlan: preview.data.planHash })
  expect(data).toMatchObject({ mode: 'schema', applied: true, schema: preview.data.schema })
  expect(await readSchema(db)).toEqual(await readSchema(branch))
  expect(await readRows(db, 'SELECT * FROM notes')).toEqual([
    [1, 'one', 'x'],
    [2, 'two', 'x'],
  ])
  await ran(db, "INSERT INTO notes (body) VALUES ('new')")
  expect(await readRows(db, 'SELECT max(id) FROM notes')).toEqual([[4]])
  expect(await readRows(db, 'SELECT * FROM tags')).toEqual([['x']])

  const again = await merge(db, { mode: 'schema' })
  expect(again.data).toMatchObject({ applied: false, snapshot: null, schema: { statements: [], conflicts: [] } })
  expect((await merge(db)).data.schema).toEqual({ statements: [], conflicts: [] })

  const changes = (await db.request('/schema_changes?limit=5')).body.data
  expect(changes.map(({ sql }: { sql: string }) => sql)).toEqual(listStatements(preview).toReversed())
  expect(changes[0].actor).toMatch(/^token:/)
  const { body } = await db.request('/restore', { body: { snapshotId: data.snapshot.id } })
  expect(body.data.restored.label).toBe('Before merging "work"')
  expect((await readSchema(db)).tables).toHaveLength(1)
  // A reverted merge can be repeated.
  expect((await merge(db, { mode: 'schema' })).data.applied).toBe(true)
  expect(await readSchema(db)).toEqual(await readSchema(branch))
})

test('keeps changes of the parent, ignores equal changes of both sides, and reports conflicts', async () => {
  const db = await made('CREATE TABLE a (x)', 'CREATE TABLE b (x)', 'CREATE TABLE c (x)', 'CREATE TABLE d (x)')
  const branch = await createBranch(platform, db)
  await ran(db, 'ALTER TABLE a ADD COLUMN mine', 'ALTER TABLE c ADD COLUMN  "same"', 'CREATE INDEX own ON d (x)')
  await ran(branch, 'ALTER TABLE b ADD COLUMN theirs', 'ALTER TABLE c ADD COLUMN Same')
  expect(listStatements(await merge(db, { mode: 'schema' }))).toEqual(['ALTER TABLE "b" ADD COLUMN theirs'])
  expect(await readRows(db, 'SELECT mine FROM a')).toEqual([])
  // Since then, the merged schema is what both have in common.
  await ran(db, 'ALTER TABLE b ADD COLUMN more')
  expect((await merge(db)).data.schema).toEqual({ statements: [], conflicts: [] })

  await ran(branch, 'ALTER TABLE b RENAME COLUMN theirs TO other')
  const refused = await merge(db, { mode: 'schema' })
  expect(refused).toMatchObject({ success: false, code: 'merge_conflict', merge: { applied: false } })
  expect(refused.merge.schema.conflicts).toEqual([
    {
      type: 'table',
      name: 'b',
      reason: 'Changed differently on both sides.',
      base: 'CREATE TABLE b (x, theirs)',
      parent: 'CREATE TABLE b (x, theirs, more)',
      branch: 'CREATE TABLE b (x, other)',
    },
  ])
  expect((await db.request('/snapshots')).body.data).toHaveLength(1)
})

describe('a change that SQLite has no statement for', () => {
  test('recreates the table with its rows, indexes, views, triggers and references', async () => {
    const db = await made(
      ...notes,
      'CREATE TABLE replies (id INTEGER PRIMARY KEY, note INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE)',
      'INSERT INTO replies (note) VALUES (1), (2)',
      'CREATE INDEX by_body ON notes (body)',
      'CREATE VIEW shown AS SELECT body FROM notes',
      'CREATE TABLE log (n)',
      'CREATE TRIGGER logs AFTER INSERT ON notes BEGIN INSERT INTO log VALUES (new.id); END',
    )
    const branch = await createBranch(platform, db)
    await ran(
      branch,
      'DROP TABLE notes',
      'CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL CHECK (length(body) < 9), at INTEGER DEFAULT 7)',
      'CREATE INDEX by_body ON notes (body)',
      'CREATE TRIGGER logs AFTER INSERT ON notes BEGIN INSERT INTO log VALUES (new.id); END',
    )
    const { data } = await merge(db, { mode: 'schema' })
    expect(data.applied).toBe(true)
    expect(await readRows(db, 'SELECT * FROM notes')).toEqual([
      [1, 'one', 7],
      [2, 'two', 7],
    ])
    expect(await readRows(db, 'SELECT count(*) FROM replies')).toEqual([[2]])
    expect(await readRows(db, 'SELECT * FROM log')).toEqual([])
    await ran(db, "INSERT INTO notes (body) VALUES ('new')", 'DELETE FROM notes WHERE id = 1')
    expect(
      await readRows(db, 'SELECT max(id), (SELECT count(*) FROM replies), (SELECT n FROM log) FROM notes'),
    ).toEqual([[4, 1, 4]])
    expect(await readRows(db, 'SELECT body FROM shown INDEXED BY by_body')).toMatch(/no such index|INDEXED/)
    expect(await readRows(db, "INSERT INTO notes (body) VALUES ('much too long')")).toContain('CHECK')
    expect(await readRows(db, 'INSERT INTO replies (note) VALUES (77)')).toContain('FOREIGN KEY')
  })

  test('is refused where rows do not fit, and nothing of it stays', async () => {
    const db = await made('CREATE TABLE t (a TEXT)', "INSERT INTO t VALUES ('x'), (NULL)")
    const branch = await createBranch(platform, db)
    await ran(branch, 'DROP TABLE t', 'CREATE TABLE t (a TEXT NOT NULL)', 'CREATE TABLE more (n)')
    const before = await readSchema(db)
    const refused = await merge(db, { mode: 'schema', allowDataLoss: true })
    expect(refused.code).toBe('merge_conflict')
    expect(refused.merge.schema.conflicts[0]).toMatchObject({ type: 'table', name: 't' })
    expect(refused.merge.schema.conflicts[0].reason).toContain('NOT NULL constraint failed')
    expect(await readSchema(db)).toEqual(before)
    expect((await db.request('/snapshots')).body.data).toEqual([])
  })
})

describe('what would lose data', () => {
  const lossy = async (change: string[], ...schema: string[]) => {
    const db = await made(...schema)
    await ran(await createBranch(platform, db), ...change)
    const refused = await merge(db, { mode: 'schema' })
    const done = await merge(db, { mode: 'schema', allowDataLoss: true })
    expect(done.data?.applied, JSON.stringify(done)).toBe(true)
    return [
      refused.code,
      refused.error?.replace(/^This merge would delete or change data in the parent: |\. Nothing was changed.*$/g, ''),
    ]
  }
  test.each([
    ['a table with rows', ['DROP TABLE t'], 'rows of "t" would be deleted'],
    ['a column with values', ['ALTER TABLE t DROP COLUMN b'], 'values of "t"."b" would be lost'],
    ['values that become others', ['DROP TABLE t', 'CREATE TABLE t (a, b INTEGER)'], 'values of "t"."b" would change'],
  ])('is refused, unless it is allowed: %s', async (_, change, what) => {
    const schema = ['CREATE TABLE t (a, b TEXT)', "INSERT INTO t VALUES (1, '007')"]
    expect(await lossy(change, ...schema)).toEqual(['merge_would_lose_data', what])
  })
  test('is not an empty table, nor a column without values', async () => {
    const db = await made('CREATE TABLE t (a, b)', 'CREATE TABLE u (a)', 'INSERT INTO t VALUES (1, NULL)')
    await ran(await createBranch(platform, db), 'DROP TABLE u', 'ALTER TABLE t DROP COLUMN b')
    expect((await merge(db, { mode: 'schema' })).data.applied).toBe(true)
    expect(await readRows(db, 'SELECT * FROM t')).toEqual([[1]])
  })
})

test('what the branch renamed keeps its rows', async () => {
  const db = await made(
    'CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, mail TEXT)',
    'CREATE TABLE pets (owner INTEGER REFERENCES people)',
    'CREATE INDEX by_mail ON people (mail)',
    "INSERT INTO people VALUES (1, 'ada', 'a@x')",
    'INSERT INTO pets VALUES (1)',
  )
  const branch = await createBranch(platform, db)
  await ran(
    branch,
    'ALTER TABLE people RENAME COLUMN mail TO address',
    'ALTER TABLE people RENAME TO humans',
    'ALTER TABLE humans RENAME name TO "full name"',
  )
  expect((await merge(db, { mode: 'schema' })).data.applied).toBe(true)
  expect(await readRows(db, 'SELECT "full name", address FROM humans JOIN pets ON owner = id')).toEqual([
    ['ada', 'a@x'],
  ])
  expect((await merge(db)).data.schema).toEqual({ statements: [], conflicts: [] })
  expect(await readRows(db, 'INSERT INTO pets VALUES (9)')).toContain('FOREIGN KEY')
})

test('a view of the parent that would not work any more stands in the way', async () => {
  const db = await made('CREATE TABLE t (a, b)')
  const branch = await createBranch(platform, db)
  await ran(branch, 'ALTER TABLE t DROP COLUMN b')
  await ran(db, 'CREATE VIEW uses AS SELECT b FROM t')
  const refused = await merge(db, { mode: 'schema' })
  expect([refused.code, refused.merge.schema.conflicts[0].name]).toEqual(['merge_conflict', 'uses'])
  expect(await readRows(db, 'SELECT * FROM uses')).toEqual([])
})

test('a plan that is old is not carried out', async () => {
  const db = await made('CREATE TABLE t (a)')
  const branch = await createBranch(platform, db)
  await ran(branch, 'DROP TABLE t')
  const { planHash } = (await merge(db)).data
  await ran(db, 'INSERT INTO t VALUES (1)')
  const refused = await merge(db, { mode: 'schema', allowDataLoss: true, expectedPlan: planHash })
  expect([refused.code, refused.merge.schema.statements[0].losesData]).toEqual(['merge_stale', true])
  const now = refused.merge.planHash
  expect((await merge(db, { mode: 'schema', allowDataLoss: true, expectedPlan: now })).data.applied).toBe(true)
})

test('only an admin of the parent merges, and only its branches', async () => {
  const db = await made('CREATE TABLE t (a)')
  const other = await made('CREATE TABLE t (a)')
  const branch = await createBranch(platform, db)
  const path = '/branches/work/merge'
  const status = async (as: TestDatabase, at = path) => {
    const { status, body } = await as.request(at, { body: {} })
    return [status, body.code]
  }
  const parentBy = (secret: string) => ({
    ...db,
    request: (at: string, options = {}) => platform.request(db.path + at, { token: secret, ...options }),
  })
  const { body } = await platform.request('/v1/tokens', { token, body: { name: 'rw', role: 'readwrite' } })
  expect(await status(parentBy(body.data.token))).toEqual([403, 'role_insufficient'])
  const scoped = await platform.request('/v1/tokens', { token, body: { name: 's', role: 'admin', tableScope: ['t'] } })
  expect(scoped.status).toBe(200)
  expect(await status(parentBy(scoped.body.data.token))).toEqual([403, 'not_for_scoped_token'])
  const foreign = (await platform.createNamespace('other')).token
  expect(await status(parentBy(foreign))).toEqual([403, 'namespace_mismatch'])
  const claimed = await db.request('/claim_branch', { body: { ref: 'mine', role: 'admin' } })
  expect((await status(parentBy(claimed.body.data.token)))[0]).toBe(403)
  expect(await status(branch)).toEqual([403, 'token_pinned'])
  expect(await status(other)).toEqual([404, 'branch_not_found'])
  expect(await status(db, '/branches/nowhere/merge')).toEqual([404, 'branch_not_found'])
  expect((await db.request(path, { body: { mode: 'all' } })).body.code).toBe('invalid_input')
})

test('one of several concurrent merges succeeds, and concurrent writes are in the snapshot or after the merge', async () => {
  const db = await made('CREATE TABLE t (a)')
  const branch = await createBranch(platform, db)
  await ran(branch, 'ALTER TABLE t ADD COLUMN b DEFAULT 5')
  const [answers, writes] = await Promise.all([
    Promise.all(Array.from({ length: 4 }, () => merge(db, { mode: 'schema' }))),
    Promise.all(Array.from({ length: 40 }, (_, i) => db.query('INSERT INTO t (a) VALUES (?)', [i]))),
  ])
  expect(answers.filter(({ data }) => data?.applied)).toHaveLength(1)
  for (const { data, code } of answers) if (!data) expect(code).toBe('merge_under_way')
  expect(writes.map(({ status }) => status)).toEqual(Array.from({ length: 40 }, () => 200))
  expect(await readRows(db, 'SELECT count(*), sum(b) FROM t')).toEqual([[40, 200]])
})

test('a branch that is reset, written and deleted while it is merged is merged as it was at one moment, or not', async () => {
  const db = await made('CREATE TABLE t (id INTEGER PRIMARY KEY, pair INTEGER)')
  const path = '/branches/work'
  await db.request(path, { method: 'PUT', body: {} })
  const codes = new Set<string>()
  let isOver = false
  const merging = (async () => {
    for (let i = 0; i < 25; i++) {
      const { data, code } = await merge(db, { mode: 'data', onConflict: 'branch' })
      codes.add(data ? 'merged' : code)
    }
    isOver = true
  })()
  const churning = (async () => {
    for (let i = 0; !isOver; i++) {
      const { data } = (await db.request('/claim_branch', { body: { ref: 'work', role: 'admin' } })).body
      const branch = platform.database('acme', data.databaseSlug, data.token)
      for (let n = 0; n < 5; n++) {
        const id = i * 100 + n * 2
        await branch.batch(
          [
            { sql: 'INSERT INTO t VALUES (?, ?)', params: [id, id + 1] },
            { sql: 'INSERT INTO t VALUES (?, ?)', params: [id + 1, id] },
          ],
          { transaction: true },
        )
      }
      if (i % 4 === 3) await db.request(path, { method: 'DELETE' })
    }
  })()
  await Promise.all([merging, churning])
  expect([...codes]).toContain('merged')
  for (const code of codes) expect(['merged', 'copy_cut_off', 'branch_not_found', 'database_not_found']).toContain(code)
  expect(
    await readRows(db, 'SELECT count(*) FROM t a WHERE NOT EXISTS (SELECT 1 FROM t b WHERE b.id = a.pair)'),
  ).toEqual([[0]])
  expect((await readRows(db, 'SELECT count(*) > 0 FROM t'))[0]).toEqual([1])
  await ran(db, 'INSERT INTO t VALUES (-1, -1)')
})

test('what approval rules guard is not merged past them, by schema or by rows', async () => {
  const db = await made(...notes, 'CREATE TABLE free (id INTEGER PRIMARY KEY)')
  const branch = await createBranch(platform, db)
  const rule = { tableGlob: 'note*', action: 'require_approval' }
  const { id } = (await db.request('/approval_rules', { body: rule })).body.data
  await ran(branch, 'INSERT INTO free VALUES (1)')
  expect((await merge(db, { mode: 'data' })).data.applied).toBe(true)
  await ran(branch, "INSERT INTO notes VALUES (9, 'nine')", 'ALTER TABLE notes ADD COLUMN tag TEXT')
  const hits = [expect.objectContaining({ tableGlob: 'note*', matchedTable: 'notes' })]
  expect(await merge(db, { mode: 'schema' })).toMatchObject({ code: 'approval_denied', hits })
  expect((await merge(db)).data).toMatchObject({ mode: 'preview', applied: false })
  await ran(branch, 'ALTER TABLE notes DROP COLUMN tag')
  expect(await merge(db, { mode: 'data' })).toMatchObject({ code: 'approval_denied', hits })
  expect(await readRows(db, 'SELECT id FROM notes')).toEqual([[1], [2]])
  expect((await db.request('/snapshots')).body.data).toHaveLength(1)
  await db.request(`/approval_rules/${id}`, { method: 'DELETE' })
  expect((await merge(db, { mode: 'data' })).data.applied).toBe(true)
})
