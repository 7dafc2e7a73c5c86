import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let owner: Awaited<ReturnType<TestPlatform['signUp']>>
let token: string
let number = 0

beforeAll(async () => {
  platform = await startPlatform()
  owner = await platform.signUp('acme@example.com')
  token = (await owner.request('/api/namespaces/acme/tokens', { body: { name: 'all', role: 'admin' } })).body.data.token
})
afterAll(() => platform.stop())

/** Saved queries of a database, as the owner of it sees them in the console. */
const savedIn = (slug: string) => {
  const path = `/api/namespaces/acme/databases/${slug}/saved-queries`
  return {
    slug,
    list: async () => (await owner.request(path)).body.data,
    create: (name: string, sql = 'SELECT 1') => owner.request(path, { body: { name, sql } }),
    update: (id: string, body: object) => owner.request(`${path}/${id}`, { method: 'PATCH', body }),
    remove: (id: string) => owner.request(`${path}/${id}`, { method: 'DELETE' }),
  }
}
async function fresh() {
  const slug = `db-${++number}`
  await owner.request('/api/namespaces/acme/databases', { body: { slug } })
  return savedIn(slug)
}
const withToken = (path: string, options: object = {}) => platform.request(path, { token, ...options })

describe('a saved query', () => {
  test('is kept as it was typed, changed, and deleted; each with who did it', async () => {
    const saved = await fresh()
    expect(await saved.list()).toEqual([])
    const sql = '-- by month\nSELEC what, is, not, SQL;\n'
    const made = (await saved.create(' Revenue ', sql)).body.data
    expect(made).toEqual({
      id: expect.stringMatching(/^sq_[0-9A-Za-z]{16}$/),
      name: 'Revenue',
      sql,
      version: 1,
      createdAt: expect.stringMatching(/^2\d{3}-.*Z$/),
      createdBy: `user:${owner.userId}`,
      updatedAt: made.createdAt,
      updatedBy: `user:${owner.userId}`,
    })
    const renamed = (await saved.update(made.id, { name: 'Revenue by month' })).body.data
    expect(renamed).toMatchObject({ name: 'Revenue by month', sql, version: 2, createdAt: made.createdAt })
    const rewritten = await withToken(`/v1/db/acme/${saved.slug}/saved-queries/${made.id}`, {
      method: 'PATCH',
      body: { sql: 'SELECT 2', ifVersion: 2 },
    })
    expect(rewritten.body.data).toMatchObject({ sql: 'SELECT 2', version: 3, createdBy: made.createdBy })
    expect(rewritten.body.data.updatedBy).toMatch(/^token:/)
    // An update without a difference isn't a change.
    expect((await saved.update(made.id, { sql: 'SELECT 2' })).body.data).toEqual(rewritten.body.data)
    expect(await saved.list()).toEqual([rewritten.body.data])
    expect((await saved.remove(made.id)).body.data).toEqual({ deleted: true })
    expect(await saved.list()).toEqual([])

    const target = `${saved.slug}/${made.id}`
    const entries = async () => (await owner.request('/api/namespaces/acme/audit?limit=50')).body.data
    const listEvents = async () => (await entries()).filter((entry: { target: string }) => entry.target === target)
    await expect
      .poll(async () => (await listEvents()).map(({ action }: { action: string }) => action))
      .toEqual(['saved_query.deleted', 'saved_query.updated', 'saved_query.updated', 'saved_query.created'])
  })

  test('has a name of its own, however it is written, which is free again afterwards', async () => {
    const saved = await fresh()
    const one = (await saved.create('Café')).body.data
    for (const name of ['Café', 'café', ' CAFÉ ', 'Cafe\u0301']) {
      const { status, body } = await saved.create(name)
      expect([status, body.code, body.id, body.version], name).toEqual([409, 'saved_query_exists', one.id, 1])
    }
    const two = (await saved.create('Tea')).body.data
    expect((await saved.update(two.id, { name: 'cafe\u0301' })).body.code).toBe('saved_query_exists')
    expect((await saved.update(one.id, { name: 'CAFÉ' })).body.data.name).toBe('CAFÉ')
    expect((await saved.update(one.id, { name: 'Coffee' })).status).toBe(200)
    expect((await saved.update(two.id, { name: 'café' })).status).toBe(200)
    await saved.remove(two.id)
    expect((await saved.create('Café')).status).toBe(200)
  })

  test('that another user changed is not overwritten unseen', async () => {
    const saved = await fresh()
    const { id } = (await saved.create('One')).body.data
    await saved.update(id, { sql: 'SELECT 2' })
    const late = await saved.update(id, { sql: 'SELECT 3', ifVersion: 1 })
    expect([late.status, late.body.code, late.body.version]).toEqual([409, 'saved_query_changed', 2])
    expect(await saved.list()).toMatchObject([{ sql: 'SELECT 2', version: 2 }])
    expect((await saved.update(id, { sql: 'SELECT 3', ifVersion: 2 })).body.data.version).toBe(3)
  })

  test('an unknown ID is not found, and an invalid ID is rejected', async () => {
    const saved = await fresh()
    const gone = `sq_${'a'.repeat(16)}`
    for (const answer of [await saved.update(gone, { name: 'x' }), await saved.remove(gone)]) {
      expect([answer.status, answer.body.code]).toEqual([404, 'saved_query_not_found'])
    }
    expect((await saved.remove('sch_1')).body.code).toBe('invalid_input')
  })
})

