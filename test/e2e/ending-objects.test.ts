import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Answer } from '../harness.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'

/** Statements that SQLite answers by rolling back the transaction it is in, or that it refuses when that is committed. */

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await startPlatform()
  acme = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())

type Db = Awaited<ReturnType<(typeof acme)['make']>>

const KEYS = [
  'CREATE TABLE u (id INTEGER PRIMARY KEY, name TEXT UNIQUE)',
  "INSERT INTO u VALUES (1, 'one')",
  'CREATE TABLE l (id INTEGER PRIMARY KEY, u_id INTEGER REFERENCES u (id) DEFERRABLE INITIALLY DEFERRED)',
  'INSERT INTO l VALUES (1, 1)',
  'CREATE TABLE now (id INTEGER PRIMARY KEY, u_id INTEGER REFERENCES u (id))',
  'CREATE TABLE made_by_trigger (x)',
  'CREATE TRIGGER tr AFTER INSERT ON made_by_trigger BEGIN INSERT INTO l (u_id) VALUES (new.x); END',
  'CREATE TABLE pair (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID',
  'CREATE TABLE pairs (a, b, FOREIGN KEY (a, b) REFERENCES pair (a, b) DEFERRABLE INITIALLY DEFERRED)',
]

/** Statements that leave a deferred key violated, on the tables of `KEYS`. */
const VIOLATING = [
  'INSERT INTO l (u_id) VALUES (99)',
  'INSERT INTO l (u_id) SELECT 99 UNION ALL SELECT 1',
  'INSERT INTO l (id, u_id) VALUES (1, 99) ON CONFLICT (id) DO UPDATE SET u_id = 99',
  'INSERT OR REPLACE INTO l VALUES (1, 98)',
  'REPLACE INTO l VALUES (1, 97)',
  'UPDATE l SET u_id = 96',
  'UPDATE u SET id = 7 WHERE id = 1',
  'DELETE FROM u WHERE id = 1',
  'DELETE FROM u',
  'INSERT INTO made_by_trigger VALUES (95)',
  'INSERT INTO pairs VALUES (1, 2)',
  'INSERT INTO l (u_id) VALUES (94) RETURNING id',
  'WITH q (n) AS (VALUES (93)) INSERT INTO l (u_id) SELECT n FROM q',
  'DROP TABLE u',
]

test.each(VIOLATING)('a deferred key that is violated refuses the statement and nothing else: %s', async (sql) => {
  const db = await acme.make(...KEYS)
  const before = await contents(db)
  await among(db, async () => refused(await db.query(sql), 'fk_violation'))
  await among(db, async () => refused(await db.batch([{ sql }]), 'fk_violation'))
  await among(db, async () => refused(await db.batch([{ sql }], { transaction: true }), 'fk_violation'))
  expect(await contents(db)).toEqual(before)
})

test('statements of a batch before one that violates a deferred key stay, as the answer says', async () => {
  const db = await acme.make(...KEYS)
  const answer = await db.batch([
    { sql: "INSERT INTO u VALUES (2, 'two')" },
    { sql: 'INSERT INTO l (u_id) VALUES (2)' },
    { sql: 'INSERT INTO l (u_id) VALUES (99)' },
    { sql: "INSERT INTO u VALUES (3, 'three')" },
  ])
  refused(answer, 'fk_violation')
  expect(answer.body).toMatchObject({ applied: 2, statement: 2 })
  expect((await db.query('SELECT group_concat(id) FROM u')).body.data.rows).toEqual([['1,2']])
  expect((await db.query('SELECT count(*) FROM l')).body.data.rows).toEqual([[2]])
})

test('a transaction may violate a deferred key in between', async () => {
  const db = await acme.make(...KEYS)
  const answer = await db.batch(
    [{ sql: 'INSERT INTO l (u_id) VALUES (5)' }, { sql: "INSERT INTO u VALUES (5, 'five')" }],
    { transaction: true },
  )
  expect(answer.status).toBe(200)
  expect((await db.query('SELECT count(*) FROM l')).body.data.rows).toEqual([[2]])
})

