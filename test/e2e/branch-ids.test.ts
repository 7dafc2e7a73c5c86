import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBranch, databaseWith, merge, ran, readRows, type TestDatabase } from '../merge-helpers.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let token: string

beforeAll(async () => {
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
})
afterAll(() => platform.stop())

const ROOM = 1_000_000
const parents = (...statements: string[]) => databaseWith(platform, token, statements, ns)
/** Inserts a row and returns its ID, which must be equal in SQLite and the API. */
async function inserted(db: TestDatabase, sql = "INSERT INTO t (n) VALUES ('x')"): Promise<number> {
  const { body } = await db.query(`${sql} RETURNING id`)
  expect(body.error).toBeUndefined()
  const [[id]] = body.data.rows
  expect(body.data.lastInsertRowid).toBe(id)
  return id
}
async function mergesCleanly(db: TestDatabase, count: number, ref = 'work') {
  const { data, error } = await merge(db, { mode: 'data' }, ref)
  expect([error, data.data.conflicts]).toEqual([undefined, []])
  const sum = data.data.tables.reduce((total: number, table: { inserted: number }) => total + table.inserted, 0)
  expect(sum).toBe(count)
}

const TABLES: [string, string[]][] = [
  ['AUTOINCREMENT', ['CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT)']],
  ['INTEGER PRIMARY KEY', ['CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT)']],
  [
    'STRICT',
    [
      "CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT NOT NULL, a INT NOT NULL DEFAULT 0, b REAL NOT NULL DEFAULT 0, c BLOB NOT NULL DEFAULT x'', d ANY NOT NULL DEFAULT 1) STRICT",
    ],
  ],
  [
    'constraints',
    [
      'CREATE TABLE t (n TEXT NOT NULL CHECK (length(n) = 1), u TEXT NOT NULL UNIQUE DEFAULT (hex(randomblob(8))), k INT NOT NULL DEFAULT 1 CHECK (k IN (1, 2)), g AS (k + 1), id INTEGER PRIMARY KEY)',
      'CREATE UNIQUE INDEX low ON t (lower(u), g)',
    ],
  ],
  [
    'an index that reads JSON',
    [
      "CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT, data TEXT NOT NULL DEFAULT '{}')",
      "CREATE INDEX named ON t (json_extract(data, '$.name'))",
    ],
  ],
  [
    'a key that must have a parent',
    [
      'CREATE TABLE p (id INTEGER PRIMARY KEY)',
      'CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT, p INTEGER NOT NULL DEFAULT 1 REFERENCES p DEFERRABLE INITIALLY DEFERRED, up INTEGER REFERENCES t)',
      'INSERT INTO p VALUES (1)',
    ],
  ],
  ['a key to itself', ['CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT, up INTEGER REFERENCES t ON DELETE CASCADE)']],
  [
    'triggers',
    [
      'CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT)',
      'CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT)',
      "CREATE TRIGGER a AFTER INSERT ON t BEGIN INSERT INTO log (what) VALUES ('in ' || new.n); END",
      "CREATE TRIGGER b AFTER DELETE ON t BEGIN INSERT INTO log (what) VALUES ('out'); END",
    ],
  ],
  [
    'a full-text index',
    [
      'CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT)',
      "CREATE VIRTUAL TABLE f USING fts5(n, content='t', content_rowid='id')",
      'CREATE TRIGGER fi AFTER INSERT ON t BEGIN INSERT INTO f (rowid, n) VALUES (new.id, new.n); END',
    ],
  ],
]

