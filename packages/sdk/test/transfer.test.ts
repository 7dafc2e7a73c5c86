import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../../../test/shared-platform.ts'
import { type Database, type ImportProgress, PerSQL } from '../src/index.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let persql: PerSQL
let number = 0

beforeAll(async () => {
  platform = await sharedPlatform()
  const { token } = await platform.createNamespace(ns)
  persql = new PerSQL({ token, baseURL: platform.url })
})
afterAll(() => platform.stop())

async function empty(): Promise<Database> {
  const slug = `db-${++number}`
  await persql.databases.create({ slug })
  return persql.database(ns, slug)
}
const PEOPLE = [
  { id: 1, name: 'Ada, "Countess"', photo: Uint8Array.from([0, 255]) },
  { id: 2, name: 'Grüße 😀', photo: null },
]
async function people(): Promise<Database> {
  const db = await empty()
  await db.query('CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, photo BLOB)')
  for (const { id, name, photo } of PEOPLE) await db.query('INSERT INTO people VALUES (?, ?, ?)', [id, name, photo])
  return db
}
const readRows = async (db: Database) => (await db.query('SELECT * FROM people ORDER BY id')).data

test('exports as SQL and as SQLite file import unchanged', async () => {
  const from = await people()
  const dump = await (await from.export()).text()
  const sql = await empty()
  expect(await sql.import(dump)).toMatchObject({ rows: 2, tables: ['people'], bytes: Buffer.byteLength(dump) })
  expect(await readRows(sql)).toEqual(PEOPLE)

  const file = new Uint8Array(await (await from.export({ format: 'sqlite' })).arrayBuffer())
  expect(Buffer.from(file.subarray(0, 15)).toString()).toBe('SQLite format 3')
  const sqlite = await empty()
  await sqlite.import(file)
  expect(await readRows(sqlite)).toEqual(PEOPLE)
})

test('exports tables as CSV and NDJSON, and imports into an existing or new table', async () => {
  const from = await people()
  const csv = await (await from.export({ format: 'csv', table: 'people' })).text()
  expect(csv).toContain('"Ada, ""Countess"""')
  const made = await empty()
  await made.import(csv, { format: 'csv', table: 'people', create: true })
  expect((await readRows(made)).map(({ id, name }) => [id, name])).toEqual(PEOPLE.map(({ id, name }) => [id, name]))

  const ndjson = await (await from.export({ format: 'ndjson', table: 'people' })).text()
  const odd = await empty()
  await odd.import(ndjson, { format: 'ndjson', table: 'a*b & c', create: true })
  expect(await odd.tables()).toEqual([{ name: 'a*b & c', rowCount: 2 }])

  const there = await empty()
  await there.query('CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, photo BLOB)')
  await there.import(new File([ndjson], 'people.ndjson'), { table: 'people' })
  expect(await readRows(there)).toEqual(PEOPLE)
  await expect(from.export({ format: 'csv', table: 'nope' })).rejects.toMatchObject({ code: 'table_not_found' })
})

test('an import reports its progress and its result', async () => {
  const db = await empty()
  expect(await db.importProgress()).toBeNull()
  const lines = Array.from({ length: 20_000 }, (_, id) => JSON.stringify({ id, text: 'x'.repeat(50) }))
  const seen: ImportProgress[] = []
  const imported = await db.import(lines.join('\n'), {
    format: 'ndjson',
    table: 'big',
    create: true,
    onProgress: (progress) => seen.push(progress),
  })
  expect(imported.rows).toBe(20_000)
  expect(new Set(seen.map(({ id }) => id))).toEqual(new Set([imported.id]))
  expect(seen.at(-1)).toMatchObject({ state: 'done', rows: 20_000, bytes: imported.bytes, totalBytes: imported.bytes })
  expect(await db.importProgress()).toEqual(seen.at(-1))
})

test('an import is all-or-nothing, and the same file with the same key is imported once', async () => {
  const db = await empty()
  const broken = 'CREATE TABLE t (n INTEGER PRIMARY KEY); INSERT INTO t VALUES (1); INSERT INTO t VALUES (1);'
  const seen: ImportProgress[] = []
  const onProgress = (progress: ImportProgress) => seen.push(progress)
  await expect(db.import(broken, { onProgress })).rejects.toMatchObject({ code: 'import_failed' })
  expect(seen.at(-1)).toMatchObject({ state: 'failed', error: expect.stringContaining('UNIQUE') })
  expect(await db.tables()).toEqual([])
  const good = 'CREATE TABLE t (n); INSERT INTO t VALUES (1);'
  const first = await db.import(good, { idempotencyKey: 'the-import' })
  expect(await db.import(good, { idempotencyKey: 'the-import' })).toEqual(first)
  expect(await db.tables()).toEqual([{ name: 't', rowCount: 1 }])
})

test('a destructive statement creates an automatic snapshot, unless disabled', async () => {
  const db = await people()
  const { meta } = await db.query('DELETE FROM people')
  expect(meta?.snapshot).toEqual({ id: expect.any(String), label: expect.any(String) })
  expect(await db.snapshots.list()).toMatchObject([{ id: meta?.snapshot?.id, automatic: true, rows: 2 }])
  await db.snapshots.restore({ snapshotId: meta?.snapshot?.id as string })
  expect(await readRows(db)).toEqual(PEOPLE)

  expect(await db.settings.get()).toEqual({ automaticSnapshots: true })
  expect(await db.settings.update({ automaticSnapshots: false })).toEqual({ automaticSnapshots: false })
  const dropped = await db.query('DROP TABLE people')
  expect([dropped.meta?.snapshot, dropped.meta?.snapshotSkipped]).toEqual([undefined, undefined])
})

test('a fork can have a name and expire', async () => {
  const db = await people()
  const slug = `${db.slug}-copy`
  const fork = await db.fork(slug, { name: 'Copy', ttlDays: 1 })
  expect(fork).toMatchObject({ slug, name: 'Copy', expiresAt: expect.any(String), forkedFrom: { slug: db.slug } })
  expect(await readRows(persql.database(ns, slug))).toEqual(PEOPLE)
})