const DEFERRED = 'PRAGMA defer_foreign_keys = ON'
test.each([
  ['a violation at the end', [DEFERRED, 'INSERT INTO now VALUES (1, 99)'], 400],
  ['disabling it does not help', [DEFERRED, 'INSERT INTO now VALUES (1, 99)', 'PRAGMA defer_foreign_keys = OFF'], 400],
  ['a violation that is mended', [DEFERRED, 'INSERT INTO now VALUES (1, 9)', "INSERT INTO u VALUES (9, 'nine')"], 200],
  [
    'without it, a violation fails immediately',
    ['INSERT INTO now VALUES (1, 9)', "INSERT INTO u VALUES (9, 'nine')"],
    400,
  ],
])('PRAGMA defer_foreign_keys in a transaction: %s', async (_name, statements, status) => {
  const db = await acme.make(...KEYS)
  await among(db, async () => {
    const answer = await db.batch(
      statements.map((sql) => ({ sql })),
      { transaction: true },
    )
    expect(answer.status).toBe(status)
    if (status !== 200) refused(answer, 'fk_violation')
  })
  expect((await db.query('PRAGMA foreign_key_check')).body.data.rows).toEqual([])
  refused(await db.query('INSERT INTO now VALUES (7, 1234)'), 'fk_violation')
})

test.each(['ANALYZE', 'REINDEX', 'PRAGMA optimize', 'PRAGMA quick_check'])(
  'the table that finds violated keys stands in the way of no %s, and shows nowhere',
  async (sql) => {
    const db = await acme.make(...KEYS)
    refused(await db.query('INSERT INTO l (u_id) VALUES (99)'), 'fk_violation')
    const { status, body } = await db.query(sql)
    expect(status, JSON.stringify(body)).toBe(200)
    expect(JSON.stringify((await db.request('/tables')).body)).not.toContain('_persql')
    expect((await db.query('SELECT * FROM _persql_deferred_keys')).status).toBe(403)
    expect((await db.query('DROP TABLE _persql_deferred_keys')).status).toBe(403)
  },
)

test('PRAGMA defer_foreign_keys alone reaches no other call, also none of the same moment', async () => {
  const db = await acme.make(...KEYS)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0 ? db.query(DEFERRED) : db.query('INSERT INTO now VALUES (?, 99)', [i]),
    ),
  )
  for (const [i, answer] of answers.entries()) {
    if (i % 2 === 0) expect(answer.status).toBe(200)
    else refused(answer, 'fk_violation')
  }
  expect((await db.query('PRAGMA defer_foreign_keys')).body.data.rows).toEqual([[0]])
})

