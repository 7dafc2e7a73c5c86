import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
let db: ReturnType<SharedPlatform['database']>

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
})
afterAll(() => platform.stop())

const rows = async (sql: string) => (await db.query(sql)).body.data.rows
async function ran(...statements: string[]) {
  const { body } = await db.batch(statements.map((sql) => ({ sql })))
  expect(body.error).toBeUndefined()
}
let number = 0
async function draft(sql: string): Promise<string> {
  const { body } = await db.request('/migrations', { body: { name: `m ${++number}`, sql } })
  expect(body.error).toBeUndefined()
  return body.data.id
}
const apply = async (sql: string) => db.request(`/migrations/${await draft(sql)}/apply`, { body: {} })
const attempt = async (sql: string) => (await db.request(`/migrations/${await draft(sql)}/try`, { body: {} })).body.data

const together = (at: typeof db, statements: string[]) =>
  at.batch(
    statements.map((sql) => ({ sql })),
    { transaction: true },
  )

const ACTIONS = ['CASCADE', 'SET NULL', 'SET DEFAULT', 'RESTRICT', 'NO ACTION']

/** A parent of 3 rows that refers to itself, and a child of each kind with 3 rows. */
async function family() {
  db = await acme.make()
  await ran(
    'CREATE TABLE p (id INTEGER PRIMARY KEY, a, boss REFERENCES p ON DELETE CASCADE)',
    'INSERT INTO p VALUES (1, 1, NULL), (2, 2, 1), (3, 3, 1)',
    ...ACTIONS.flatMap((action) => {
      const child = action.replace(' ', '_').toLowerCase()
      return [
        `CREATE TABLE ${child} (id INTEGER PRIMARY KEY, p INTEGER DEFAULT 1 REFERENCES p ON DELETE ${action})`,
        `INSERT INTO ${child} (p) VALUES (1), (2), (3)`,
      ]
    }),
  )
}
const children = async () => {
  const names = ACTIONS.map((action) => action.replace(' ', '_').toLowerCase())
  return rows(names.map((name) => `SELECT '${name}', group_concat(p) FROM ${name}`).join(' UNION ALL '))
}
const ALL = ACTIONS.map((action) => [action.replace(' ', '_').toLowerCase(), '1,2,3'])
const NEW = 'CREATE TABLE new_p (id INTEGER PRIMARY KEY, a TEXT NOT NULL, boss REFERENCES p ON DELETE CASCADE)'
const FILL = 'INSERT INTO new_p SELECT * FROM p'
const SWAP = 'DROP TABLE p; ALTER TABLE new_p RENAME TO p'

