import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { Tx } from '../transactions.ts'

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(uniqueName('counters'))
})
afterAll(() => platform.stop())

const SCHEMA = [
  'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE, n INTEGER CHECK (n < 10))',
  'CREATE TABLE log (v)',
  "CREATE TRIGGER checked BEFORE UPDATE ON t BEGIN SELECT RAISE(ABORT, 'no x') WHERE new.v = 'x'; END",
  'CREATE TABLE parent (id INTEGER PRIMARY KEY)',
  'CREATE TABLE child (p INTEGER REFERENCES parent (id))',
]
/** The first write of a transaction: one that can be repeated, and one because of which the transaction is continued. */
const FIRST = {
  repeated: "INSERT INTO t (v, n) VALUES ('a', 1), ('b', 2), ('c', 3)",
  continued:
    "INSERT INTO t (v, n) SELECT column1, column2 FROM (VALUES ('a', 1), ('b', 2), ('c', 3)) WHERE random() IS NOT 0.5",
} as const

/** Writes that fail. */
const FAILING: Readonly<Record<string, string>> = {
  'a unique key': "INSERT INTO t (v) VALUES ('a')",
  'a unique key in the last of several rows': "INSERT INTO t (v) VALUES ('d'), ('e'), ('a')",
  'a check': "UPDATE t SET n = n * 5 WHERE v >= 'b'",
  'a trigger': "UPDATE t SET v = 'x'",
  'a foreign key': 'INSERT INTO child VALUES (1)',
  'SQL that does not compile': 'INSERT INTO nowhere VALUES (1)',
  'a syntax error': 'UPDAT t SET n = 1',
}
const COUNTERS = 'SELECT changes(), last_insert_rowid(), total_changes()'
/** After another write. SQLite keeps the rowid of a row that a failed write inserted before its last one; a repeated write doesn't. */
const LATER = 'SELECT changes(), total_changes()'
const UPDATE = "UPDATE t SET n = 0 WHERE v < 'c'"

/** Returns what the shell of SQLite answers to the counters: after a failed write, and after another write. */
function askShell(failing: string): unknown {
  const script = [
    'PRAGMA foreign_keys = ON',
    ...SCHEMA,
    'BEGIN',
    FIRST.repeated,
    failing,
    COUNTERS,
    COUNTERS,
    UPDATE,
    LATER,
  ]
  const shell = ['-list', '-separator', ',', ':memory:']
  const input = script.map((sql) => `${sql};`).join('\n')
  let output: string
  try {
    output = execFileSync('sqlite3', shell, { input, encoding: 'utf8', stdio: 'pipe' })
  } catch (cause) {
    // The failed write sets its exit code.
    output = (cause as { stdout: string }).stdout
  }
  return output
    .trim()
    .split('\n')
    .map((line) => line.split(',').map(Number))
}

/** Returns what a transaction answers to the counters, each in a call of its own. */
async function askTransaction(first: string, failing: string): Promise<unknown> {
  const db = await acme.make(...SCHEMA)
  const opened = await db.request('/transactions', { body: { statements: [{ sql: first }] } })
  expect([opened.status, opened.body.code]).toEqual([201, undefined])
  const tx = new Tx(db, opened.body.data.id)
  expect((await tx.send(failing)).status).toBe(400)
  tx.step++
  const rows = []
  for (const sql of [COUNTERS, COUNTERS, UPDATE, LATER]) {
    const result = await tx.run(sql)
    if (sql !== UPDATE) rows.push(result.rows[0])
  }
  await tx.rollback()
  return rows
}

describe('the counters of SQLite after a write that fails because of', () => {
  test.each(Object.entries(FAILING))('%s', async (_, failing) => {
    const expected = askShell(failing)
    expect(expected).toMatchObject({ length: 3 })
    expect(await askTransaction(FIRST.repeated, failing)).toEqual(expected)
    expect(await askTransaction(FIRST.continued, failing)).toEqual(expected)
  })
})
