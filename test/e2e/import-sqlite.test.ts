import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { everything, everyValue } from '../schemas.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { type Database, exportText, maker, readRows, refusal } from '../transfer.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let token: string
let made: ReturnType<typeof maker>
let folder: string
beforeAll(async () => {
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
  made = maker(platform, token, ns)
  folder = await mkdtemp(join(tmpdir(), 'persql-files-'))
})
afterAll(async () => {
  await platform.stop()
  await rm(folder, { recursive: true })
})

const send = (db: Database, file: Uint8Array | FormData, query = '', headers: Record<string, string> = {}) =>
  db.request(`/import${query}`, { method: 'POST', body: file, headers })
async function downloadFile(db: Database): Promise<Uint8Array> {
  const response = await fetch(`${platform.url}${db.path}/export?format=sqlite`, {
    headers: { authorization: `Bearer ${token}` },
  })
  expect(response.status).toBe(200)
  return new Uint8Array(await response.arrayBuffer())
}
async function shellFile(name: string, ...statements: string[]): Promise<Uint8Array> {
  const path = join(folder, name)
  execFileSync('sqlite3', ['-batch', '-bail', path], { input: statements.map((sql) => `${sql};`).join('\n') })
  return new Uint8Array(await readFile(path))
}

test('a database, exported as a file and imported elsewhere, gives the same dump', async () => {
  const db = await made(...everything, ...everyValue)
  const copy = await made()
  const { status, body } = await send(copy, await downloadFile(db))
  expect([status, body.error]).toEqual([200, undefined])
  expect(body.data.rows).toBeGreaterThan(0)
  expect(await exportText(copy)).toBe(await exportText(db))
  expect((await copy.request('/import')).body.data.import).toMatchObject({ state: 'done', rows: body.data.rows })
})

test('a file that the sqlite3 shell made is read, also as the field of a form, beside what is there', async () => {
  const file = await shellFile(
    'shell.db',
    'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT, b BLOB)',
    "INSERT INTO t (a, b) VALUES ('ä', x'00ff'), (NULL, zeroblob(100000))",
    'CREATE VIRTUAL TABLE f USING fts5 (x)',
    "INSERT INTO f VALUES ('found in full text')",
    'CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM f; END',
  )
  const db = await made('CREATE TABLE mine (n)', 'INSERT INTO mine VALUES (1)')
  const form = new FormData()
  form.append('file', new Blob([file as Uint8Array<ArrayBuffer>]), 'shell.db')
  const { status, body } = await send(db, form)
  expect([status, body.error]).toEqual([200, undefined])
  expect(body.data.tables).toEqual(['f', 't'])
  expect(await readRows(db, "SELECT rowid FROM f WHERE f MATCH 'full'")).toEqual([[1]])
  expect(await readRows(db, 'SELECT a, length(b) FROM t ORDER BY id')).toEqual([
    ['ä', 2],
    [null, 100_000],
  ])
  expect(await readRows(db, 'SELECT * FROM mine')).toEqual([[1]])
})

test('rejects a damaged SQLite file with the reason, and imports nothing of it', async () => {
  const file = await shellFile(
    'large.db',
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)',
    'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000) INSERT INTO t SELECT n, hex(randomblob(50)) FROM c',
  )
  const damaged = file.slice()
  damaged.fill(0x5a, 8192, 12_288)
  const db = await made('CREATE TABLE mine (n)')
  for (const [bytes, reason] of [
    [file.slice(0, file.length - 4096), /truncated/],
    [damaged, /corrupt/],
    [new TextEncoder().encode('SQLite format 3\0 and then nothing'), /./],
  ] as const) {
    const { status, body } = await send(db, bytes, '?format=sqlite')
    expect([status, body.code]).toEqual([400, 'sqlite_file_refused'])
    expect(body.error).toMatch(reason)
  }
  expect(refusal(await send(db, new TextEncoder().encode('CREATE TABLE x (a)'), '?format=sqlite'))).toEqual([
    400,
    'sqlite_file_refused',
    undefined,
  ])
  expect((await db.request('/tables')).body.data).toEqual([{ name: 'mine', rowCount: 0 }])
  expect((await send(db, file)).status).toBe(200)
  expect(await readRows(db, 'SELECT count(*) FROM t')).toEqual([[2000]])
})

test('reports conflicting rows, and imports a file all-or-nothing', async () => {
  const file = await shellFile('clash.db', 'CREATE TABLE a (x)', 'INSERT INTO a VALUES (1)', 'CREATE TABLE mine (n)')
  const db = await made('CREATE TABLE mine (n)')
  const { status, body } = await send(db, file)
  expect([status, body.code]).toEqual([400, 'import_failed'])
  expect(body.error).toContain('table mine already exists')
  expect((await db.request('/tables')).body.data).toEqual([{ name: 'mine', rowCount: 0 }])
})

