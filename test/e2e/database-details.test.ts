import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let token: string
let owner: Awaited<ReturnType<TestPlatform['signUp']>>

const DAY_MS = 24 * 60 * 60 * 1000
const setAhead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  owner = await platform.signUp('acme@example.com')
  ;({ token } = await platform.createNamespace('acme'))
})
afterAll(() => platform.stop())

const as = (path: string, options: { method?: string; body?: unknown } = {}, by = token) =>
  platform.request(path, { token: by, ...options })
const create = (slug: string, body: object = {}) => as('/v1/databases', { body: { slug, ...body } })
const patch = (slug: string, body: object, by = token) => as(`/v1/databases/${slug}`, { method: 'PATCH', body }, by)
const get = (slug: string) => as(`/v1/databases/${slug}`)
const remove = (slug: string) => as(`/v1/databases/${slug}`, { method: 'DELETE' })
const listAudit = async () =>
  (await owner.request('/api/namespaces/acme/audit?limit=20')).body.data as Record<string, unknown>[]

describe('the details of a database', () => {
  const nothing = { description: null, labels: {}, deleteProtected: false, region: null, createdFrom: 'empty' }

  test('are empty by default, in the response, the list and the database itself', async () => {
    const { body } = await create('plain')
    expect(body.data).toMatchObject({
      ...nothing,
      name: 'plain',
      expiresAt: null,
      createdBy: expect.stringMatching(/^token:tok_/),
    })
    expect((await get('plain')).body.data).toEqual(body.data)
    const listed = (await as('/v1/databases')).body.data as { slug: string }[]
    expect(listed.find(({ slug }) => slug === 'plain')).toEqual(body.data)
  })

  test('are set when a database is created', async () => {
    const given = { description: 'Orders of Ada', labels: { plan: 'pro', 'a.b-c_d': '' }, region: 'weur', ttlDays: 3 }
    const { body } = await create('given', given)
    const { ttlDays, ...told } = given
    expect(body.data).toMatchObject(told)
    expect(Date.parse(body.data.expiresAt) - Date.parse(body.data.createdAt)).toBeGreaterThan((ttlDays - 1) * DAY_MS)
    expect((await create('anywhere', { region: 'auto' })).body.data.region).toBeNull()
  })

  test('say who created a database, and how', async () => {
    const signedIn = await owner.request('/api/namespaces/acme/databases', { body: { slug: 'by-member' } })
    expect(signedIn.body.data.createdBy).toBe(`user:${owner.userId}`)
    const other = await platform.createNamespace('by-operator')
    const first = await as('/v1/databases/main', {}, other.token)
    expect(first.body.data).toMatchObject({ createdBy: 'operator', createdFrom: 'empty' })
    const fork = await as('/v1/db/acme/main/fork', { body: { slug: 'main-fork' } })
    expect(fork.body.data).toMatchObject({ createdFrom: 'fork', createdBy: expect.stringMatching(/^token:/) })
    const branch = await as('/v1/db/acme/main/branches/b', { method: 'PUT', body: {} })
    expect(branch.body.data).toMatchObject({ createdFrom: 'branch', createdBy: expect.stringMatching(/^token:/) })
    await platform.database('acme', 'by-query', token).query('SELECT 1')
    expect((await get('by-query')).body.data.createdBy).toMatch(/^token:/)
  })

  test('change one by one, and stay over a restart', async () => {
    await create('changed', { labels: { plan: 'free', tier: '1' } })
    const steps: [changes: object, expected: object][] = [
      [{ name: 'Changed' }, { name: 'Changed', labels: { plan: 'free', tier: '1' } }],
      [{ description: 'Two' }, { name: 'Changed', description: 'Two' }],
      [{ labels: { plan: 'pro', region: 'eu' } }, { labels: { plan: 'pro', region: 'eu', tier: '1' } }],
      [{ labels: { tier: null, missing: null } }, { labels: { plan: 'pro', region: 'eu' } }],
      [{ deleteProtected: true }, { deleteProtected: true, description: 'Two' }],
      [{}, { name: 'Changed', description: 'Two', deleteProtected: true }],
      [{ description: null }, { description: null }],
      [{ description: ' ' }, { description: null }],
    ]
    for (const [changes, expected] of steps) {
      const { status, body } = await patch('changed', changes)
      expect([status, body.data]).toMatchObject([200, expected])
    }
    const before = (await get('changed')).body.data
    await platform.restart()
    expect((await get('changed')).body.data).toEqual(before)
    expect(before.labels).toEqual({ plan: 'pro', region: 'eu' })
  })

  test('changes of one call are applied together or not at all', async () => {
    await create('atomic')
    const before = (await get('atomic')).body.data
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`k${n}`, 'v']))
    expect((await patch('atomic', { name: 'New', labels: many })).body.code).toBe('invalid_input')
    expect((await get('atomic')).body.data).toEqual(before)
  })

  test('at most 20 labels, also over several calls', async () => {
    const many = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${from + n}`, 'v']))
    expect((await create('labeled', { labels: many(0, 20) })).status).toBe(200)
    expect((await patch('labeled', { labels: many(20, 1) })).status).toBe(400)
    expect((await patch('labeled', { labels: { ...many(20, 1), k0: null } })).status).toBe(200)
    expect(Object.keys((await get('labeled')).body.data.labels)).toHaveLength(20)
  })

  test.each<[what: string, body: object]>([
    ['a key in uppercase', { labels: { Plan: 'pro' } }],
    ['a key that starts with a digit', { labels: { '1plan': 'pro' } }],
    ['a long key', { labels: { ['k'.repeat(41)]: 'pro' } }],
    ['an empty key', { labels: { '': 'pro' } }],
    ['a long value', { labels: { plan: 'x'.repeat(81) } }],
    ['a value of another type', { labels: { plan: 1 } }],
    ['half a character', { labels: { plan: '\ud800' } }],
    ['labels as a list', { labels: ['plan'] }],
    ['a long description', { description: 'x'.repeat(501) }],
    ['an empty name', { name: ' ' }],
    ['no days', { ttlDays: 0 }],
    ['too many days', { ttlDays: 366 }],
    ['a time in the past', { expiresAt: '2020-01-01T00:00:00Z' }],
    ['text instead of a time', { expiresAt: 'tomorrow' }],
    ['two times', { ttlDays: 1, expiresAt: '2099-01-01T00:00:00Z' }],
    ['a time and protection', { ttlDays: 1, deleteProtected: true }],
    ['an unknown field', { color: 'red' }],
  ])('%s is refused with 400, and nothing changes', async (_what, body) => {
    expect((await create('refused', body)).body.code).toBe('invalid_input')
    expect((await get('refused')).status).toBe(404)
    const before = (await get('main')).body.data
    expect((await patch('main', body)).body.code).toBe('invalid_input')
    expect((await get('main')).body.data).toEqual(before)
  })

  test('a region that does not exist is refused, and one cannot be changed', async () => {
    expect((await create('far', { region: 'mars' })).status).toBe(400)
    expect((await patch('main', { region: 'weur' })).status).toBe(400)
  })

  test('a missing database is 404', async () => {
    expect((await patch('missing', { name: 'x' })).body.code).toBe('database_not_found')
  })

  test('each change is in the audit log, and a call without changes is not', async () => {
    await create('audited', { labels: { plan: 'pro' } })
    await patch('audited', { name: 'New', labels: { plan: null }, expiresAt: '2099-01-01T00:00:00.000Z' })
    await patch('audited', {})
    const events = (await listAudit()).filter(({ target }) => target === 'audited')
    expect(events.map(({ action, detail }) => [action, detail])).toEqual([
      ['database.updated', { name: 'New', labels: '{"plan":null}', expiresAt: '2099-01-01T00:00:00.000Z' }],
      ['database.created', { labels: '{"plan":"pro"}' }],
    ])
  })

  test('a new database with the slug of a deleted one has none of its details', async () => {
    await create('again', { labels: { plan: 'pro' }, description: 'Old' })
    expect((await remove('again')).status).toBe(200)
    expect((await create('again')).body.data).toMatchObject(nothing)
  })
})

describe('a token for some databases', () => {
  let pinned: string
  beforeAll(async () => {
    await create('mine')
    const { body } = await as('/v1/tokens', { body: { name: 'pinned', role: 'admin', databases: ['mine'] } })
    pinned = body.data.token
  })

  test.each<[changes: object, status: number]>([
    [{ name: 'Mine' }, 200],
    [{ description: 'Ours' }, 200],
    [{ labels: { plan: 'pro' } }, 403],
    [{ labels: {} }, 403],
    [{ deleteProtected: false }, 403],
    [{ ttlDays: 1 }, 403],
    [{ expiresAt: null }, 403],
    [{ name: 'Other', deleteProtected: true }, 403],
  ])('changes its database by %j with %i', async (changes, status) => {
    const before = (await get('mine')).body.data
    const answer = await patch('mine', changes, pinned)
    expect(answer.status).toBe(status)
    if (status === 200) return expect(answer.body.data).toMatchObject(changes)
    expect(answer.body.code).toBe('token_pinned')
    expect((await get('mine')).body.data).toEqual(before)
  })

  test('changes no other database, and does not learn which exist', async () => {
    for (const slug of ['main', 'missing']) {
      expect((await patch(slug, { name: 'x' }, pinned)).body.code).toBe('token_pinned')
    }
  })
})

describe('a database with delete protection', () => {
  const protect = (slug: string) => patch(slug, { deleteProtected: true })
  const unprotect = (slug: string) => patch(slug, { deleteProtected: false })
  const refusal = (...databases: string[]) => ({ status: 409, body: { code: 'delete_protected', databases } })

  beforeAll(async () => {
    await create('guarded', { deleteProtected: true })
    await platform.database('acme', 'guarded', token).query('CREATE TABLE t (n)')
  })

  test('is not deleted by a token or a member, until the protection ends', async () => {
    expect(await remove('guarded')).toMatchObject(refusal('guarded'))
    const member = await owner.request('/api/namespaces/acme/databases/guarded', { method: 'DELETE' })
    expect(member).toMatchObject(refusal('guarded'))
    expect((await platform.database('acme', 'guarded', token).query('SELECT * FROM t')).status).toBe(200)
    await create('freed', { deleteProtected: true })
    await unprotect('freed')
    expect((await remove('freed')).status).toBe(200)
  })

  test('can still be used, branched and forked; its fork has no protection', async () => {
    expect((await as('/v1/db/acme/guarded/fork', { body: { slug: 'guarded-copy' } })).body.data.deleteProtected).toBe(
      false,
    )
    expect((await remove('guarded-copy')).status).toBe(200)
  })

  test('cannot expire', async () => {
    expect((await patch('guarded', { ttlDays: 1 })).body.code).toBe('invalid_input')
    await create('expiring', { ttlDays: 1 })
    expect((await protect('expiring')).body.code).toBe('invalid_input')
    expect((await patch('expiring', { deleteProtected: true, expiresAt: null })).body.data).toMatchObject({
      deleteProtected: true,
      expiresAt: null,
    })
    expect((await patch('expiring', { deleteProtected: false, ttlDays: 2 })).status).toBe(200)
  })

  test('protects a branch from its deletion, a reset, and the deletion of its parent', async () => {
    await create('parent')
    const at = '/v1/db/acme/parent/branches/kept'
    await as(at, { method: 'PUT', body: {} })
    expect((await protect('parent-kept')).status).toBe(200)
    expect(await as(at, { method: 'DELETE' })).toMatchObject(refusal('parent-kept'))
    expect(await as(at, { method: 'PUT', body: {} })).toMatchObject(refusal('parent-kept'))
    expect(await as('/v1/db/acme/parent/claim_branch', { body: { ref: 'kept' } })).toMatchObject(refusal('parent-kept'))
    expect(await remove('parent')).toMatchObject(refusal('parent-kept'))
    expect(await patch('parent', { ttlDays: 1 })).toMatchObject(refusal('parent-kept'))
    await unprotect('parent-kept')
    await patch('parent', { ttlDays: 1 })
    expect((await protect('parent-kept')).body.code).toBe('invalid_input')
    expect((await remove('parent')).status).toBe(200)
  })

  test('keeps its namespace from being deleted, which lists the first protected databases', async () => {
    const other = await owner.request('/api/namespaces', { body: { slug: 'other' } })
    expect(other.status).toBe(200)
    for (let n = 0; n < 7; n++) {
      const body = { slug: `p${n}`, deleteProtected: true }
      expect((await owner.request('/api/namespaces/other/databases', { body })).status).toBe(200)
    }
    const { status, body } = await owner.request('/api/namespaces/other', { method: 'DELETE' })
    expect([status, body.code, body.databases]).toEqual([
      409,
      'delete_protected',
      ['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6'],
    ])
    expect(body.error).toContain('"p4" and 2 more')
    expect((await owner.request('/api/namespaces/other/databases')).body.data.length).toBeGreaterThanOrEqual(7)
    for (let n = 0; n < 7; n++) {
      const change = { method: 'PATCH', body: { deleteProtected: false } }
      await owner.request(`/api/namespaces/other/databases/p${n}`, change)
    }
    expect((await owner.request('/api/namespaces/other', { method: 'DELETE' })).status).toBe(200)
  })
})

describe('a database that expires', () => {
  afterAll(() => setAhead(0))

  test('is deleted with its tokens when its time is over, unless the time was taken back', async () => {
    await create('brief', { ttlDays: 1 })
    await create('longer', { ttlDays: 1 })
    await create('forever', { ttlDays: 1 })
    const minted = await as('/v1/tokens', { body: { name: 'brief', databases: ['brief'] } })
    await patch('longer', { ttlDays: 5 })
    await patch('forever', { expiresAt: null })
    await setAhead(1.5 * DAY_MS)
    await expect.poll(async () => (await get('brief')).status).toBe(404)
    expect((await as('/v1/db/acme/brief/query', { body: { sql: 'SELECT 1' } }, minted.body.data.token)).status).toBe(
      401,
    )
    expect((await get('longer')).status).toBe(200)
    const [event] = (await listAudit()).filter(({ target }) => target === 'brief')
    expect(event).toMatchObject({ action: 'database.expired', actor: 'system' })
    await setAhead(6 * DAY_MS)
    await expect.poll(async () => (await get('longer')).status).toBe(404)
    expect((await get('forever')).status).toBe(200)
  })
})
