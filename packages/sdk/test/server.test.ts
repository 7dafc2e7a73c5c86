import { eq } from 'drizzle-orm'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { drizzle } from 'drizzle-orm/sqlite-proxy'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../../../test/shared-platform.ts'
import { type DatabaseInfo, PerSQL, type PerSQLDatabase } from '../src/index.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let persql: PerSQL
let db: PerSQLDatabase

beforeAll(async () => {
  platform = await sharedPlatform()
  const { token } = await platform.createNamespace(ns)
  persql = new PerSQL({ token, baseURL: platform.url })
  db = persql.database(`${ns}/main`)
  await db.query('CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL)')
  await db.query("INSERT INTO notes (body) VALUES ('one'), ('two')")
})
afterAll(() => platform.stop())

test('creates, lists, reads and deletes databases', async () => {
  expect(await persql.databases.create({ slug: 'other', name: 'Other' })).toMatchObject({
    slug: 'other',
    name: 'Other',
  })
  expect((await persql.databases.list()).map(({ slug }) => slug).sort()).toEqual(['main', 'other'])
  expect(
    (await Promise.all(['main', 'other'].map(persql.databases.get as (slug: string) => Promise<DatabaseInfo>))).map(
      ({ slug }) => slug,
    ),
  ).toEqual(['main', 'other'])
  expect(await persql.databases.get('other')).toMatchObject({ status: 'healthy' })
  expect(await persql.databases.delete('other')).toEqual({ deleted: true })
  await expect(persql.databases.get('other')).rejects.toMatchObject({ status: 404, code: 'database_not_found' })
})

test('creates, lists and revokes tokens, which identify themselves', async () => {
  const { id, token } = await persql.tokens.create({ name: 'reader', role: 'readonly' })
  const reader = new PerSQL({ token, baseURL: platform.url })
  expect(await reader.me()).toMatchObject({ namespaceSlug: ns, role: 'readonly', tokenId: id })
  await expect(reader.database(`${ns}/main`).query('DELETE FROM notes')).rejects.toMatchObject({
    code: 'role_insufficient',
  })
  expect((await persql.tokens.list()).some((one) => one.id === id)).toBe(true)
  await persql.tokens.revoke(id)
  await expect(reader.me()).rejects.toMatchObject({ status: 401 })
})

test('reads the balance', async () => {
  expect((await persql.billing.get()).balanceUsd).toBeGreaterThan(4)
  await expect(persql.billing.topUp(25)).rejects.toMatchObject({ code: 'payments_unavailable' })
  const transfer = { to: 'other', amountUsd: 1 }
  await expect(persql.billing.transfer(transfer)).rejects.toMatchObject({ code: 'owner_required' })
})

test('creates, hands off, resets, lists and deletes branches', async () => {
  const claim = await db.branches.claim({ ref: 'pr/42', role: 'write', ttlSec: 600 })
  expect(claim).toMatchObject({ branchRef: 'pr/42', outcome: 'created', namespaceSlug: ns })
  const branch = new PerSQL({ token: claim.token, baseURL: platform.url }).database(
    claim.namespaceSlug,
    claim.databaseSlug,
  )
  expect(await branch.tables()).toEqual([{ name: 'notes', rowCount: 0 }])

  const { token } = await db.branches.pin('pr/42', { role: 'read' })
  const sub = await PerSQL.fromHandoff(token, { baseURL: platform.url })
  expect(sub.handedOff).toMatchObject({ namespaceSlug: ns, databaseSlug: claim.databaseSlug, role: 'read' })
  expect(sub.handedOff).not.toHaveProperty('token')
  const { namespaceSlug = '', databaseSlug = '' } = sub.handedOff ?? {}
  expect((await sub.database(namespaceSlug, databaseSlug).query('SELECT * FROM notes')).data).toEqual([])
  await expect(PerSQL.fromHandoff(token, { baseURL: platform.url })).rejects.toMatchObject({ status: 404 })

  const expiresAt = new Date(Date.now() + 3_600_000)
  expect(await db.branches.upsert('pr/42', { expiresAt })).toMatchObject({ expiresAt: expiresAt.toISOString() })
  expect((await db.branches.list()).map(({ branchRef }) => branchRef)).toEqual(['pr/42'])
  expect(await db.branches.get('pr/42')).toMatchObject({ branchRef: 'pr/42' })
  expect(await db.branches.delete('pr/42')).toEqual({ deleted: true })
})

