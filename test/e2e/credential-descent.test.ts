import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEndpoints, specs } from '../endpoints.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { speaker } from '../mcp/rpc.ts'
import { oauthClient } from '../oauth.ts'
import { subscribe } from '../socket.ts'

type Options = Parameters<TestPlatform['request']>[1]

let platform: TestPlatform
let owner: Awaited<ReturnType<TestPlatform['signUp']>>
let endpoints: Awaited<ReturnType<typeof createEndpoints>>
/** An admin token of the whole namespace, which the operator created. */
let admin: string

const N = '/api/namespaces/acme'
const D = '/v1/db/acme/main'

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1', PERSQL_WELCOME_CREDIT_USD: '1000' } })
  owner = await platform.signUp('acme@example.com')
  const acme = await platform.createNamespace('acme')
  admin = acme.token
  endpoints = await createEndpoints(platform, acme)
  for (const slug of ['other', 'third']) await as(admin, '/v1/databases', { body: { slug } })
  await endpoints.publish(specs.me)
})
afterAll(() => platform.stop())

const as = (token: string, path: string, options: Options = {}) => platform.request(path, { token, ...options })
const mint = (token: string, body: object = {}) => as(token, '/v1/tokens', { body: { name: 'x', ...body } })
const minted = async (token: string, body: object = {}) => {
  const answer = await mint(token, body)
  expect([answer.status, answer.body.error]).toEqual([200, undefined])
  return answer.body.data
}
const inConsole = async (body: object = {}) =>
  (await owner.request(`${N}/tokens`, { body: { name: 'x', ...body } })).body.data
const revoke = (token: string, id: string, query = '') => as(token, `/v1/tokens/${id}${query}`, { method: 'DELETE' })
const rotate = (token: string, id: string) => as(token, `/v1/tokens/${id}/rotate`, { body: {} })
/** The status with which a token is taken by a database, warm if it was used before. */
const opens = async (token: string, db = 'main', sql = 'SELECT 1') =>
  (await as(token, `/v1/db/acme/${db}/query`, { body: { sql } })).status
const code = ({ status, body }: { status: number; body: { code?: string; field?: string } }) =>
  [status, body.code, body.field].filter((part) => part !== undefined).join(' ')
const at = (iso: string | null) => Date.parse(iso ?? '')
const setAhead = (aheadMs: number) => as(platform.secret, '/api/dev/clock', { body: { aheadMs } })

