import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { everything, everyValue } from '../schemas.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

type Database = ReturnType<SharedPlatform['database']>
let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
let token: string
let folder: string
let number = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'persql-dump-'))
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
  token = acme.token
})
afterAll(async () => {
  await platform.stop()
  await rm(folder, { recursive: true, force: true })
})

/** The dump as Debian's own SQLite has read it. */
async function inSqlite(dump: string) {
  const file = join(folder, `${++number}.sqlite`)
  await writeFile(`${file}.sql`, dump)
  const run = (input: string) =>
    execFileSync('sqlite3', ['-batch', '-bail', file], { input, encoding: 'utf8', maxBuffer: 1e9 })
  run(`.read ${file}.sql`)
  return { query: (sql: string) => JSON.parse(run(`.mode json\n${sql};`) || '[]') as Record<string, unknown>[] }
}
const readDump = async (db: Database) => {
  const { status, headers, body } = await db.request('/export')
  expect([status, headers.get('content-type')]).toEqual([200, 'application/sql'])
  expect(headers.get('content-disposition')).toBe(`attachment; filename="${db.slug}.sql"`)
  return body as string
}

test('another SQLite reads the dump, and has everything: schema, values, full text and counters', async () => {
  const db = await acme.make(...everything, ...everyValue)
  const dump = await readDump(db)
  const sqlite = await inSqlite(dump)
  expect(sqlite.query('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  for (const sql of [
    "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY type, name",
    "SELECT rowid, typeof(v) AS t, iif(typeof(v) = 'real', NULL, quote(v)) AS q, iif(typeof(v) = 'real', NULL, hex(v)) AS h FROM types ORDER BY rowid",
    // How a REAL is printed differs from version to version.
    'SELECT rowid FROM types WHERE v IN (1.0, 0.1 + 0.2, 1e300, -1e-300, 9e999, -9e999) ORDER BY rowid',
    'SELECT CAST(id AS TEXT) AS id, hex(name) AS name FROM parents ORDER BY parents.id',
    'SELECT * FROM children ORDER BY id',
    'SELECT CAST(a AS TEXT) AS a, b, CAST(c AS TEXT) AS c, d FROM strict_one ORDER BY b, a',
    "SELECT rowid, title FROM own WHERE own MATCH 'run'",
    'SELECT id, label FROM places WHERE x1 > 1.2',
    'SELECT * FROM sqlite_sequence ORDER BY name',
  ]) {
    const { body } = await db.query(sql)
    expect(body.success, JSON.stringify(body)).toBe(true)
    const { columns, rows } = body.data as { columns: string[]; rows: unknown[][] }
    const ours = rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])))
    expect(sqlite.query(sql), sql).toEqual(ours)
  }
})

test('a fork has the same dump to the letter, and long values are in it whole', async () => {
  const db = await acme.make('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BLOB)')
  for (const size of [1, 31_000, 300_000]) {
    await db.query("INSERT INTO t (a, b) VALUES (replace(hex(zeroblob(?)), '00', 'ä?'), randomblob(?))", [size, size])
  }
  await db.query(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) INSERT INTO t (a) SELECT 'row ' || i FROM n",
  )
  await db.request('/fork', { body: { slug: 'same' } })
  const dump = await readDump(db)
  expect(await readDump(platform.database(ns, 'same', token))).toBe(dump)
  const sqlite = await inSqlite(dump)
  const sums = 'SELECT count(*) AS n, sum(length(a)) AS a, sum(length(b)) AS b, max(hex(substr(b, -20))) AS last FROM t'
  const { body } = await db.query(sums)
  expect(sqlite.query(sums)).toEqual([
    { n: body.data.rows[0][0], a: body.data.rows[0][1], b: body.data.rows[0][2], last: body.data.rows[0][3] },
  ])
})

test('is for readers of the whole database, and of one that is there', async () => {
  const db = await acme.make('CREATE TABLE t (n)')
  const minted = async (request: object) =>
    (await platform.request('/v1/tokens', { token, body: { name: 'x', ...request } })).body.data.token
  const as = async (secret: string) => platform.database(ns, db.slug, secret).request('/export')
  expect((await as(await minted({ role: 'readonly' }))).status).toBe(200)
  const scoped = await as(await minted({ tableScope: ['t'] }))
  expect([scoped.status, scoped.body.code]).toEqual([403, 'not_for_scoped_token'])
  const readonly = await minted({ role: 'readonly' })
  expect((await platform.request(`/v1/db/${ns}/nowhere/export`, { token: readonly })).status).toBe(404)
})

test('writes continue during a slow download, and an aborted download leaves nothing behind', async () => {
  const db = await acme.make('CREATE TABLE t (a TEXT)')
  await db.query(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO t SELECT printf('%0200d', i) FROM n",
  )
  const controller = new AbortController()
  const response = await fetch(`${platform.url}${db.path}/export`, {
    headers: { authorization: `Bearer ${token}` },
    signal: controller.signal,
  })
  const reader = response.body?.getReader()
  await reader?.read()
  expect((await db.query("INSERT INTO t VALUES ('meanwhile')")).status).toBe(200)
  controller.abort()
  expect((await db.query('SELECT count(*) FROM t')).body.data.rows).toEqual([[20_001]])
  expect((await readDump(db)).includes("'meanwhile'")).toBe(true)
})