test('saved queries come by name, as people sort', async () => {
  const saved = await fresh()
  for (const name of ['query 10', 'Query 9', 'élan', 'zebra', 'Apple']) await saved.create(name)
  const names = (await saved.list()).map(({ name }: { name: string }) => name)
  expect(names).toEqual(['Apple', 'élan', 'Query 9', 'query 10', 'zebra'])
})

test('names and SQL have limits', async () => {
  const saved = await fresh()
  expect((await saved.create('n'.repeat(80), 's'.repeat(10_000))).status).toBe(200)
  for (const [name, sql] of [
    ['', 'SELECT 1'],
    ['  ', 'SELECT 1'],
    ['n'.repeat(81), 'SELECT 1'],
    ['x', ''],
    ['x', ' \n'],
    ['x', 's'.repeat(10_001)],
    ['x', '\ud800'],
    ['\udc00', 'SELECT 1'],
  ] as const) {
    const { status, body } = await saved.create(name, sql)
    expect([status, body.code], `${name}: ${sql.slice(0, 10)}`).toEqual([400, 'invalid_input'])
  }
})

test('a database holds 500 of them', async () => {
  const saved = await fresh()
  for (let i = 0; i < 500; i += 25) {
    const answers = await Promise.all(Array.from({ length: 25 }, (_, j) => saved.create(`query ${i + j}`)))
    expect(answers.map(({ status }) => status)).toEqual(Array(25).fill(200))
  }
  const { status, body } = await saved.create('one more')
  expect([status, body.code]).toEqual([409, 'limit_reached'])
  expect(body.error).toContain('500 saved queries')
  const all = await saved.list()
  expect(all).toHaveLength(500)
  await saved.remove(all[0].id)
  expect((await saved.create('one more')).status).toBe(200)
})

test('a fork has none of them, a restore keeps them, and they go with the database', async () => {
  const saved = await fresh()
  const base = `/api/namespaces/acme/databases/${saved.slug}`
  await owner.request(`${base}/query`, { body: { sql: 'CREATE TABLE t (n)' } })
  await saved.create('kept')
  const snapshot = (await owner.request(`${base}/snapshots`, { body: { label: 'x' } })).body.data.id
  await saved.create('later')
  expect((await owner.request(`${base}/fork`, { body: { slug: `${saved.slug}-fork` } })).status).toBe(200)
  const fork = savedIn(`${saved.slug}-fork`)
  expect(await fork.list()).toEqual([])
  expect((await fork.create('its own')).status).toBe(200)
  expect((await owner.request(`${base}/restore`, { body: { snapshotId: snapshot } })).status).toBe(200)
  expect(await saved.list()).toMatchObject([{ name: 'kept' }, { name: 'later' }])
  await owner.request(base, { method: 'DELETE' })
  await owner.request('/api/namespaces/acme/databases', { body: { slug: saved.slug } })
  expect(await saved.list()).toEqual([])
})

test('a branch has none of its own', async () => {
  const saved = await fresh()
  await saved.create('kept')
  const base = `/api/namespaces/acme/databases/${saved.slug}`
  const branch = (await owner.request(`${base}/branches/try`, { method: 'PUT', body: {} })).body.data
  const there = savedIn(branch.slug)
  expect(await there.list()).toEqual([])
  const { status, body } = await there.create('mine')
  expect([status, body.code]).toEqual([409, 'saved_query_on_branch'])
})

test('they are out of reach of SQL and of tokens with a table scope, cost members nothing, and survive a crash', async () => {
  const saved = await fresh()
  const { body: before } = await owner.request('/api/namespaces/acme/usage')
  const made = (await saved.create('kept')).body.data
  await saved.update(made.id, { sql: 'SELECT 2' })
  await saved.list()
  const { body: after } = await owner.request('/api/namespaces/acme/usage')
  expect(after.data).toEqual(before.data)

  const body = { name: 'narrow', role: 'readwrite', tableScope: ['t'] }
  const narrow = (await owner.request('/api/namespaces/acme/tokens', { body })).body.data.token
  const path = `/v1/db/acme/${saved.slug}/saved-queries`
  for (const options of [{}, { body: { name: 'x', sql: 'SELECT 1' } }]) {
    const answer = await platform.request(path, { token: narrow, ...options })
    expect([answer.status, answer.body.code]).toEqual([403, 'not_for_scoped_token'])
  }
  const tables = await withToken(`/v1/db/acme/${saved.slug}/query`, {
    body: { sql: "SELECT count(*) FROM sqlite_master WHERE name LIKE '%saved%'" },
  })
  expect(tables.body.data.rows).toEqual([[0]])

  await platform.kill()
  await platform.restart()
  expect((await withToken(path)).body.data).toMatchObject([{ name: 'kept', sql: 'SELECT 2', version: 2 }])
})
