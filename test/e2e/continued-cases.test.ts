import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('cases')

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
})
afterAll(() => platform.stop())

type Db = Awaited<ReturnType<typeof acme.make>>
interface Statement {
  readonly sql: string
  readonly params?: readonly unknown[]
  readonly expect?: object
}
/** A step of a transaction, or its end. */
type Step = readonly (string | Statement)[] | 'COMMIT' | 'ROLLBACK'

/** The first write of a transaction: one that can be repeated, and one because of which the transaction is continued. */
const FIRST = {
  repeated: 'INSERT INTO first VALUES (1)',
  continued: 'INSERT INTO first SELECT 1 FROM (SELECT random())',
} as const
type Way = keyof typeof FIRST

const SCHEMA = [
  'CREATE TABLE first (v)',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE, n INTEGER)',
  "INSERT INTO t (v, n) VALUES ('a', 1), ('b', 2)",
  'CREATE TABLE parent (id INTEGER PRIMARY KEY)',
  'CREATE TABLE late (p INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)',
  'CREATE TABLE now (p INTEGER REFERENCES parent (id))',
  'CREATE TABLE auto (id INTEGER PRIMARY KEY AUTOINCREMENT, v)',
  'CREATE VIRTUAL TABLE words USING fts5 (text)',
  'CREATE TABLE log (v)',
  "CREATE TRIGGER logged AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.v); SELECT RAISE(ABORT, 'no x') WHERE new.v = 'x'; END",
]
const TABLES = ['first', 't', 'parent', 'late', 'now', 'auto', 'words', 'log']

const insert = (v: string): Statement => ({ sql: 'INSERT INTO t (v) VALUES (?) RETURNING id, v', params: [v] })
const ALL = 'SELECT id, v, n FROM t ORDER BY id'

const CASES: Readonly<Record<string, readonly Step[]>> = {
  'reads its writes and commits them': [[insert('c')], [ALL], [insert('d'), ALL], 'COMMIT'],
  'is rolled back': [[insert('c')], [ALL], 'ROLLBACK'],
  'continues after a statement that violates a constraint': [
    [insert('c')],
    [insert('a')],
    [ALL],
    [insert('d')],
    'COMMIT',
  ],
  'stops a step at its first error': [[insert('c'), insert('a'), insert('d')], [ALL, 'SELECT v FROM log'], 'COMMIT'],
  'undoes a statement that a trigger aborts': [[insert('x')], ['SELECT v FROM log'], [insert('y')], 'COMMIT'],
  'undoes a statement of several rows': [
    ["INSERT INTO t (v) VALUES ('c'), ('d'), ('a')"],
    [ALL],
    ["INSERT OR FAIL INTO t (v) VALUES ('c'), ('a'), ('d')"],
    [ALL],
    ["INSERT OR IGNORE INTO t (v) VALUES ('c'), ('e')", 'SELECT changes(), last_insert_rowid()'],
    'COMMIT',
  ],
  'has savepoints': [
    [insert('c')],
    ['SAVEPOINT one'],
    [insert('d'), 'SAVEPOINT two', insert('e'), ALL],
    ['ROLLBACK TO one', ALL],
    [insert('f'), 'ROLLBACK TO one', insert('g')],
    ['ROLLBACK TO two'],
    ['RELEASE one'],
    ['RELEASE one'],
    [ALL],
    'COMMIT',
  ],
  'has savepoints in one step': [
    [
      'SAVEPOINT a',
      insert('c'),
      'SAVEPOINT b',
      insert('d'),
      'SAVEPOINT c',
      insert('e'),
      'RELEASE b',
      ALL,
      'ROLLBACK TO a',
      ALL,
    ],
    [insert('f'), 'SAVEPOINT b', insert('a')],
    ['ROLLBACK TO b', 'RELEASE a', ALL],
    'COMMIT',
  ],
  'commits open savepoints': [['SAVEPOINT a', insert('c'), 'SAVEPOINT b', insert('d')], 'COMMIT'],
  'rolls back open savepoints': [['SAVEPOINT a', insert('c'), 'SAVEPOINT b', insert('d')], 'ROLLBACK'],
  'checks deferred keys at the commit, and stays open': [
    ['INSERT INTO late VALUES (1)'],
    'COMMIT',
    ['SELECT p FROM late'],
    [insert('a')],
    'COMMIT',
    ['INSERT INTO parent VALUES (1)'],
    'COMMIT',
  ],
  'checks keys that a PRAGMA defers': [
    ['PRAGMA defer_foreign_keys = ON'],
    ['INSERT INTO now VALUES (1)'],
    'COMMIT',
    'COMMIT',
    ['SAVEPOINT a', 'INSERT INTO parent VALUES (1)', 'ROLLBACK TO a'],
    'COMMIT',
    ['INSERT INTO parent VALUES (1)'],
    'COMMIT',
  ],
  'forgets a violation that a savepoint undoes': [
    ['SAVEPOINT a', 'INSERT INTO late VALUES (1)', 'ROLLBACK TO a'],
    'COMMIT',
  ],
  'checks other keys at once': [['INSERT INTO now VALUES (1)'], ['SELECT count(*) FROM now'], 'COMMIT'],
  'counts changes': [
    ['SELECT changes()'],
    [insert('c'), 'SELECT changes(), last_insert_rowid()'],
    ['UPDATE t SET n = 5'],
    ['SELECT changes(), last_insert_rowid(), total_changes()'],
    ['INSERT INTO words VALUES (?)'.replace('?', "'one two'"), 'SELECT last_insert_rowid()'],
    'COMMIT',
  ],
  'checks expectations': [
    [{ sql: 'UPDATE t SET n = n + 1', expect: { rowsWritten: 1 } }],
    [ALL],
    [{ sql: 'UPDATE t SET n = n + 1', expect: { rowsWritten: 2 } }],
    'COMMIT',
  ],
  'changes the schema': [
    ['CREATE TABLE made (a UNIQUE)', 'INSERT INTO made VALUES (1)'],
    ['SAVEPOINT s', 'ALTER TABLE made ADD COLUMN b', 'INSERT INTO made VALUES (2, 3)', 'SELECT * FROM made'],
    ['ROLLBACK TO s', 'SELECT * FROM made'],
    ['INSERT INTO made VALUES (1)'],
    ['CREATE TABLE made (a)'],
    ['CREATE INDEX i ON made (a)', "SELECT name FROM sqlite_schema WHERE tbl_name = 'made' ORDER BY name"],
    'COMMIT',
    ['SELECT 1'],
  ],
  'undoes a schema': [['CREATE TABLE made (a)'], ['INSERT INTO made VALUES (1)'], ['SELECT * FROM made'], 'ROLLBACK'],
  'writes full-text search': [
    ["INSERT INTO words VALUES ('red fish'), ('blue fish')"],
    ["SELECT rowid FROM words WHERE words MATCH 'fish'"],
    ['SAVEPOINT s', "INSERT INTO words VALUES ('fish')", 'ROLLBACK TO s'],
    ["SELECT rowid FROM words WHERE words MATCH 'fish'"],
    'COMMIT',
  ],
  'creates a table for full-text search and is rolled back': [
    ['CREATE VIRTUAL TABLE more USING fts5 (text)', "INSERT INTO more VALUES ('a')"],
    'ROLLBACK',
  ],
  'assigns IDs': [
    ['INSERT INTO auto (v) VALUES (1), (2) RETURNING id'],
    ['DELETE FROM auto WHERE id = 2'],
    ['INSERT INTO auto (v) VALUES (3) RETURNING id'],
    'COMMIT',
  ],
  'refuses what would end the object': [
    ["INSERT OR ROLLBACK INTO t (v) VALUES ('a')"],
    ["UPDATE OR ROLLBACK t SET v = 'a'"],
    [ALL],
    'COMMIT',
  ],
  'refuses words that have operations': [['BEGIN'], ['COMMIT'], ['ROLLBACK'], [ALL], 'COMMIT'],
  'keeps integers exact': [
    [{ sql: 'INSERT INTO t (v, n) VALUES (?, ?)', params: ['big', { int64: '9223372036854775807' }] }],
    ["SELECT n FROM t WHERE v = 'big'"],
    ["SELECT CAST(n AS TEXT) FROM t WHERE v = 'big'"],
    'COMMIT',
  ],
  'refuses statements that do not compile': [
    ['SELEC 1'],
    ['SELECT * FROM nope'],
    ['SELECT ?'],
    [insert('c')],
    'COMMIT',
  ],
}