describe('a token gives at most what it has', () => {
  test.each<[parent: object, child: object, effective: object | string]>([
    [{}, {}, { role: 'admin', tableScope: null, databases: null, expiresAt: null, claims: null }],
    [{}, { role: 'readonly', tableScope: ['notes'] }, { role: 'readonly', tableScope: ['notes'] }],
    [{ tableScope: ['notes', 'users'] }, {}, { role: 'admin', tableScope: ['notes', 'users'] }],
    [{ tableScope: ['notes', 'users'] }, { tableScope: ['USERS', 'secrets'] }, { tableScope: ['USERS'] }],
    [{ tableScope: ['notes'] }, { tableScope: ['notes', 'NOTES', 'Notes'] }, { tableScope: ['Notes'] }],
    [{ tableScope: ['notes'] }, { tableScope: ['users'] }, '400 exceeds_parent tableScope'],
    [{ tableScope: ['é'] }, { tableScope: ['É'] }, '400 exceeds_parent tableScope'],
    [{ databases: ['main', 'other'] }, {}, { databases: ['main', 'other'], database: null }],
    [{ databases: ['main', 'other'] }, { databases: ['other', 'third'] }, { databases: ['other'], database: 'other' }],
    [{ databases: ['main'] }, { databases: ['third'] }, '400 exceeds_parent databases'],
    [{ databases: ['main'] }, { databases: ['nowhere'] }, '400 exceeds_parent databases'],
    [{}, { databases: ['nowhere'] }, '404 database_not_found'],
    [{ claims: { team: 7 } }, {}, { claims: { team: 7 } }],
    [{ claims: { team: 7 } }, { claims: { user: 'ada' } }, { claims: { team: 7, user: 'ada' } }],
    [{ claims: { team: 7 } }, { claims: { team: 7 } }, { claims: { team: 7 } }],
    [{ claims: { team: 7 } }, { claims: { team: 8 } }, '400 exceeds_parent claims'],
    [{ claims: { team: 7 } }, { claims: { team: null } }, '400 exceeds_parent claims'],
    [{ claims: { team: 7 } }, { claims: { more: 'x'.repeat(4_080) } }, '400 exceeds_parent claims'],
    [{ expiresIn: 3600 }, { expiresIn: 3601 }, '400 exceeds_parent expiresIn'],
    [{ expiresIn: 3600 }, { expiresIn: 315_360_000 }, '400 exceeds_parent expiresIn'],
    [{ role: 'readwrite' }, {}, '403 role_insufficient'],
    [{ role: 'readonly' }, { role: 'readonly' }, '403 role_insufficient'],
  ])('%j creating %j', async (parent, child, effective) => {
    const { token, id } = await minted(admin, parent)
    const answer = await mint(token, child)
    if (typeof effective === 'string') expect(code(answer)).toBe(effective)
    else {
      expect(answer.body.data).toMatchObject({ ...effective, mintedBy: id, descendants: 0 })
      const { token: _, ...listed } = answer.body.data
      expect((await as(admin, '/v1/tokens')).body.data).toContainEqual(listed)
    }
  })

  test('and its time, or less', async () => {
    const { token, expiresAt } = await minted(admin, { expiresIn: 600 })
    expect((await minted(token)).expiresAt).toBe(expiresAt)
    expect(at((await minted(token, { expiresIn: 60 })).expiresAt)).toBeLessThan(at(expiresAt) - 500_000)
    const claimed = (await as(token, `${D}/claim_branch`, { body: { ref: 'brief' } })).body.data
    expect(claimed.expiresAt).toBe(expiresAt)
    for (const ttlSec of [0, 3600]) {
      expect(code(await as(token, `${D}/claim_branch`, { body: { ttlSec } }))).toBe('400 exceeds_parent ttlSec')
    }
    const handoff = (body: object) => as(token, `${D}/branches/brief/handoff`, { body })
    expect(code(await handoff({ ttlSec: 601 }))).toBe('400 exceeds_parent ttlSec')
    const { body } = await handoff({})
    expect(body.data.expiresAt).toBe(expiresAt)
    // The branch stays longer than the token that handed it off.
    await as(admin, `${D}/branches/brief`, { method: 'PATCH', body: { ttlDays: 1 } })
    const { data } = (await as('', '/v1/handoff/redeem', { token: undefined, body: { token: body.data.token } })).body
    expect(data.expiresAt).toBe(expiresAt)
    const session = { namespaceSlug: 'acme', databaseSlug: 'main', userId: 1 }
    expect(code(await as(token, '/v1/sessions', { body: { ...session, expiresIn: 3600 } }))).toBe(
      '400 exceeds_parent expiresIn',
    )
    const open = (await as(token, '/v1/sessions', { body: session })).body.data
    expect(at(open.expiresAt)).toBeLessThanOrEqual(at(expiresAt))
  })

  test('however it goes about it: the whole database stays closed to a scoped token and to all it creates', async () => {
    const scoped = await minted(admin, { tableScope: ['notes'] })
    const child = await minted(scoped.token)
    const other = await minted(admin)
    for (const { token } of [scoped, child]) {
      const attempts: [path: string, options: Options][] = [
        [`${D}/claim_branch`, { body: { role: 'admin' } }],
        [`${D}/fork`, { body: { slug: 'mine' } }],
        [`${D}/branches/x`, { method: 'PUT', body: {} }],
        [`${D}/branches/brief/handoff`, { body: {} }],
        ['/v1/sessions', { body: { namespaceSlug: 'acme', databaseSlug: 'main', userId: 1 } }],
        [`${D}/export`, {}],
        [`${D}/export?format=sqlite`, {}],
        [`${D}/session_key/rotate`, { body: {} }],
        ['/v1/databases/other', { method: 'DELETE' }],
        [`/v1/tokens/${other.id}`, { method: 'DELETE' }],
        [`/v1/tokens/${other.id}?children=keep`, { method: 'DELETE' }],
        [`/v1/tokens/${other.id}/rotate`, { body: {} }],
        [`${D}/endpoints/me`, {}],
        [`${D}/endpoints/me/publish`, { body: {} }],
        [`${D}/endpoints/me/versions`, {}],
        [`${D}/endpoints/me`, { method: 'DELETE' }],
      ]
      for (const [path, options] of attempts) {
        expect(code(await as(token, path, options)), path).toBe('403 not_for_scoped_token')
      }
      expect((await as(token, `${D}/endpoints`)).body.data).toEqual([])
      // The first call of an admin creates a database; a scoped one creates nothing.
      expect(code(await as(token, '/v1/db/acme/conjured/query', { body: { sql: 'SELECT 1' } }))).toBe(
        '404 database_not_found',
      )
      const { body } = await as(token, '/v1/databases')
      expect(body.data.map(({ rows, storedBytes }: { rows: null; storedBytes: null }) => [rows, storedBytes])).toEqual(
        body.data.map(() => [null, null]),
      )
      expect((await as(token, '/v1/tokens')).body.data.map(({ id }: { id: string }) => id)).toEqual(
        token === child.token ? [child.id] : [scoped.id, child.id],
      )
    }
    expect(await opens(other.token)).toBe(200)
  })

  test('and a scoped token publishes nothing that opens sessions, nor what a wider one saved', async () => {
    const { token } = await minted(admin, { tableScope: ['users'] })
    const save = (spec: object) => as(token, `${D}/endpoints`, { body: spec })
    for (const spec of [specs.signup, specs.login]) expect(code(await save(spec))).toBe('403 not_for_scoped_token')
    const own = { ...specs.list, slug: 'own', sql: 'SELECT email FROM users WHERE email = ?' }
    expect((await save(own)).status).toBe(200)
    const slugs = async (as_: string) =>
      (await as(as_, `${D}/endpoints`)).body.data.map(({ slug }: { slug: string }) => slug)
    expect(await slugs(token)).toEqual(['own'])
    expect(await slugs((await minted(admin, { tableScope: ['notes'] })).token)).toEqual([])
    // Saved once more by an admin it reaches further, so it is out of the scoped token's hands.
    await as(admin, `${D}/endpoints/own`, { method: 'PATCH', body: { name: 'Wider' } })
    expect(code(await as(token, `${D}/endpoints/own/pause`, { body: {} }))).toBe('403 not_for_scoped_token')
    await as(admin, `${D}/endpoints/own`, { method: 'DELETE' })
  })
})