/** Statements that resolve conflicts by ROLLBACK, with the statements that prepare them. */
const ROLLING_BACK: [name: string, make: string[], sql: string, kind: string][] = [
  [
    'INSERT OR ROLLBACK',
    ['CREATE TABLE a (x PRIMARY KEY)'],
    'INSERT OR ROLLBACK INTO a VALUES (1), (1)',
    'unique_violation',
  ],
  [
    'in odd spelling',
    ['CREATE TABLE a (x PRIMARY KEY)'],
    'insert/**/oR\n--\nRollBack into a VALUES (1), (1)',
    'unique_violation',
  ],
  [
    'UPDATE OR ROLLBACK',
    ['CREATE TABLE a (x PRIMARY KEY)', 'INSERT INTO a VALUES (1), (2)'],
    'UPDATE OR ROLLBACK a SET x = 3',
    'unique_violation',
  ],
  [
    'behind WITH',
    ['CREATE TABLE a (x PRIMARY KEY)'],
    'WITH q AS (SELECT 1) INSERT OR ROLLBACK INTO a SELECT 1 UNION ALL SELECT 1',
    'unique_violation',
  ],
  [
    'PRIMARY KEY',
    ['CREATE TABLE a (x INTEGER PRIMARY KEY ON CONFLICT ROLLBACK)'],
    'INSERT INTO a VALUES (1), (1)',
    'unique_violation',
  ],
  [
    'UNIQUE',
    ['CREATE TABLE a (x, y, UNIQUE (x, y) ON CONFLICT ROLLBACK)'],
    'INSERT INTO a VALUES (1, 1), (1, 1)',
    'unique_violation',
  ],
  [
    'NOT NULL',
    ['CREATE TABLE a (x NOT NULL ON CONFLICT ROLLBACK)'],
    'INSERT INTO a VALUES (NULL)',
    'not_null_violation',
  ],
  ['CHECK', ['CREATE TABLE a (x CHECK (x > 0))'], 'INSERT OR ROLLBACK INTO a VALUES (-1)', 'check_violation'],
  [
    'WITHOUT ROWID',
    ['CREATE TABLE a (x PRIMARY KEY ON CONFLICT ROLLBACK) WITHOUT ROWID'],
    'INSERT INTO a VALUES (1), (1)',
    'unique_violation',
  ],
  [
    'RAISE in a trigger',
    [
      'CREATE TABLE a (x)',
      "CREATE TRIGGER t BEFORE INSERT ON a WHEN new.x < 0 BEGIN SELECT RAISE(ROLLBACK, 'too small'); END",
    ],
    'INSERT INTO a VALUES (-1)',
    'unknown',
  ],
  [
    'a statement of a trigger',
    [
      'CREATE TABLE a (x)',
      'CREATE TABLE b (x UNIQUE)',
      'INSERT INTO b VALUES (-1)',
      'CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT OR ROLLBACK INTO b VALUES (new.x); END',
    ],
    'INSERT INTO a VALUES (-1)',
    'unique_violation',
  ],
  [
    'a virtual table',
    ['CREATE VIRTUAL TABLE a USING rtree (id, l, h)', 'INSERT INTO a VALUES (1, 0, 1)'],
    'INSERT OR ROLLBACK INTO a VALUES (1, 0, 1)',
    'unique_violation',
  ],
]

test.each(ROLLING_BACK)('ROLLBACK of a conflict is ABORT here: %s', async (_name, make, sql, kind) => {
  const db = await acme.make(...make, 'CREATE TABLE w (n)')
  const before = await db.query('SELECT count(*) FROM a')
  await among(db, async () => refused(await db.query(sql), kind))
  await among(db, async () => refused(await db.batch([{ sql: 'INSERT INTO w VALUES (1)' }, { sql }]), kind))
  const whole = [{ sql: 'INSERT INTO w VALUES (2)' }, { sql }]
  await among(db, async () => refused(await db.batch(whole, { transaction: true }), kind))
  expect((await db.query('SELECT n FROM w')).body.data.rows).toEqual([[1]])
  expect((await db.query('SELECT count(*) FROM a')).body.data).toEqual(before.body.data)
})

test.each([
  ['INSERT INTO a VALUES (5)', 'CREATE TABLE a (x INTEGER PRIMARY KEY ON CONFLICT ROLLBACK)'],
  ['INSERT OR IGNORE INTO a VALUES (5), (5)', 'CREATE TABLE a (x INTEGER PRIMARY KEY ON CONFLICT ROLLBACK)'],
  ['INSERT OR ROLLBACK INTO a VALUES (5)', 'CREATE TABLE a (x PRIMARY KEY)'],
  [
    'INSERT INTO a SELECT rollback OR rollback FROM b',
    'CREATE TABLE a (x)',
    'CREATE TABLE b (rollback)',
    'INSERT INTO b VALUES (1)',
  ],
  ["INSERT INTO a VALUES ('ON CONFLICT ROLLBACK')", 'CREATE TABLE a (x UNIQUE)'],
])('what does not come to a ROLLBACK runs as it does in SQLite: %s', async (sql, ...make) => {
  const db = await acme.make(...make)
  const { status, body } = await db.query(sql)
  expect(status, JSON.stringify(body)).toBe(200)
  expect((await db.query('SELECT count(*) FROM a')).body.data.rows).toEqual([[1]])
})

