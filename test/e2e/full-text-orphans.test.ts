import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databaseWith, ran, readRows } from '../merge-helpers.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let token: string
let folder: string
let number = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'persql-orphans-'))
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
})
afterAll(async () => {
  await platform.stop()
  await rm(folder, { recursive: true, force: true })
})

const shell = (file: string, input: string) =>
  execFileSync('sqlite3', ['-batch', '-bail', file], { input, encoding: 'utf8' })

const FILLED = [
  'CREATE TABLE docs (id INTEGER PRIMARY KEY, a, b)',
  "CREATE VIRTUAL TABLE found USING fts5(a, content='docs', content_rowid='id')",
  "INSERT INTO docs VALUES (1, 'hello', 2)",
  'CREATE TABLE other (x)',
  'INSERT INTO other VALUES (1)',
]

describe.each([
  ['the table', ['DROP TABLE docs']],
  ['the column', ['ALTER TABLE docs DROP COLUMN a']],
])('where %s is gone that a full-text index is of', (what, ending) => {
  test('the database is copied, kept, restored, exported and written as before', async () => {
    const db = await databaseWith(platform, token, [...FILLED, ...ending], ns)
    const kept = await db.request('/snapshots', { body: { label: 'kept' } })
    expect([kept.status, kept.body.error]).toEqual([200, undefined])
    const deleted = await db.query('DELETE FROM other')
    expect([deleted.status, deleted.body.meta?.snapshot?.label]).toEqual([200, 'Before DELETE FROM other'])
    const slug = `copy-${++number}`
    expect((await db.request('/fork', { body: { slug } })).status).toBe(200)
    const fork = platform.database(ns, slug, token)
    await ran(fork, 'CREATE TABLE more (x)', 'INSERT INTO other VALUES (2)')
    expect(await readRows(fork, 'SELECT x FROM other')).toEqual([[2]])
    expect((await db.request('/restore', { body: { snapshotId: kept.body.data.id } })).status).toBe(200)
    expect(await readRows(db, 'SELECT x FROM other')).toEqual([[1]])

    const url = `${platform.url}${db.path}/export`
    const response = await fetch(`${url}?format=sqlite`, { headers: { authorization: `Bearer ${token}` } })
    expect(response.status).toBe(200)
    const file = join(folder, `${++number}.sqlite`)
    await writeFile(file, Buffer.from(await response.arrayBuffer()))
    expect(shell(file, 'SELECT x FROM other; PRAGMA integrity_check(other);')).toBe('1\nok\n')
    if (what === 'the column') return
    const dump = await (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).text()
    expect(shell(join(folder, `${++number}.sqlite`), `${dump}SELECT x FROM other;`)).toBe('1\n')
  })
})