describe('a migration that begins with PRAGMA foreign_keys=OFF', () => {
  test.each([
    [
      'SQLite',
      `PRAGMA foreign_keys=OFF; BEGIN TRANSACTION; ${NEW}; ${FILL}; ${SWAP}; PRAGMA foreign_key_check; COMMIT; PRAGMA foreign_keys=ON;`,
    ],
    [
      'Drizzle',
      `PRAGMA foreign_keys=OFF;--> statement-breakpoint\n${NEW};--> statement-breakpoint\n${FILL};--> statement-breakpoint\n${SWAP};--> statement-breakpoint\nPRAGMA foreign_keys=ON;`,
    ],
    [
      'Prisma',
      `-- CreateTable\nCREATE TABLE other (id);\n\n-- RedefineTables\nPRAGMA defer_foreign_keys=ON;\nPRAGMA foreign_keys=OFF;\n${NEW};\n${FILL};\n${SWAP};\nPRAGMA foreign_keys=ON;\nPRAGMA defer_foreign_keys=OFF;`,
    ],
    ['comments before it', `/* made by\n a tool */\n-- ;\npragma main.foreign_keys(0);\n${NEW};${FILL};${SWAP}`],
    [
      'rows aside',
      'PRAGMA foreign_keys=false; CREATE TABLE aside AS SELECT * FROM p; DROP TABLE p; CREATE TABLE p (id INTEGER PRIMARY KEY, a TEXT NOT NULL, boss REFERENCES p ON DELETE CASCADE); INSERT INTO p SELECT * FROM aside; DROP TABLE aside',
    ],
    ['all rows deleted first', `PRAGMA foreign_keys=OFF; ${NEW}; ${FILL}; DELETE FROM p; ${SWAP}`],
  ])('rebuilds a table that others refer to, as %s does', async (_tool, sql) => {
    await family()
    const trial = await attempt(sql)
    expect([trial.ok, trial.error, trial.rows]).toEqual([true, undefined, expect.any(Array)])
    expect(trial.rows.filter(({ table }: { table: string }) => ALL.some(([name]) => name === table))).toEqual([])
    expect(await children()).toEqual(ALL)
    expect(await rows('SELECT typeof(a) FROM p LIMIT 1')).toEqual([['integer']])
    const { status, body } = await apply(sql)
    expect([status, body.error]).toEqual([200, undefined])
    expect(body.meta).toMatchObject({ snapshot: { id: expect.any(String) }, rowsWritten: expect.any(Number) })
    expect(await children()).toEqual(ALL)
    expect(await rows('SELECT typeof(a), count(*) FROM p')).toEqual([['text', 3]])
    // Foreign keys are enforced again, and act on the rebuilt table.
    expect((await db.query('INSERT INTO cascade (p) VALUES (99)')).body.errorDetail.kind).toBe('fk_violation')
    await ran('DELETE FROM restrict', 'DELETE FROM no_action', 'DELETE FROM p WHERE id = 2')
    expect(await rows('SELECT p FROM cascade ORDER BY p')).toEqual([[1], [3]])
    expect(await rows('SELECT p FROM set_null ORDER BY id')).toEqual([[1], [null], [3]])
  })

  test.each([
    [
      'a row is left out',
      `${NEW}; INSERT INTO new_p SELECT * FROM p WHERE id < 3; ${SWAP}`,
      /1 row of "\w+" references a missing row of "p": the row with rowid 3/,
    ],
    ['the table is gone', 'DROP TABLE p', /3 rows of "\w+" reference/],
    ['a parent is deleted, which does not cascade', 'DELETE FROM p WHERE id = 2', /1 row of "\w+" references/],
    [
      'a reference is lost by a rename',
      `ALTER TABLE p RENAME TO old; CREATE TABLE p (id INTEGER PRIMARY KEY, a, boss); INSERT INTO p SELECT * FROM old; DROP TABLE old`,
      /references "p"\. After this migration it would reference "old"/,
    ],
    [
      'the parent has no key any more',
      'CREATE TABLE new_p (id INTEGER, a, boss); INSERT INTO new_p SELECT * FROM p; DROP TABLE p; ALTER TABLE new_p RENAME TO p',
      /no longer unique/,
    ],
    ['a statement fails', `${NEW}; ${FILL}; INSERT INTO nope VALUES (1)`, /no such table/],
  ])('leaves nothing when %s', async (_what, sql, why) => {
    await family()
    const script = `PRAGMA foreign_keys=OFF; ${sql}`
    const trial = await attempt(script)
    expect(trial.ok).toBe(false)
    const { status, body } = await apply(script)
    expect([status, body.code, body.error]).toEqual([400, 'sql_error', expect.stringMatching(why)])
    expect(await children()).toEqual(ALL)
    expect(await rows('SELECT count(*) FROM p')).toEqual([[3]])
    expect((await db.query('INSERT INTO cascade (p) VALUES (99)')).body.errorDetail.kind).toBe('fk_violation')
    const [known] = (await db.request('/migrations')).body.data
    expect(known).toMatchObject({ appliedAt: null, error: { code: 'sql_error' } })
  })

  test('accepts violations that were there before', async () => {
    await family()
    await ran('CREATE TABLE odd (p)', 'INSERT INTO odd VALUES (77)')
    const make = 'CREATE TABLE odd2 (p REFERENCES p); INSERT INTO odd2 SELECT p FROM odd; DROP TABLE odd'
    expect((await apply(`PRAGMA foreign_keys=OFF; ${make}`)).status).toBe(400)
    const added = 'ALTER TABLE odd ADD COLUMN q REFERENCES p'
    expect((await apply(`PRAGMA foreign_keys=OFF; ${added}`)).status).toBe(200)
  })

  test('happens once with concurrent calls, while other calls are served', async () => {
    await family()
    const id = await draft(`PRAGMA foreign_keys=OFF; ${NEW}; ${FILL}; ${SWAP}`)
    const answers = await Promise.all([
      ...Array.from({ length: 8 }, () => db.request(`/migrations/${id}/apply`, { body: {} })),
      ...Array.from({ length: 8 }, (_, i) => db.query('INSERT INTO cascade (p) VALUES (?)', [1 + (i % 3)])),
    ])
    expect(
      answers
        .slice(0, 8)
        .map(({ status }) => status)
        .sort(),
    ).toEqual([200, ...Array(7).fill(409)])
    expect(answers.slice(8).map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(await rows('SELECT count(*) FROM cascade')).toEqual([[11]])
  })

  test('is answered again for the same key, and bills what it wrote', async () => {
    await family()
    const id = await draft(`PRAGMA foreign_keys=OFF; ${NEW}; ${FILL}; ${SWAP}`)
    const send = () => db.request(`/migrations/${id}/apply`, { body: {}, headers: { 'Idempotency-Key': 'k' } })
    const [first, second] = [await send(), await send()]
    expect(second.body).toEqual(first.body)
    expect(second.headers.get('Idempotency-Replayed')).toBe('true')
    expect(first.body.meta.rowsWritten).toBeGreaterThanOrEqual(3)
    const logged = await rows("SELECT rows_written FROM _persql_query_log WHERE operation = 'apply_migration'")
    expect(logged).toEqual([[first.body.meta.rowsWritten]])
  })
})

describe('without that PRAGMA', () => {
  const advice = /PRAGMA foreign_keys=OFF/
  test.each([
    [
      'rows aside, keys deferred',
      'PRAGMA defer_foreign_keys=ON; CREATE TABLE aside AS SELECT * FROM p; DROP TABLE p; CREATE TABLE p (id INTEGER PRIMARY KEY, a, boss); INSERT INTO p SELECT * FROM aside; DROP TABLE aside',
    ],
    ['a new table in its place', `CREATE TABLE new_p (id INTEGER PRIMARY KEY, a, boss); ${FILL}; ${SWAP}`],
    [
      'all rows deleted first',
      `CREATE TABLE aside AS SELECT * FROM p; PRAGMA defer_foreign_keys=ON; DELETE FROM p; DROP TABLE p; CREATE TABLE p (id INTEGER PRIMARY KEY, a, boss); INSERT INTO p SELECT * FROM aside; DROP TABLE aside`,
    ],
    [
      'the old one renamed away',
      'ALTER TABLE p RENAME TO old; CREATE TABLE p (id INTEGER PRIMARY KEY, a, boss); INSERT INTO p SELECT * FROM old; DROP TABLE old',
    ],
    ['only the table dropped', 'DROP TABLE IF EXISTS main."p"'],
  ])('a DROP TABLE that would change rows of others is refused: %s', async (_what, sql) => {
    for (const action of ['CASCADE', 'SET NULL', 'SET DEFAULT']) {
      db = await acme.make()
      await ran(
        'CREATE TABLE p (id INTEGER PRIMARY KEY, a, boss)',
        `CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER DEFAULT 1 REFERENCES p ON DELETE ${action})`,
        'INSERT INTO p VALUES (1, 1, NULL), (2, 2, 1)',
        'INSERT INTO c (p) VALUES (1), (2)',
      )
      const trial = await attempt(sql)
      expect(trial.ok).toBe(false)
      const { status, body } = await apply(sql)
      expect([status, body.errorDetail]).toMatchObject([
        400,
        { kind: 'fk_violation', table: 'c', hint: expect.stringMatching(advice) },
      ])
      expect(body.error).toMatch(action)
      expect(await rows('SELECT p FROM c ORDER BY id')).toEqual([[1], [2]])
      expect(await rows('SELECT count(*) FROM p')).toEqual([[2]])
      expect((await db.request('/snapshots')).body.data).toEqual([])
    }
  })

  test('so it is in query, batch and a transaction, with its message', async () => {
    await family()
    for (const { body } of [
      await db.query('DROP TABLE p'),
      await db.batch([{ sql: 'CREATE TABLE x (a)' }, { sql: 'DROP TABLE p' }], { transaction: true }),
    ]) {
      expect(body).toMatchObject({ code: 'sql_error', errorDetail: { kind: 'fk_violation' } })
      expect(body.error).toMatch(/^Dropping "p" would delete rows of "cascade" \(ON DELETE CASCADE\)\./)
    }
    expect(await children()).toEqual(ALL)
    const begun = ['PRAGMA foreign_keys=OFF', NEW, FILL, ...SWAP.split('; '), 'PRAGMA foreign_keys=ON']
    const { status, body } = await together(db, begun)
    expect([status, body.error, body.data.length]).toEqual([200, undefined, begun.length])
    expect(body.meta.snapshot.id).toEqual(expect.any(String))
    expect(await children()).toEqual(ALL)
    const bad = ['PRAGMA foreign_keys=OFF', 'DELETE FROM p']
    expect((await together(db, bad)).body.errorDetail.kind).toBe('fk_violation')
    expect(await children()).toEqual(ALL)
    for (const [token, code] of [
      [{ role: 'readwrite' }, 'role_insufficient'],
      [{ role: 'admin', tableScope: ['p'] }, 'table_out_of_scope'],
    ] as const) {
      const minted = await platform.request('/v1/tokens', { token: acme.token, body: { name: 'less', ...token } })
      const less = platform.database(ns, db.slug, minted.body.data.token)
      expect((await together(less, bad)).body.code).toBe(code)
    }
  })

  test.each([
    ['both, the parent first', 'DROP TABLE p; DROP TABLE c'],
    ['both, the child first', 'DROP TABLE c; DROP TABLE p'],
    ['both, with rows deleted', 'DELETE FROM p; DROP TABLE c; DROP TABLE p'],
    ['the child emptied first', 'DELETE FROM c; DROP TABLE p; DROP TABLE c'],
    ['a table that refers to itself', 'DROP TABLE tree'],
    ['a table without rows that refer to it', 'DELETE FROM c; DROP TABLE p; CREATE TABLE p (id INTEGER PRIMARY KEY)'],
  ])('what loses no rows of others runs: %s', async (_what, sql) => {
    db = await acme.make()
    await ran(
      'CREATE TABLE p (id INTEGER PRIMARY KEY)',
      'CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE)',
      'CREATE TABLE tree (id INTEGER PRIMARY KEY, up REFERENCES tree ON DELETE SET NULL)',
      'INSERT INTO p VALUES (1)',
      'INSERT INTO c VALUES (1, 1)',
      'INSERT INTO tree VALUES (1, NULL), (2, 1)',
    )
    const { status, body } = await apply(sql)
    expect([status, body.error]).toEqual([200, undefined])
    expect(body.meta.snapshot.id).toEqual(expect.any(String))
  })

  test.each([
    ['dropped next by name only', 'DROP TABLE p; CREATE TABLE kept AS SELECT * FROM c; DROP TABLE c'],
    ['renamed instead', 'DROP TABLE p; ALTER TABLE c RENAME TO d; DROP TABLE IF EXISTS c'],
  ])('rows that go on under another name are not lost: %s', async (_what, sql) => {
    db = await acme.make()
    await ran(
      'CREATE TABLE p (id INTEGER PRIMARY KEY)',
      'CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE)',
    )
    await ran('INSERT INTO p VALUES (1)', 'INSERT INTO c VALUES (1, 1)')
    expect((await apply(sql)).body.errorDetail.kind).toBe('fk_violation')
    expect(await rows('SELECT * FROM c')).toEqual([[1, 1]])
  })
})

test('a dry run counts the rows that would change in each table, those of cascades and triggers too', async () => {
  await family()
  await ran('DELETE FROM restrict', 'DELETE FROM no_action')
  const countRows = async (sql: string) =>
    Object.fromEntries((await attempt(sql)).rows.map(({ table, ...counts }: { table: string }) => [table, counts]))
  expect(await countRows('UPDATE p SET a = 9 WHERE id > 1')).toEqual({ p: { before: 3, after: 3, changes: 2 } })
  expect(await countRows('CREATE TABLE n (a); INSERT INTO n VALUES (1), (2)')).toEqual({
    n: { before: null, after: 2, changes: 2 },
  })
  expect(await countRows('DELETE FROM p WHERE id = 3')).toEqual({
    p: { before: 3, after: 2, changes: null },
    cascade: { before: 3, after: 2, changes: null },
    set_null: { before: 3, after: 3, changes: null },
    set_default: { before: 3, after: 3, changes: null },
  })
  await ran('DROP TABLE set_null', 'DROP TABLE set_default', 'DROP TABLE restrict', 'DROP TABLE no_action')
  await ran('CREATE TABLE q (id INTEGER PRIMARY KEY)', 'CREATE TABLE r (q REFERENCES q ON DELETE SET NULL)')
  await ran('INSERT INTO q VALUES (1), (2)', 'INSERT INTO r VALUES (1), (1), (2)')
  expect(await countRows('DELETE FROM q WHERE id = 1')).toEqual({
    q: { before: 2, after: 1, changes: 1 },
    r: { before: 3, after: 3, changes: 2 },
  })
  expect(await countRows('DROP TABLE r')).toEqual({ r: { before: 3, after: null, changes: 0 } })
})