test('restores a snapshot, and then the state before it', async () => {
  const { id } = await db.snapshots.create('two notes')
  await db.query("INSERT INTO notes (body) VALUES ('three')")
  const { before } = await db.snapshots.restore({ snapshotId: id })
  expect((await db.tables())[0]?.rowCount).toBe(2)
  expect((await db.snapshots.list()).map((one) => one.id)).toEqual([before.id, id])
  expect(await db.snapshots.delete(id)).toEqual({ deleted: true })
})

test('a fork has all rows, and an export contains them', async () => {
  expect(await db.fork('copy')).toMatchObject({ slug: 'copy', forkedFrom: { slug: 'main' } })
  expect((await persql.database(`${ns}/copy`).tables())[0]?.rowCount).toBe(2)
  const dump = await (await db.export()).text()
  expect(dump).toContain('CREATE TABLE notes')
})

test('creates, changes, applies and lists migrations', async () => {
  const { id } = await db.migrations.create({ name: 'tags', sql: 'CREATE TABLE tag (id INTEGER)' })
  await db.migrations.update(id, { sql: 'CREATE TABLE tags (id INTEGER PRIMARY KEY)' })
  expect((await db.migrations.apply(id)).appliedAt).toEqual(expect.any(String))
  expect((await db.migrations.list()).map(({ name }) => name)).toEqual(['tags'])
  const draft = await db.migrations.create({ name: 'draft', sql: 'SELECT 1' })
  expect(await db.migrations.delete(draft.id)).toEqual({ deleted: true })
})

test('creates, publishes, changes, pauses and deletes endpoints, and creates sessions', async () => {
  const spec = {
    slug: 'greet',
    name: 'Greet',
    kind: 'query',
    method: 'GET',
    output: 'first_row',
    sql: "SELECT 'hi' AS greeting",
    input: [],
  }
  expect(await db.endpoints.create(spec)).toMatchObject({ status: 'draft' })
  const { url } = await db.endpoints.publish('greet')
  expect(await (await fetch(url)).json()).toEqual({ ok: true, data: { row: { greeting: 'hi' } } })
  expect(await db.endpoints.update('greet', { name: 'Greeting' })).toMatchObject({ version: 2 })
  expect(await db.endpoints.publish('greet', { version: 1 })).toMatchObject({ name: 'Greet' })
  expect(await db.endpoints.pause('greet')).toMatchObject({ status: 'paused' })
  expect(await db.endpoints.get('greet')).toMatchObject({ slug: 'greet' })
  expect(await db.endpoints.list()).toHaveLength(1)
  expect(await db.endpoints.delete('greet')).toEqual({ deleted: true })
  expect(await db.createSession({ userId: 'u1', expiresIn: 60 })).toMatchObject({ expiresIn: 60 })
})

test('reads the query log, and makes calls by path', async () => {
  await db.query('SELECT 4711')
  const [latest] = await db.queryLog({ limit: 1 })
  expect(latest).toMatchObject({ operation: 'query', sql: 'SELECT 4711', status: 200 })
  expect(await persql.request('GET', `/v1/db/${ns}/main/hostnames`)).toEqual([])
  await expect(db.ask('How many notes?')).rejects.toMatchObject({ code: 'model_unavailable' })
})

test('works as a Drizzle driver, with transactional batches', async () => {
  const notes = sqliteTable('notes', { id: integer().primaryKey(), body: text().notNull() })
  const driver = db.driver()
  const orm = drizzle(driver, driver.batch, { schema: { notes } })
  await orm.insert(notes).values({ id: 10, body: 'drizzle' })
  expect(await orm.select().from(notes).where(eq(notes.id, 10))).toEqual([{ id: 10, body: 'drizzle' }])
  expect(await orm.query.notes.findFirst({ where: eq(notes.id, 10) })).toEqual({ id: 10, body: 'drizzle' })
  expect(await orm.select().from(notes).where(eq(notes.id, 99)).get()).toBeUndefined()
  expect(await orm.select().from(notes).where(eq(notes.id, 10)).get()).toEqual({ id: 10, body: 'drizzle' })
  const double = orm.insert(notes).values({ id: 10, body: 'again' })
  await expect(orm.batch([orm.insert(notes).values({ id: 11, body: 'x' }), double])).rejects.toThrow()
  expect(await orm.select().from(notes).where(eq(notes.id, 11))).toEqual([])
  const [, rows] = await orm.batch([
    orm.insert(notes).values({ id: 11, body: 'x' }),
    orm.select().from(notes).where(eq(notes.id, 11)),
  ])
  expect(rows).toEqual([{ id: 11, body: 'x' }])
})