const LAST = '9223372036854775807'
const NEXT_TO_LAST = '9223372036854775806'
test.each([
  [
    'by a row',
    ['CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, x)', `INSERT INTO s VALUES (${LAST}, 1)`],
    'INSERT INTO s (x) VALUES (2)',
  ],
  [
    'by its sequence',
    [
      'CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, x)',
      'INSERT INTO s (x) VALUES (1)',
      `UPDATE sqlite_sequence SET seq = ${LAST}`,
    ],
    'INSERT INTO s (x) VALUES (2)',
  ],
  [
    'by an update',
    [
      'CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, x)',
      'INSERT INTO s (x) VALUES (1)',
      `UPDATE s SET id = ${LAST}`,
    ],
    'INSERT INTO s (x) VALUES (2)',
  ],
  [
    'in a trigger',
    [
      'CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, x)',
      'CREATE TABLE a (x)',
      'CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO s (x) VALUES (new.x); END',
      'INSERT INTO a VALUES (1)',
      `INSERT INTO s VALUES (${LAST}, 1)`,
    ],
    'INSERT INTO a VALUES (2)',
  ],
  [
    'for rows of a SELECT',
    ['CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, x)', `INSERT INTO s VALUES (${LAST}, 1)`],
    'INSERT INTO s (x) SELECT 2 UNION ALL SELECT 3',
  ],
  [
    'but for one id, by two rows',
    ['CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, x)', `INSERT INTO s VALUES (${NEXT_TO_LAST}, 1)`],
    'INSERT INTO s (x) VALUES (2), (3)',
  ],
  [
    'but for one id, by a trigger for each row',
    [
      'CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, x)',
      'CREATE TABLE a (x)',
      'CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO s (x) VALUES (new.x); END',
      `INSERT INTO s VALUES (${NEXT_TO_LAST}, 1)`,
    ],
    'INSERT INTO a VALUES (2), (3)',
  ],
  [
    'with NULL as the id',
    ['CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, x)', `INSERT INTO s VALUES (${LAST}, 1)`],
    'INSERT INTO s VALUES (NULL, 2)',
  ],
  [
    'copied with its rows',
    [
      'CREATE TABLE r (id INTEGER PRIMARY KEY AUTOINCREMENT, x)',
      `INSERT INTO r VALUES (${LAST}, 1)`,
      'CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, x)',
      'INSERT INTO s (x) VALUES (0)',
      'INSERT INTO s SELECT * FROM r',
    ],
    'INSERT INTO s (x) VALUES (2)',
  ],
])('an AUTOINCREMENT sequence that is used up %s refuses the insert', async (_name, make, sql) => {
  const db = await acme.make(...make)
  const count = async () => (await db.query('SELECT count(*) FROM s')).body.data.rows
  const before = await count()
  for (let i = 0; i < 2; i++) {
    await among(db, async () => {
      const answer = await db.query(sql)
      expect(answer.status).toBe(400)
      expect(answer.body.error).toContain('exhausted')
      expect(answer.body.errorDetail.table).toBe('s')
    })
  }
  expect(await count()).toEqual(before)
})

test('the last id of a sequence can be used, by one row', async () => {
  const db = await acme.make(
    'CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, x)',
    `INSERT INTO s VALUES (${NEXT_TO_LAST}, 1)`,
    'INSERT INTO s (x) VALUES (2)',
  )
  expect((await db.query('SELECT CAST(max(id) AS TEXT) FROM s')).body.data.rows).toEqual([[LAST]])
})

test.each([
  `INSERT INTO s VALUES (${LAST}, 1);\nINSERT INTO s (x) VALUES (2);`,
  `INSERT INTO s VALUES (${LAST}, 1), (NULL, 2);`,
  `INSERT INTO s VALUES (${LAST}, 1);\nINSERT INTO s VALUES (NULL, 2);`,
  `INSERT INTO s VALUES (${NEXT_TO_LAST}, 1);\nINSERT INTO s (x) VALUES (2), (3), (4);`,
])('an import that uses a sequence up is refused: %s', async (dump) => {
  const db = await acme.make('CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, x)')
  const form = new FormData()
  form.append('file', new File([dump], 'dump.sql'))
  await among(db, async () => {
    const { status, body } = await db.request('/import', { method: 'POST', body: form })
    expect(status, JSON.stringify(body)).toBe(400)
  })
  expect((await db.query('SELECT count(*) FROM s')).body.data.rows).toEqual([[0]])
})

