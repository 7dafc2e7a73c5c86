import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  acme = await platform.createNamespace('acme')
  await acme.db().batch([{ sql: 'CREATE TABLE open (n)' }, { sql: 'CREATE TABLE closed (n)' }])
})
afterAll(() => platform.stop())

const mint = async (body: object) =>
  (await platform.request('/v1/tokens', { token: acme.token, body: { name: 'a test', ...body } })).body.data
const list = async () => (await platform.request('/v1/tokens', { token: acme.token })).body.data
const status = async (token: string, sql: string) => (await platform.database('acme', 'main', token).query(sql)).status
const setAhead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
const me = (token: string) => platform.request('/v1/me', { token })

test('the secret is in the answer that mints it, and nowhere else', async () => {
  const { token, ...rest } = await mint({
    name: 'reports',
    role: 'readonly',
    tableScope: ['open'],
    claims: { team: 7 },
  })
  expect(token).toMatch(/^psql_live_acme_[0-9A-Za-z]{38}$/)
  expect(rest).toEqual({
    id: expect.stringMatching(/^tok_/),
    name: 'reports',
    role: 'readonly',
    tableScope: ['open'],
    origins: null,
    claims: { team: 7 },
    database: null,
    databases: null,
    select: null,
    operations: null,
    preview: expect.any(String),
    createdAt: expect.stringMatching(/^20\d\d-.*Z$/),
    expiresAt: null,
    mintedBy: acme.tokenId,
    parentId: acme.tokenId,
    descendants: 0,
  })
  const secret = token.split('_').at(-1)
  expect(rest.preview).toContain(secret.slice(0, 4))
  expect(rest.preview).toContain(secret.slice(-4))
  expect(await list()).toContainEqual(rest)
  expect(JSON.stringify(await list())).not.toContain(secret)
  // Use the token, so every store of it has been written, then search all files of the instance.
  await status(token, 'SELECT * FROM open')
  await delay(1_500)
  const found = await promisify(execFile)('grep', ['-rlF', secret, platform.data]).catch(({ code }) => code)
  expect(found).toBe(1)
})

test.each([
  { role: 'readonly', read: 200, write: 403, schema: 403, tokens: 403 },
  { role: 'readwrite', read: 200, write: 200, schema: 403, tokens: 403 },
  { role: 'admin', read: 200, write: 200, schema: 200, tokens: 200 },
])('$role may do its part', async ({ role, read, write, schema, tokens }) => {
  const { token, id } = await mint({ role })
  expect((await me(token)).body.data).toEqual({
    namespaceSlug: 'acme',
    namespaceId: acme.namespace.id,
    role,
    tokenId: id,
    database: null,
    branch: null,
    libsqlUrl: null,
    databases: null,
    branchRef: null,
    select: null,
    operations: null,
    tableScope: null,
    origins: null,
    expiresAt: null,
  })
  expect(await status(token, 'SELECT * FROM open')).toBe(read)
  expect(await status(token, 'INSERT INTO open VALUES (1)')).toBe(write)
  expect(await status(token, 'CREATE TABLE IF NOT EXISTS more (n)')).toBe(schema)
  expect((await platform.request('/v1/tokens', { token })).status).toBe(tokens)
})

test('a scoped token touches its tables and no other', async () => {
  const { token } = await mint({ role: 'readwrite', tableScope: ['open'] })
  expect(await status(token, 'INSERT INTO OPEN VALUES (2)')).toBe(200)
  expect(await status(token, 'SELECT * FROM open, closed')).toBe(403)
  expect(await status(token, 'INSERT INTO closed SELECT n FROM open')).toBe(403)
})

test('a token ends at its time, warm or cold, and leaves the list', async () => {
  const { token, id, expiresAt } = await mint({ role: 'readonly', expiresIn: 3_600 })
  expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now())
  expect(await status(token, 'SELECT 1')).toBe(200)
  await setAhead(3_600_000)
  expect(await status(token, 'SELECT 1')).toBe(401)
  expect((await me(token)).status).toBe(401)
  expect(await list()).not.toContainEqual(expect.objectContaining({ id }))
  await setAhead(0)
})

test('a revoked token is refused from the answer on, and only it', async () => {
  const [doomed, other] = [await mint({}), await mint({})]
  expect(await status(doomed.token, 'SELECT 1')).toBe(200)
  const answer = await platform.request(`/v1/tokens/${doomed.id}`, { method: 'DELETE', token: acme.token })
  expect(answer.body.data).toEqual({ revoked: true, alsoRevoked: 0 })
  expect(await status(doomed.token, 'SELECT 1')).toBe(401)
  expect((await me(doomed.token)).body.code).toBe('token_unknown')
  expect(await status(other.token, 'SELECT 1')).toBe(200)
  const again = await platform.request(`/v1/tokens/${doomed.id}`, { method: 'DELETE', token: acme.token })
  expect([again.status, again.body.code]).toEqual([404, 'token_not_found'])
})

test('one mistyped character is found out by the checksum, before any object is asked', async () => {
  const at = acme.token.length - 10
  const typo = acme.token.slice(0, at) + (acme.token[at] === 'a' ? 'b' : 'a') + acme.token.slice(at + 1)
  const { status, body } = await me(typo)
  expect([status, body.code]).toEqual([401, 'token_malformed'])
})

test('a token of one namespace opens no other', async () => {
  const other = await platform.createNamespace('other')
  const { status, body } = await platform.database('acme', 'main', other.token).query('SELECT 1')
  expect([status, body.code]).toEqual([403, 'namespace_mismatch'])
})