describe('what a token created ends with it', () => {
  test('the whole tree in one answer: tokens, branches, handoffs, sessions, and warm connections', async () => {
    const parent = await minted(admin)
    const child = await minted(parent.token)
    const grandchild = await minted(child.token, { role: 'readonly' })
    const branch = (await as(child.token, `${D}/claim_branch`, { body: { ref: 'tree' } })).body.data
    const handoff = async () => (await as(child.token, `${D}/branches/tree/handoff`, { body: {} })).body.data.token
    const redeem = (secret: string) => platform.request('/v1/handoff/redeem', { body: { token: secret } })
    const [used, unused] = [await handoff(), await handoff()]
    const redeemed = (await redeem(used)).body.data
    const session = { namespaceSlug: 'acme', databaseSlug: 'main', userId: 1 }
    const sessions = [parent, child].map(async ({ token }) => as(token, '/v1/sessions', { body: session }))
    const opened = (await Promise.all(sessions)).map(({ body }) => body.data.token)
    const bystander = await minted(admin)
    const stays = (await as(bystander.token, '/v1/sessions', { body: session })).body.data.token
    const listener = await subscribe(`${platform.url}${D}/subscribe`, { token: grandchild.token })
    const me = async (token: string) => (await endpoints.call('me', { token })).status
    const tree = [parent.token, child.token, grandchild.token]
    for (const token of tree) expect(await opens(token)).toBe(200)
    for (const { token, databaseSlug } of [branch, redeemed]) expect(await opens(token, databaseSlug)).toBe(200)
    for (const token of [...opened, stays]) expect(await me(token)).toBe(200)
    const listed = (await as(admin, '/v1/tokens')).body.data.find(({ id }: { id: string }) => id === parent.id)
    // A child, a grandchild, the tokens of the branch and of the handoff, and the handoff that is open.
    expect(listed.descendants).toBe(5)

    const answer = await revoke(admin, parent.id)
    expect(answer.body.data).toEqual({ revoked: true, alsoRevoked: 5 })
    for (const token of tree) expect(await opens(token)).toBe(401)
    for (const { token, databaseSlug } of [branch, redeemed]) expect(await opens(token, databaseSlug)).toBe(401)
    expect((await redeem(unused)).body.code).toBe('handoff_not_found')
    for (const token of opened) expect(await me(token)).toBe(401)
    expect([await opens(bystander.token), await me(stays)]).toEqual([200, 200])
    await listener.until(({ type, message }) => type === 'error' && message === 'token_unknown')
    expect((await as(admin, `${D}/branches/tree`)).status).toBe(200)
  })

  test('also at a database that was asleep when it ended', async () => {
    const { token, id } = await minted(admin)
    const slug = 'asleep'
    const target = await createEndpoints(platform, { ...(await platform.createNamespace('acme')) }, slug)
    await target.publish(specs.me)
    const body = { namespaceSlug: 'acme', databaseSlug: slug, userId: 1 }
    const session = (await as(token, '/v1/sessions', { body })).body.data.token
    expect((await target.call('me', { token: session })).status).toBe(200)
    await platform.restart()
    await revoke(admin, id)
    await setAhead(15 * 60_000)
    expect((await target.call('me', { token: session })).status).toBe(401)
    await setAhead(0)
  })

  test('while what members created in the console outlives them', async () => {
    const member = await join('minter@example.com', 'admin')
    const { body } = await member.request(`${N}/tokens`, { body: { name: 'of the namespace' } })
    const { token, mintedBy } = body.data
    const child = await minted(token)
    await owner.request(`${N}/members/${member.userId}`, { method: 'DELETE' })
    expect([mintedBy, await opens(token), await opens(child.token)]).toEqual([null, 200, 200])
  })

  test('and with what it was created by, when that has had its time', async () => {
    const parent = await minted(admin, { expiresIn: 600 })
    const child = await minted(parent.token)
    expect(await opens(child.token)).toBe(200)
    await setAhead(601_000)
    expect(await opens(child.token)).toBe(401)
    await setAhead(0)
  })

  test('a token that creates others while it is being revoked keeps nothing', async () => {
    for (let round = 0; round < 6; round++) {
      const parent = await minted(admin)
      const claims = Array.from({ length: 2 }, (_, i) =>
        as(parent.token, `${D}/claim_branch`, { body: { ref: `race-${i}` } }),
      )
      const creations = Array.from({ length: 8 }, () => mint(parent.token))
      const [ended, ...answers] = await Promise.all([revoke(admin, parent.id), ...creations, ...claims])
      expect(ended.status).toBe(200)
      for (const { status, body } of answers) {
        expect([200, 401], JSON.stringify(body)).toContain(status)
        if (status === 200) expect(await opens(body.data.token, body.data.databaseSlug ?? 'main')).toBe(401)
      }
    }
  })

  test('and a crash in the middle leaves all of them, or none', async () => {
    for (let round = 0; round < 4; round++) {
      const parent = await minted(admin)
      const tree = [parent]
      for (let i = 0; i < 4; i++) tree.push(await minted((tree.at(-1) as { token: string }).token))
      const answer = revoke(admin, parent.id).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, round * 3))
      await platform.kill()
      await answer
      await platform.restart()
      const statuses = new Set(await Promise.all(tree.map(({ token }) => opens(token))))
      expect(statuses.size, JSON.stringify([...statuses])).toBe(1)
      if (statuses.has(200)) expect((await revoke(admin, parent.id)).body.data.alsoRevoked).toBe(4)
    }
  })
})