/** Runs a transaction. Returns all its answers, and the rows afterwards. */
async function play(db: Db, steps: readonly Step[], way: Way) {
  const answers: unknown[] = []
  const opened = await db.request('/transactions', { body: { statements: [{ sql: FIRST[way] }] } })
  expect([opened.status, opened.body.code, opened.body.error]).toEqual([201, undefined, undefined])
  const path = `/transactions/${opened.body.data.id}`
  let number = 0
  for (const step of steps) {
    const { status, body } = Array.isArray(step)
      ? await db.request(`${path}/statements`, { body: { step: ++number, statements: step.map(toStatement) } })
      : await db.request(`${path}/${(step as string).toLowerCase()}`, { body: {} })
    const { meta, requestId: _id, ...rest } = body
    answers.push(toComparable({ step, status, ...rest, meta: meta && { ...meta, durationMs: 0 } }, opened.body.data.id))
  }
  const rows: Record<string, unknown> = {}
  for (const table of TABLES) {
    const sql = `SELECT rowid, * FROM ${table}`
    rows[table] = (await db.request('/query', { body: { sql, int64: 'text' } })).body.data.rows
  }
  const schema = (await db.query('SELECT name FROM sqlite_schema ORDER BY name')).body.data.rows
  return { answers, rows, schema }
}

const toStatement = (statement: string | Statement) => (typeof statement === 'string' ? { sql: statement } : statement)
const toComparable = (answer: object, id: string) => JSON.parse(JSON.stringify(answer).replaceAll(id, 'txn'))

describe('a transaction that is continued behaves like one that is repeated: it', () => {
  test.each(Object.entries(CASES))('%s', async (_, steps) => {
    const [repeated, continued] = await Promise.all(
      (['repeated', 'continued'] as const).map(async (way) => play(await acme.make(...SCHEMA), steps, way)),
    )
    expect(continued).toEqual(repeated)
  })
})