test('an import that drops tables keeps a snapshot first, and rules hold for it', async () => {
  const db = await made('CREATE TABLE t (n)', 'INSERT INTO t VALUES (1), (2)')
  const sql = (text: string) => send(db, new TextEncoder().encode(text), '?format=sql')
  const { body } = await sql('DROP TABLE t; CREATE TABLE t (n); INSERT INTO t VALUES (3);')
  expect(body.meta.snapshot).toMatchObject({ label: 'Before DROP TABLE t' })
  expect(await readRows(db, 'SELECT n FROM t')).toEqual([[3]])
  await db.request('/restore', { body: { snapshotId: body.meta.snapshot.id } })
  expect(await readRows(db, 'SELECT n FROM t')).toEqual([[1], [2]])
  await db.request('/approval_rules', { body: { tableGlob: 't', action: 'deny' } })
  const denied = await sql('CREATE TABLE u (n); INSERT INTO t VALUES (4); INSERT INTO t VALUES (5);')
  expect(denied.body.error).toContain('"t"')
  expect([denied.status, denied.body.code]).toEqual([403, 'approval_denied'])
  expect((await db.request('/tables')).body.data).toEqual([{ name: 't', rowCount: 2 }])
})

const ownNames =
  "SELECT name FROM sqlite_master WHERE name NOT GLOB 'sqlite_*' AND name NOT GLOB '_persql_*' AND name NOT GLOB '_cf_*'"
const noTables =
  "Can't import this SQLite file: It has no tables. If a program has the file open, copy it with VACUUM INTO, and import the copy."
const noText = 'Line 1: The file is empty. It must contain SQL statements.'
const noStatement = 'Line 1: The file contains no SQL statement.'
const noColumns = 'Line 1: The file is empty. The first line must contain column names.'
const noNames = 'Line 1: This line is empty. It must contain column names.'
const noRows = 'Line 1: The file has no rows. It must contain one JSON object per line.'

test.each<[what: string, format: string, content: string, error: string]>([
  ['a file with settings only', 'sqlite', 'PRAGMA user_version = 1', noTables],
  ['a file whose tables were dropped', 'sqlite', 'CREATE TABLE t (a); DROP TABLE t', noTables],
  [
    'a file with only the counters of dropped tables',
    'sqlite',
    'CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (1); DROP TABLE t',
    noTables,
  ],
  ['nothing', 'sqlite', '', "Can't import this SQLite file: It is empty."],
  ['nothing', 'sql', '', noText],
  ['a byte order mark', 'sql', '\ufeff', noText],
  ['empty lines', 'sql', '\n \r\n', noText],
  ['a comment', 'sql', '-- x', noStatement],
  ['semicolons', 'sql', ';;', noStatement],
  ['a command of the shell', 'sql', '.mode list\n', noStatement],
  ['nothing', 'csv', '', noColumns],
  ['a byte order mark', 'csv', '\ufeff', noColumns],
  ['an empty line', 'csv', '\n', noNames],
  ['empty lines', 'csv', '\r\n\r\n', noNames],
  ['nothing', 'ndjson', '', noRows],
  ['a byte order mark', 'ndjson', '\ufeff', noRows],
  ['empty lines', 'ndjson', '\n\n', noRows],
  ['an object without columns', 'ndjson', '{}\n', 'Line 1: This object has no columns.'],
])('%s as %s is refused in the words of its format', async (what, format, content, error) => {
  const db = await made()
  const isFile = format === 'sqlite' && content !== ''
  const file = isFile ? await shellFile(`${uniqueName('empty')}.db`, content) : new TextEncoder().encode(content)
  const { status, body } = await send(db, file, `?format=${format}&table=t&create=1`)
  expect([status, body.error], what).toEqual([400, error])
  expect(await readRows(db, ownNames)).toEqual([])
})

test.each<[what: string, format: string, content: string, tables: string[]]>([
  ['a dump of a database without tables', 'sql', 'PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCOMMIT;\n', []],
  ['a line of column names', 'csv', 'a,b\n', ['t']],
  ['a view', 'sqlite', 'CREATE VIEW v AS SELECT 1', ['v']],
  ['a table without rows', 'sqlite', 'CREATE TABLE t (a)', ['t']],
])('%s as %s is imported', async (_, format, content, names) => {
  const db = await made()
  const file =
    format === 'sqlite' ? await shellFile(`${uniqueName('bare')}.db`, content) : new TextEncoder().encode(content)
  const { status, body } = await send(db, file, `?format=${format}&table=t&create=1`)
  expect([status, body.error]).toEqual([200, undefined])
  expect(body.data.rows).toBe(0)
  expect(await readRows(db, ownNames)).toEqual(names.map((name) => [name]))
})