describe('children=keep', () => {
  test('keeps what the caller could create, and makes it the creation of the caller', async () => {
    const keeper = await minted(admin)
    const parent = await minted(admin)
    const child = await minted(parent.token)
    const grandchild = await minted(child.token)
    expect((await revoke(keeper.token, parent.id, '?children=keep')).body.data).toEqual({
      revoked: true,
      alsoRevoked: 0,
    })
    expect([await opens(parent.token), await opens(child.token), await opens(grandchild.token)]).toEqual([
      401, 200, 200,
    ])
    expect((await as(child.token, '/v1/me')).status).toBe(200)
    expect((await revoke(admin, keeper.id)).body.data.alsoRevoked).toBe(2)
    expect([await opens(child.token), await opens(grandchild.token)]).toEqual([401, 401])
  })

  test('by a member makes it a token of the namespace', async () => {
    const parent = await inConsole()
    const child = await minted(parent.token)
    await owner.request(`${N}/tokens/${parent.id}?children=keep`, { method: 'DELETE' })
    const listed = (await as(admin, '/v1/tokens')).body.data.find(({ id }: { id: string }) => id === child.id)
    expect([await opens(parent.token), await opens(child.token), listed.mintedBy]).toEqual([401, 200, null])
  })

  test.each<[who: string, by: (tree: Tree) => string, target: (tree: Tree) => string, refusal: string]>([
    ['the token itself', ({ parent }) => parent.token, ({ parent }) => parent.id, '400 exceeds_parent children'],
    ['a child, to outlive it', ({ child }) => child.token, ({ parent }) => parent.id, '400 exceeds_parent children'],
    ['a grandchild', ({ grandchild }) => grandchild.token, ({ parent }) => parent.id, '400 exceeds_parent children'],
    ['one that ends sooner', ({ short }) => short.token, ({ parent }) => parent.id, '400 exceeds_parent expiresIn'],
    ['a scoped one', ({ scoped }) => scoped.token, ({ parent }) => parent.id, '403 not_for_scoped_token'],
    ['one for some databases', ({ pinned }) => pinned.token, ({ parent }) => parent.id, '403 token_pinned'],
    ['one with a claim', ({ claimed }) => claimed.token, ({ parent }) => parent.id, '400 exceeds_parent claims'],
  ])('by %s is refused, and nothing ends', async (_who, by, target, refusal) => {
    const tree = await plant()
    expect(code(await revoke(by(tree), target(tree), '?children=keep'))).toBe(refusal)
    for (const { token } of Object.values(tree)) expect(await opens(token, 'main', 'SELECT 1')).toBe(200)
  })
})

