import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { ObjectFiles } from '../object-files.ts'
import { type Database, exportText, imported, maker } from '../transfer.ts'

let platform: TestPlatform
let files: ObjectFiles
let create: ReturnType<typeof maker>

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  const { token } = await platform.createNamespace('acme')
  files = new ObjectFiles(platform.data, 'database')
  create = maker(platform, token)
})
afterAll(() => platform.stop())

const rounds = 5
/** The number of automatic snapshots that a database keeps. */
const kept = 10

const deleteSnapshot = async (db: Database) => {
  const { body } = await db.request('/snapshots', { body: { label: 'manual' } })
  const { status } = await db.request(`/snapshots/${body.data.id}`, { method: 'DELETE' })
  expect(status).toBe(200)
}
const loseRows = async (db: Database) => {
  const { body } = await db.batch([{ sql: "INSERT INTO t (a) VALUES ('more')" }])
  expect(body.success).toBe(true)
  expect((await db.query('DELETE FROM t')).body.meta.snapshot.id).toMatch(/^snap_/)
}
const importRows = async (db: Database) => {
  expect((await imported(db, 'a\nthree\n', 'format=csv&table=t')).status).toBe(200)
}
const failImport = async (db: Database) => {
  expect((await imported(db, 'a,b\nthree\n', 'format=csv&table=t')).status).not.toBe(200)
}

test.each<[name: string, run: (db: Database) => Promise<unknown>, remaining: number]>([
  ['a deleted snapshot', deleteSnapshot, 0],
  ['an automatic snapshot that a newer one replaces', loseRows, kept],
  ['an export as SQL', (db) => exportText(db, 'format=sql'), 0],
  ['an export as a SQLite file', (db) => exportText(db, 'format=sqlite'), 0],
  ['an import', importRows, 0],
  ['an import that fails', failImport, 0],
])('%s leaves no file', async (_, run, remaining) => {
  const db = await create(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)',
    "INSERT INTO t (a) VALUES ('one'), ('two')",
  )
  const before = files.list().length
  for (let round = 0; round < remaining + rounds; round++) await run(db)
  await expect.poll(() => files.list().length).toBe(before + remaining)
})

test('the files of deleted objects are closed', async () => {
  const db = await create('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)', "INSERT INTO t (a) VALUES ('one')")
  const before = new Set(listOpenFiles())
  for (let round = 0; round < rounds; round++) {
    await deleteSnapshot(db)
    await exportText(db, 'format=sql')
    await importRows(db)
    const branch = `b${round}`
    expect((await db.request(`/branches/${branch}`, { method: 'PUT', body: {} })).status).toBe(200)
    expect((await db.request(`/branches/${branch}`, { method: 'DELETE' })).status).toBe(200)
  }
  expect(listOpenFiles().filter((file) => !before.has(file))).not.toEqual([])
  // The runtime closes an object that is idle for 10 s.
  await expect
    .poll(() => listOpenFiles().filter((file) => !before.has(file)), { timeout: 120_000, interval: 500 })
    .toEqual([])
})

/** Returns the files of databases and their copies that the platform has open, also those that were unlinked. */
function listOpenFiles(): string[] {
  const folder = `/proc/${platform.pid()}/fd`
  const targets = readdirSync(folder).flatMap((name) => {
    try {
      return readlinkSync(join(folder, name))
    } catch {
      // It was closed in the meantime.
      return []
    }
  })
  return targets.filter((target) => /\/database\/[0-9a-f]{64}\.sqlite/.test(target))
}

test('a snapshot of a database with a deleted snapshot is complete, also after a restart', async () => {
  const db = await create('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)', "INSERT INTO t (a) VALUES ('one')")
  await deleteSnapshot(db)
  const { body } = await db.request('/snapshots', { body: { label: 'kept' } })
  await importRows(db)
  await platform.kill()
  await platform.restart()
  expect((await db.request('/restore', { body: { snapshotId: body.data.id } })).status).toBe(200)
  expect((await db.query('SELECT a FROM t')).body.data.rows).toEqual([['one']])
})