test('a rowid table without AUTOINCREMENT takes another id when the last one is used', async () => {
  const db = await acme.make('CREATE TABLE s (id INTEGER PRIMARY KEY, x)', `INSERT INTO s VALUES (${LAST}, 1)`)
  expect((await db.query('INSERT INTO s (x) VALUES (2)')).status).toBe(200)
})

test.each([
  ['INSERT OR ROLLBACK INTO t VALUES (?)', 'unique_violation'],
  ['INSERT INTO l (u_id) VALUES (?)', 'fk_violation'],
])('a published endpoint, a schedule, a proposal and a migration: %s', async (sql, kind) => {
  const db = await acme.make(...KEYS, 'CREATE TABLE t (id INTEGER PRIMARY KEY)', 'INSERT INTO t VALUES (99)')
  const endpoint = {
    ...{ slug: 'add', name: 'Add', kind: 'mutation', method: 'POST', output: 'rows_written' },
    ...{ sql, input: [{ name: 'n', type: 'integer', required: true }] },
  }
  expect((await db.request('/endpoints', { body: endpoint })).status).toBeLessThan(300)
  expect((await db.request('/endpoints/add/publish', { body: {} })).status).toBe(200)
  await among(db, async () => {
    const { status, body } = await platform.request(`/p/acme/${db.slug}/add`, { body: { n: 99 } })
    expect([status, body.code]).toEqual([409, 'conflict'])
  })

  const plain = sql.replace('?', '99')
  const proposal = await db.request('/propose', { body: { sql: plain } })
  await among(db, async () => refused(proposal, kind))

  const { body: draft } = await db.request('/migrations', { body: { name: 'm', sql: plain } })
  await among(db, async () => refused(await db.request(`/migrations/${draft.data.id}/apply`, { body: {} }), kind))
  const trial = await db.request(`/migrations/${draft.data.id}/try`, { body: {} })
  expect(trial.body.data.ok).toBe(false)

  const { body: schedule } = await db.request('/schedules', { body: { name: 's', sql: plain, intervalSec: 3600 } })
  await among(db, async () => {
    const run = await db.request(`/schedules/${schedule.data.id}/run`, { body: {} })
    expect([200, 400]).toContain(run.status)
    expect(JSON.stringify(run.body)).toContain(kind === 'fk_violation' ? 'FOREIGN KEY' : 'UNIQUE')
  })

  const form = new FormData()
  form.append('file', new File([`${plain};\n`], 'dump.sql'))
  await among(db, async () => {
    const { status, body } = await db.request('/import', { method: 'POST', body: form })
    expect(status, JSON.stringify(body)).toBe(400)
  })
})

/** Runs something in the midst of calls that have nothing to do with it, all of which must go well. */
async function among(db: Db, run: () => Promise<void>): Promise<void> {
  const reads = Array.from({ length: 5 }, () => db.query('SELECT 1'))
  const running = run()
  const more = Array.from({ length: 5 }, () => db.query('SELECT 2'))
  await running
  for (const { status } of await Promise.all([...reads, ...more])) expect(status).toBe(200)
  expect(platform.stderr.filter((line) => /broken|Exception/.test(line))).toEqual([])
}

function refused({ status, body }: Answer, kind: string): void {
  expect(status, JSON.stringify(body)).toBe(400)
  expect(body.errorDetail?.kind, JSON.stringify(body)).toBe(kind)
}

async function contents(db: Db): Promise<unknown> {
  const tables = ['u', 'l', 'now', 'made_by_trigger', 'pairs']
  const { body } = await db.batch(tables.map((table) => ({ sql: `SELECT * FROM ${table} ORDER BY 1` })))
  return body.data.map(({ rows }: { rows: unknown[][] }) => rows)
}