type Tree = Awaited<ReturnType<typeof plant>>
async function plant() {
  const parent = await minted(admin)
  const child = await minted(parent.token)
  const grandchild = await minted(child.token)
  const short = await minted(admin, { expiresIn: 900 })
  const scoped = await minted(admin, { tableScope: ['notes'] })
  const pinned = await minted(admin, { databases: ['main'] })
  const claimed = await minted(admin, { claims: { team: 7 } })
  return { parent, child, grandchild, short, scoped, pinned, claimed }
}

describe('a rotation', () => {
  test('answers as creation does, refuses the old secret immediately, and keeps row and children', async () => {
    const before = await minted(admin, { tableScope: ['notes'], claims: { team: 7 } })
    const child = await minted(before.token)
    for (const db of ['main', 'other']) expect(await opens(before.token, db)).toBe(200)
    const listener = await subscribe(`${platform.url}${D}/subscribe`, { token: before.token })
    const { data } = (await rotate(admin, before.id)).body
    expect(data).toEqual({
      ...before,
      token: expect.stringMatching(/^psql_live_acme_/),
      preview: expect.any(String),
      descendants: 1,
    })
    expect([data.token === before.token, data.preview === before.preview]).toEqual([false, false])
    for (const db of ['main', 'other']) {
      expect([await opens(before.token, db), await opens(data.token, db), await opens(child.token, db)]).toEqual([
        401, 200, 200,
      ])
    }
    await listener.until(({ type, message }) => type === 'error' && message === 'token_unknown')
    expect((await as(before.token, '/v1/me')).body.code).toBe('token_unknown')
    const again = (await rotate(data.token, data.id)).body.data
    expect([await opens(data.token), await opens(again.token)]).toEqual([401, 200])
    await platform.restart()
    expect([await opens(before.token), await opens(data.token), await opens(again.token)]).toEqual([401, 401, 200])
    expect((await revoke(admin, before.id)).body.data.alsoRevoked).toBe(1)
    expect([await opens(again.token), await opens(child.token)]).toEqual([401, 401])
  })

  test('keeps sessions and idempotent answers of the token', async () => {
    const { token, id } = await minted(admin)
    const body = { namespaceSlug: 'acme', databaseSlug: 'main', userId: 1 }
    const session = (await as(token, '/v1/sessions', { body })).body.data.token
    const headers = { 'idempotency-key': 'once' }
    const insert = { body: { sql: 'INSERT INTO notes (text) VALUES (hex(randomblob(8)))' }, headers }
    await as(token, `${D}/query`, insert)
    const { data } = (await rotate(admin, id)).body
    expect((await as(data.token, `${D}/query`, insert)).headers.get('idempotency-replayed')).toBe('true')
    expect((await endpoints.call('me', { token: session })).status).toBe(200)
  })

  test('of two in parallel leaves one good secret, and nothing is created with a replaced one', async () => {
    for (let round = 0; round < 4; round++) {
      const { token, id } = await minted(admin)
      const calls = [rotate(token, id), rotate(token, id), rotate(admin, id), mint(token), mint(token)]
      const [a, b, c, ...children] = await Promise.all(calls)
      const secrets = [a, b, c].flatMap((one) => (one?.status === 200 ? [one.body.data.token] : []))
      const good = await Promise.all([token, ...secrets].map((secret) => opens(secret)))
      expect(good.filter((status) => status === 200)).toHaveLength(1)
      for (const { status } of children) expect([200, 401]).toContain(status)
    }
  })

  test.each<[who: string, by: (tree: Tree) => string, target: (tree: Tree) => string, refusal: string]>([
    ['a child of its parent', ({ child }) => child.token, ({ parent }) => parent.id, '400 exceeds_parent expiresIn'],
    ['a grandchild', ({ grandchild }) => grandchild.token, ({ parent }) => parent.id, '400 exceeds_parent expiresIn'],
    ['one that ends sooner', ({ short }) => short.token, ({ parent }) => parent.id, '400 exceeds_parent expiresIn'],
    ['a scoped one', ({ scoped }) => scoped.token, ({ parent }) => parent.id, '403 not_for_scoped_token'],
    [
      'a scoped one of a smaller one',
      ({ scoped }) => scoped.token,
      ({ pinned }) => pinned.id,
      '403 not_for_scoped_token',
    ],
    ['one for some databases', ({ pinned }) => pinned.token, ({ parent }) => parent.id, '403 token_pinned'],
    ['one with a claim', ({ claimed }) => claimed.token, ({ parent }) => parent.id, '400 exceeds_parent claims'],
  ])('by %s is refused', async (_who, by, target, refusal) => {
    const tree = await plant()
    expect(code(await rotate(by(tree), target(tree)))).toBe(refusal)
    for (const { token } of Object.values(tree)) expect(await opens(token)).toBe(200)
  })

  test('by another token makes it end with that one, as a new token would', async () => {
    const [a, b] = [await minted(admin), await inConsole()]
    const { data } = (await rotate(a.token, b.id)).body
    expect([data.mintedBy, await opens(b.token), await opens(data.token)]).toEqual([a.id, 401, 200])
    expect((await revoke(admin, a.id)).body.data.alsoRevoked).toBe(1)
    expect(await opens(data.token)).toBe(401)
  })

  test('that a crash cuts off happened or did not, and can be repeated in the console', async () => {
    for (let round = 0; round < 4; round++) {
      const { token, id } = await minted(admin)
      const child = await minted(token)
      const answer = rotate(token, id).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, round * 2))
      await platform.kill()
      const secret = (await answer)?.body.data?.token as string | undefined
      await platform.restart()
      const before = await opens(token)
      expect([200, 401]).toContain(before)
      if (secret !== undefined) expect([before, await opens(secret)]).toEqual([401, 200])
      expect(await opens(child.token)).toBe(200)
      const { data } = (await owner.request(`${N}/tokens/${id}/rotate`, { body: {} })).body
      expect([await opens(token), await opens(data.token), await opens(child.token)]).toEqual([401, 200, 200])
    }
  })

  test.each(['revoked', 'expired', 'unknown'])('of one that is %s finds nothing', async (state) => {
    const { id } = await minted(admin, { expiresIn: 60 })
    if (state === 'revoked') await revoke(admin, id)
    if (state === 'expired') await setAhead(61_000)
    expect(code(await rotate(admin, state === 'unknown' ? 'tok_none' : id))).toBe('404 token_not_found')
    await setAhead(0)
  })
})

