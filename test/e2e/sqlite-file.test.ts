import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
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
  folder = await mkdtemp(join(tmpdir(), 'persql-file-'))
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
  token = acme.token
})
afterAll(async () => {
  await platform.stop()
  await rm(folder, { recursive: true, force: true })
})

const shell = (file: string, input: string) =>
  execFileSync('sqlite3', ['-batch', '-bail', file], { input, encoding: 'utf8', maxBuffer: 1e9 })
const answer = (file: string, sql: string) =>
  JSON.parse(shell(file, `.mode json\n${sql};`) || '[]') as Record<string, unknown>[]

const download = (db: Database, query: string) =>
  fetch(`${platform.url}${db.path}/export${query}`, { headers: { authorization: `Bearer ${token}` } })

/** The database as the file that PerSQL writes, and as the file that Debian's own SQLite makes of the dump. */
async function readBoth(db: Database): Promise<{ ours: string; theirs: string; bytes: Buffer }> {
  const response = await download(db, '?format=sqlite')
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/vnd.sqlite3'])
  const bytes = Buffer.from(await response.arrayBuffer())
  expect(response.headers.get('content-length')).toBe(`${bytes.length}`)
  const [ours, theirs] = [join(folder, `${++number}.sqlite`), join(folder, `${++number}.sqlite`)]
  await writeFile(ours, bytes)
  await writeFile(`${theirs}.sql`, await (await download(db, '')).text())
  shell(theirs, `.read ${theirs}.sql`)
  return { ours, theirs, bytes }
}

// The internal tables of full-text search depend on SQLite's version.
const SCHEMA = 'SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name'
const TABLES = `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') AND name <> 'sqlite_schema' ORDER BY name`

/** Every value of every table; REALs but nearly, because older versions of SQLite do not read them to the bit. */
function readContent(file: string) {
  return answer(file, TABLES).map(({ name: table }) => {
    const columns = answer(file, `SELECT name FROM pragma_table_xinfo('${table}') WHERE hidden <> 1`)
    const values = columns.map(({ name }) => {
      const column = `"${String(name).replaceAll('"', '""')}"`
      return `typeof(${column}) || ':' || hex(iif(typeof(${column}) = 'real', printf('%.12g', ${column}), ${column}))`
    })
    return [table, answer(file, `SELECT ${values.map((value, i) => `${value} AS c${i}`)} FROM "${table}"`)]
  })
}

test('the file is sound, and another SQLite finds in it what it finds in the dump', async () => {
  const db = await acme.make(...everything, ...everyValue)
  const { ours, theirs, bytes } = await readBoth(db)
  expect(answer(ours, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  expect(answer(ours, 'PRAGMA foreign_key_check')).toEqual([])
  expect(answer(ours, SCHEMA)).toEqual(answer(theirs, SCHEMA))
  expect(readContent(ours)).toEqual(readContent(theirs))
  for (const sql of [
    "SELECT rowid, title FROM own WHERE own MATCH 'run'",
    "SELECT rowid FROM external WHERE external MATCH 'negative'",
    'SELECT id, label FROM places WHERE x1 > 1.2',
    'SELECT * FROM sqlite_sequence ORDER BY name',
    'SELECT a, b, c, d FROM strict_one ORDER BY b, a',
    'SELECT * FROM joined ORDER BY id',
  ]) {
    expect(answer(ours, sql), sql).toEqual(answer(theirs, sql))
  }
  shell(ours, "INSERT INTO joined (name) VALUES ('through a trigger');")
  expect(answer(ours, "SELECT count(*) AS n FROM parents WHERE name = 'through a trigger;'")).toEqual([{ n: 1 }])
  // Page size 4096, no write-ahead log, UTF-8, and numbers that applications give a file at none.
  expect(bytes.subarray(0, 16).toString('latin1')).toBe('SQLite format 3\0')
  expect([bytes.readUInt16BE(16), bytes[18], bytes[19], bytes.readUInt32BE(28) * 4096]).toEqual([
    4096,
    1,
    1,
    bytes.length,
  ])
  expect([bytes.readUInt32BE(56), bytes.readUInt32BE(60), bytes.readUInt32BE(68)]).toEqual([1, 0, 0])
})

const value = fc.oneof(
  fc.constant(null),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('\0', "'", '"', '\ufeff', '\n', 'a'), maxLength: 5 }),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ base64: Buffer.from(bytes).toString('base64') })),
)
const name = fc.string({
  unit: fc.constantFrom('a', 'B', '"', ' ', "'", 'ß', '.', ';', '-'),
  minLength: 1,
  maxLength: 6,
})
const table = fc.record({
  columns: fc.uniqueArray(name, { minLength: 1, maxLength: 6, selector: (text) => text.toLowerCase() }),
  rows: fc.array(fc.array(value, { minLength: 6, maxLength: 6 }), { maxLength: 12 }),
  isIndexed: fc.boolean(),
  withoutRowid: fc.boolean(),
})