describe('ids on a branch begin above those of the parent', () => {
  test.each(TABLES)('in a table with %s, and stay apart after every merge', async (what, schema) => {
    const db = await parents(...schema)
    for (let i = 1; i <= 3; i++) expect(await inserted(db)).toBe(i)
    const branch = await createBranch(platform, db)
    if (what.startsWith('a key that')) await ran(branch, 'INSERT INTO p VALUES (1)')
    expect(await readRows(branch, 'SELECT count(*) FROM t')).toEqual([[0]])
    let highest = 3
    for (let round = 1; round <= 3; round++) {
      const first = await inserted(branch)
      expect(first).toBeGreaterThan(highest + ROOM)
      expect(await inserted(branch)).toBe(first + 1)
      const own = await inserted(db)
      expect(own).toBe(highest + 1)
      expect(await readRows(branch, 'SELECT count(*) FROM t')).toEqual([[2 * round]])
      await mergesCleanly(db, what === 'triggers' ? 4 : 2)
      expect(await readRows(db, 'SELECT count(*) FROM t')).toEqual([[3 + 3 * round]])
      highest = first + 1
    }
    if (what === 'triggers') {
      expect(await readRows(branch, 'SELECT DISTINCT what FROM log')).toEqual([['in x']])
      expect(await readRows(branch, "SELECT name FROM sqlite_master WHERE type = 'trigger'")).toEqual([['a'], ['b']])
    }
    if (what.startsWith('a full')) {
      await ran(branch, "INSERT INTO f (f, rank) VALUES ('integrity-check', 1)")
      expect(await readRows(branch, "SELECT count(*) FROM f('x')")).toEqual([[6]])
    }
  })

  test.each([
    ['several rows at a time', "INSERT INTO t (n) VALUES ('a'), ('b'), ('c')", 3],
    ['rows of a SELECT', 'INSERT INTO t (n) SELECT n FROM other', 2],
    ['NULL as the id', "INSERT INTO t (id, n) VALUES (NULL, 'a')", 1],
    ['default values', 'INSERT INTO t DEFAULT VALUES', 1],
    ['an upsert', "INSERT INTO t (n) VALUES ('a') ON CONFLICT (n) DO UPDATE SET n = 'b'", 1],
    ['INSERT OR IGNORE', "INSERT OR IGNORE INTO t (n) VALUES ('a')", 1],
    ['REPLACE', "REPLACE INTO t (n) VALUES ('a')", 1],
    ['a trigger of another table', "INSERT INTO source VALUES ('a')", 1],
  ])('however they are inserted: %s', async (_how, sql, count) => {
    const db = await parents(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT UNIQUE)',
      'CREATE TABLE other (n)',
      'CREATE TABLE source (n)',
      'CREATE TRIGGER fills AFTER INSERT ON source BEGIN INSERT INTO t (n) VALUES (new.n); END',
      'INSERT INTO t (id) VALUES (1), (2)',
    )
    const branch = await createBranch(platform, db)
    await ran(branch, "INSERT INTO other VALUES ('p'), ('q')", sql)
    const [[found, lowest, highest] = []] = (await readRows(
      branch,
      'SELECT count(*), min(id), max(id) FROM t',
    )) as number[][]
    expect(found).toBe(count)
    expect(lowest).toBeGreaterThan(ROOM)
    expect(highest).toBe((lowest as number) + count - 1)
  })

  test('explicit ids stay as they are, and a batch that fails leaves nothing', async () => {
    const db = await parents(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT NOT NULL)',
      "INSERT INTO t VALUES (5, 'p')",
    )
    const branch = await createBranch(platform, db)
    await ran(branch, "INSERT INTO t VALUES (7, 'a'), (9, 'b')")
    const failing = [{ sql: "INSERT INTO t (n) VALUES ('c')" }, { sql: 'INSERT INTO t (n) VALUES (NULL)' }]
    expect((await branch.batch(failing, { transaction: true })).body.errorDetail.kind).toBe('not_null_violation')
    expect(await readRows(branch, 'SELECT id FROM t')).toEqual([[7], [9]])
    const both = await branch.batch([...failing.slice(0, 1), { sql: 'SELECT count(*) FROM t' }], { transaction: true })
    expect(both.body.data[1].rows).toEqual([[3]])
    expect(both.body.data[0]).toMatchObject({ changes: 1, rowsWritten: 1 })
  })

  test('what the connection counts is that of the caller, or refused', async () => {
    const db = await parents('CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT UNIQUE)', "INSERT INTO t (n) VALUES ('p')")
    const branch = await createBranch(platform, db)
    const batch = async (...statements: string[]) =>
      (
        await branch.batch(
          statements.map((sql) => ({ sql })),
          { transaction: true },
        )
      ).body
    const both = await batch("INSERT INTO t (n) VALUES ('a'), ('b')", 'SELECT last_insert_rowid(), max(id) FROM t')
    const [[last, highest] = []] = both.data[1].rows
    expect([last, both.data[0].changes, both.data[0].lastInsertRowid]).toEqual([highest, 2, highest])
    await ran(branch, 'DELETE FROM t')
    expect((await batch("INSERT INTO t (n) VALUES ('a'), ('b')", 'SELECT changes()')).code).toBe(
      'statement_not_allowed',
    )
    await ran(branch, "INSERT INTO t (id, n) VALUES (1, 'x')")
    const ignored = await branch.query("INSERT OR IGNORE INTO t (n) VALUES ('x')")
    expect(ignored.body.data).toMatchObject({ changes: 0, rowsWritten: 0 })
    expect(ignored.body.data.lastInsertRowid).toBeUndefined()
  })

  test('a statement that searches its own table sees only rows that are there', async () => {
    const db = await parents('CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT)')
    const branch = await createBranch(platform, db)
    await ran(branch, "INSERT INTO t (n) SELECT 'first' WHERE NOT EXISTS (SELECT 1 FROM t)")
    await ran(branch, "INSERT INTO t (n) SELECT 'second' WHERE NOT EXISTS (SELECT 1 FROM t)")
    expect(await readRows(branch, 'SELECT n FROM t')).toEqual([['first']])
  })

  test('two branches and their parent never meet', async () => {
    const db = await parents(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, n)',
      'CREATE TABLE c (id INTEGER PRIMARY KEY AUTOINCREMENT, n)',
    )
    const [one, two] = [await createBranch(platform, db, 'one'), await createBranch(platform, db, 'two')]
    for (let round = 0; round < 3; round++) {
      for (const side of [db, one, two]) await ran(side, 'INSERT INTO t (n) VALUES (1)', 'INSERT INTO c (n) VALUES (1)')
      await mergesCleanly(db, 2, 'one')
      await mergesCleanly(db, 2, 'two')
    }
    expect(await readRows(db, 'SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM c)')).toEqual([[9, 9]])
  })

  test('tables that are rebuilt or renamed on the branch keep their place, those made there go on behind its rows', async () => {
    const db = await parents(
      'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, n)',
      'CREATE TABLE u (id INTEGER PRIMARY KEY, n)',
      'INSERT INTO t (n) VALUES (1)',
    )
    const branch = await createBranch(platform, db)
    await ran(
      branch,
      'CREATE TABLE t2 (id INTEGER PRIMARY KEY AUTOINCREMENT, n NOT NULL)',
      'DROP TABLE t',
      'ALTER TABLE t2 RENAME TO t',
      'ALTER TABLE u RENAME TO v',
      'CREATE TABLE w (id INTEGER PRIMARY KEY, n)',
      'CREATE TABLE x (id INTEGER PRIMARY KEY AUTOINCREMENT, n)',
    )
    for (const table of ['t', 'v']) {
      expect(await inserted(branch, `INSERT INTO ${table} (n) VALUES (1)`)).toBeGreaterThan(ROOM)
    }
    for (const table of ['w', 'x']) expect(await inserted(branch, `INSERT INTO ${table} (n) VALUES (1)`)).toBe(1)
    expect((await merge(db, { mode: 'schema', allowDataLoss: true })).error).toBeUndefined()
    for (const side of [db, branch]) {
      for (const table of ['t', 'v', 'w', 'x']) await ran(side, `INSERT INTO ${table} (n) VALUES (2)`)
    }
    await mergesCleanly(db, 8)
    expect(await readRows(db, 'SELECT count(*) FROM w UNION ALL SELECT count(*) FROM x')).toEqual([[3], [3]])
  })

  test('a reset starts a new range, a restore of the branch keeps its range, and a fork has none', async () => {
    const db = await parents('CREATE TABLE t (id INTEGER PRIMARY KEY, n)', 'INSERT INTO t (n) VALUES (1)')
    const branch = await createBranch(platform, db)
    const { body } = await branch.request('/snapshots', { body: { label: 'empty' } })
    const first = await inserted(branch)
    await branch.request('/restore', { body: { snapshotId: body.data.id } })
    expect(await inserted(branch)).toBe(first)
    const reset = await createBranch(platform, db)
    expect(await inserted(reset)).toBeGreaterThan(ROOM)
    await db.request('/fork', { body: { slug: `${db.slug}-fork` } })
    expect(await inserted(platform.database(ns, `${db.slug}-fork`, token))).toBe(2)
  })
})