async function join(email: string, role: string) {
  const { body } = await owner.request(`${N}/invitations`, { body: { email, role } })
  const user = await platform.signUp(email)
  await user.request(`/api/invitations/${new URL(body.data.link).pathname.split('/').at(-1)}/accept`, { body: {} })
  return user
}

describe('an app', () => {
  const flow = () => ({ namespace: 'acme', resource: `${platform.url}/v1`, choice: { role: 'admin' } })
  const letIn = async (session = owner, more: object = {}) => {
    const client = oauthClient(platform, session)
    const given = await client.tokens({ ...flow(), ...more })
    const grants = (await session.request(`${N}/oauth_grants`)).body.data
    const grant = grants.find(({ clientId }: { clientId: string }) => clientId === given.clientId)
    return { ...given, grant, client }
  }

  test('is let out with all that it created, and that is said before and after', async () => {
    const { access, grant } = await letIn()
    const child = await minted(access)
    const grandchild = await minted(child.token)
    const branch = (await as(access, `${D}/claim_branch`, { body: { ref: 'of-app' } })).body.data
    const handoff = (await as(access, `${D}/branches/of-app/handoff`, { body: {} })).body.data.token
    const body = { namespaceSlug: 'acme', databaseSlug: 'main', userId: 1 }
    const session = (await as(access, '/v1/sessions', { body })).body.data.token
    expect((await endpoints.call('me', { token: session })).status).toBe(200)
    expect([child.mintedBy, child.expiresAt, await opens(grandchild.token)]).toEqual([grant.id, null, 200])
    const grants = (await owner.request(`${N}/oauth_grants`)).body.data
    expect(grants.find(({ id }: { id: string }) => id === grant.id).descendants).toBe(4)
    const answer = await owner.request(`${N}/oauth_grants/${grant.id}`, { method: 'DELETE' })
    expect(answer.body.data).toEqual({ revoked: true, alsoRevoked: 4 })
    for (const token of [access, child.token, grandchild.token]) expect(await opens(token)).toBe(401)
    expect(await opens(branch.token, branch.databaseSlug)).toBe(401)
    expect((await platform.request('/v1/handoff/redeem', { body: { token: handoff } })).status).toBe(404)
    expect((await endpoints.call('me', { token: session })).status).toBe(401)
  })

  test.each(['a token of it is revoked', 'it gives its access back', 'its refresh token comes twice'])(
    'ends with what it created when %s',
    async (how) => {
      const { access, refresh, clientId, client, grant } = await letIn()
      const child = await minted(access)
      expect(await opens(child.token)).toBe(200)
      if (how.startsWith('a token')) {
        const all = (await as(admin, '/v1/tokens')).body.data
        const own = all.filter(
          ({ preview, descendants }: { preview: string; descendants: number }) =>
            preview === 'app' && descendants === 1,
        )
        expect((await revoke(admin, own.at(-1).id)).body.data).toEqual({ revoked: true, alsoRevoked: 1 })
      } else if (how.startsWith('it gives')) await client.form('/oauth/revoke', { token: refresh, client_id: clientId })
      else {
        await client.refresh(clientId, refresh)
        await setAhead(10 * 60_000)
        await client.refresh(clientId, refresh)
        await setAhead(0)
      }
      expect([await opens(child.token), await opens(access)]).toEqual([401, 401])
      expect((await owner.request(`${N}/oauth_grants`)).body.data).not.toContainEqual(
        expect.objectContaining({ id: grant.id }),
      )
    },
  )

  test('renews its token, and what it created stays', async () => {
    const { access, refresh, clientId, client } = await letIn()
    const child = await minted(access)
    await client.refresh(clientId, refresh)
    expect(await opens(child.token)).toBe(200)
  })

  test('that is not used for 30 days ends with what it created', async () => {
    const { access } = await letIn()
    const child = await minted(access)
    const grandchild = await minted(child.token)
    expect(await opens(grandchild.token)).toBe(200)
    await setAhead(31 * 86_400_000)
    expect([await opens(child.token), await opens(grandchild.token)]).toEqual([401, 401])
    await setAhead(0)
  })

  test.each<[what: string, change: (userId: string) => Promise<unknown>, status: number]>([
    ['leaves', (userId) => owner.request(`${N}/members/${userId}`, { method: 'DELETE' }), 401],
    ['becomes an editor', (userId) => setRole(userId, 'editor'), 401],
    ['becomes a viewer', (userId) => setRole(userId, 'viewer'), 401],
    ['becomes an owner', (userId) => setRole(userId, 'owner'), 200],
  ])('whose member %s: what it created follows', async (what, change, status) => {
    const member = await join(`${what.replaceAll(' ', '-')}@example.com`, 'admin')
    const { access } = await letIn(member)
    const child = await minted(access)
    const grandchild = await minted(child.token)
    expect(await opens(grandchild.token)).toBe(200)
    await change(member.userId)
    expect([await opens(child.token), await opens(grandchild.token)]).toEqual([status, status])
  })

  test('creates nothing beyond its databases, its role, or the role of its member', async () => {
    const some = await letIn(owner, { choice: { role: 'admin', which: 'some', database: 'main' } })
    expect(await minted(some.access)).toMatchObject({ databases: ['main'], role: 'admin' })
    expect(code(await mint(some.access, { databases: ['other'] }))).toBe('400 exceeds_parent databases')
    expect(code(await as(some.access, `${D}/claim_branch`, { body: {} }))).toBe('403 token_pinned')
    const readwrite = await letIn(owner, { choice: { role: 'readwrite' } })
    expect(code(await mint(readwrite.access))).toBe('403 role_insufficient')
    const editor = await letIn(await join('only-editor@example.com', 'editor'))
    expect(code(await mint(editor.access))).toBe('403 role_insufficient')
    expect(code(await as(editor.access, `${D}/claim_branch`, { body: {} }))).toBe('403 role_insufficient')
  })

  test('does not replace its own token, nor those of other apps, but can end them', async () => {
    const { access } = await letIn()
    const { tokenId } = (await as(access, '/v1/me')).body.data
    expect(code(await rotate(access, tokenId))).toBe('400 invalid_input')
    expect((await revoke(access, tokenId)).status).toBe(200)
    expect(await opens(access)).toBe(401)
  })
})