const toBits = (real: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(real)
  return bytes.toString('hex').toUpperCase()
}
const sorted = (rows: object[]) => rows.map((row) => JSON.stringify(row)).sort()

test('the file and the dump of any database are equal, and REALs are exact to the bit', async () => {
  const property = fc.asyncProperty(fc.array(table, { minLength: 1, maxLength: 3 }), async (tables) => {
    const db = await acme.make()
    for (const [i, { columns, rows, isIndexed, withoutRowid }] of tables.entries()) {
      const quoted = columns.map((column) => `"${column.replaceAll('"', '""')}"`)
      const key = withoutRowid ? `, k INTEGER PRIMARY KEY) WITHOUT ROWID` : ')'
      expect((await db.query(`CREATE TABLE "t;${i}" (${quoted}${key}`)).status).toBe(200)
      if (isIndexed) expect((await db.query(`CREATE INDEX "i ${i}" ON "t;${i}" (${quoted[0]} DESC)`)).status).toBe(200)
      for (const [k, row] of rows.entries()) {
        const into = `"t;${i}" (${quoted}${withoutRowid ? ', k' : ''})`
        const values = [...row.slice(0, columns.length), ...(withoutRowid ? [k] : [])]
        const { status, body } = await db.query(`INSERT INTO ${into} VALUES (${values.map(() => '?')})`, values)
        expect(status, JSON.stringify(body)).toBe(200)
      }
    }
    const { ours, theirs } = await readBoth(db)
    expect(answer(ours, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
    expect(answer(ours, SCHEMA)).toEqual(answer(theirs, SCHEMA))
    expect(readContent(ours)).toEqual(readContent(theirs))
    for (const [i, { columns, rows }] of tables.entries()) {
      const reals = columns.map(
        (column, at) =>
          `SELECT ${at} AS c, hex(ieee754_to_blob(v)) AS bits FROM (SELECT "${column.replaceAll('"', '""')}" AS v FROM "t;${i}") WHERE typeof(v) = 'real'`,
      )
      const sent = columns.flatMap((_, c) =>
        rows
          .map((row) => row[c])
          .flatMap((v) => (Number.isInteger(v) || typeof v !== 'number' ? [] : [{ c, bits: toBits(v) }])),
      )
      expect(sorted(answer(ours, reals.join(' UNION ALL ')))).toEqual(sorted(sent))
    }
  })
  await fc.assert(property, { numRuns: 15 })
})

test('a file larger than what is held in memory is whole, long values and sorted indexes with it', async () => {
  const db = await acme.make('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BLOB)', 'CREATE INDEX by_a ON t (a, b)')
  for (const size of [1, 31_000, 300_000, 1_500_000]) {
    await db.query("INSERT INTO t (a, b) VALUES (replace(hex(zeroblob(?)), '00', 'ä?'), randomblob(?))", [
      Math.min(size, 300_000),
      size,
    ])
  }
  await db.query(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) INSERT INTO t (a, b) SELECT printf('%08x', i * 7919 % 40009), randomblob(200) FROM n",
  )
  const { ours, theirs, bytes } = await readBoth(db)
  expect(bytes.length).toBeGreaterThan(20_000_000)
  expect(answer(ours, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  expect(shell(ours, '.sha3sum')).toBe(shell(theirs, '.sha3sum'))
})

test('an empty database is a file too, and formats that are not there are refused', async () => {
  const db = await acme.make()
  const { ours } = await readBoth(db)
  expect(answer(ours, 'SELECT count(*) AS n FROM sqlite_master')).toEqual([{ n: 0 }])
  const { status, body } = await db.request('/export?format=xls')
  expect([status, body.code]).toEqual([400, 'invalid_input'])
})

test('several files are written concurrently, and an aborted download delays no other', async () => {
  await platform.request(`/api/operator/namespaces/${ns}/quotas/exports`, {
    method: 'PUT',
    token: platform.secret,
    body: { limit: 20 },
  })
  const db = await acme.make('CREATE TABLE t (a TEXT)')
  await db.query(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) INSERT INTO t SELECT printf('%0200d', i) FROM n",
  )
  const controller = new AbortController()
  const left = fetch(`${platform.url}${db.path}/export?format=sqlite`, {
    headers: { authorization: `Bearer ${token}` },
    signal: controller.signal,
  })
  const response = await left
  await response.body?.getReader().read()
  controller.abort()
  const files = await Promise.all(Array.from({ length: 4 }, () => readBoth(db)))
  for (const { ours } of files) expect(answer(ours, 'SELECT count(*) AS n FROM t')).toEqual([{ n: 30_000 }])
  expect((await db.query("INSERT INTO t VALUES ('after')")).status).toBe(200)
})