test('an app of the MCP door gives tokens for every door, and the door that only reads creates nothing', async () => {
  const { access } = await oauthClient(platform, owner).tokens({ namespace: 'acme', choice: { role: 'admin' } })
  const all = speaker(platform, access, '/mcp?tools=all')
  const claimed = (await all.call('claim_branch', { database: 'main', ref: 'by-mcp' })).structuredContent
  expect(await opens(claimed.token, claimed.databaseSlug)).toBe(200)
  const reading = speaker(platform, admin, '/mcp?readonly=1&tools=all')
  const refused = await reading.call('query', { database: 'conjured', sql: 'SELECT 1' })
  expect([refused.isError, refused.structuredContent.code]).toEqual([true, 'database_not_found'])
  expect((await reading.call('create_token', { name: 'x' })).isError ?? true).toBe(true)
  const slugs = (await as(admin, '/v1/databases')).body.data.map(({ slug }: { slug: string }) => slug)
  expect(slugs).not.toContain('conjured')
})

const setRole = (userId: string, role: string) =>
  owner.request(`${N}/members/${userId}`, { method: 'PATCH', body: { role } })

test('a schedule runs with the access that its token had, also when that has ended', async () => {
  const { token, id } = await minted(admin, { tableScope: ['notes'] })
  const body = { name: 'x', sql: "INSERT INTO notes (text) VALUES ('by schedule')", intervalSec: 60 }
  const schedule = (await as(token, `${D}/schedules`, { body })).body.data
  await as(admin, `${D}/query`, { body: { sql: 'CREATE TABLE closed (n)' } })
  await as(admin, `${D}/query`, {
    body: { sql: 'CREATE TRIGGER reach AFTER INSERT ON notes BEGIN INSERT INTO closed VALUES (1); END' },
  })
  await revoke(admin, id)
  const ran = (await as(admin, `${D}/schedules/${schedule.id}/run`, { body: {} })).body.data
  expect(ran).toMatchObject({ lastStatus: 'error', lastError: expect.stringContaining('closed') })
  await as(admin, `${D}/query`, { body: { sql: 'DROP TRIGGER reach' } })
  expect((await as(admin, `${D}/schedules/${schedule.id}/run`, { body: {} })).body.data.lastStatus).toBe('ok')
})
