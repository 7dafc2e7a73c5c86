import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
let main: ReturnType<SharedPlatform['database']>

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
  main = acme.db()
  await main.query('CREATE TABLE t (id INTEGER PRIMARY KEY)')
})
afterAll(() => platform.stop())

const at = (ref: string, suffix = '') => `/branches/${encodeURIComponent(ref)}${suffix}`

test.each([
  'main',
  'feature/login-2',
  'dependabot/npm_and_yarn/@types/node-20',
  'renovate/eslint-9.x',
  'fix#123',
  'fix/#123/%23',
  'feature%2Fencoded',
  '100%',
  'user@host',
  '@x',
  'a+b=c&d',
  'semi;colon,comma',
  '"quoted"',
  "it's",
  '(paren){brace}',
  'a.b/c.d',
  'a./b',
  'lock.locked',
  'under_score_',
  '_leading',
  'x.lockx',
  'trailing-',
  'ветка/привет',
  '功能/登录',
  'emoji-🙂',
  'Ünïcödé',
  'x'.repeat(65),
  'x'.repeat(255),
  `${'é'.repeat(127)}x`,
  `🙂/${'y'.repeat(250)}`,
])('%s is the name of a branch, at every call', async (ref) => {
  const claimed = await main.request('/claim_branch', { body: { ref, role: 'admin' } })
  expect([claimed.body.error, claimed.body.data?.branchRef]).toEqual([undefined, ref])
  const { databaseSlug, token } = claimed.body.data
  expect(databaseSlug).toMatch(/^main-[a-z0-9-]{1,58}$/)
  const branch = platform.database(ns, databaseSlug, token)
  expect((await branch.query('INSERT INTO t DEFAULT VALUES')).status).toBe(200)
  expect((await main.request(at(ref))).body.data).toMatchObject({ branchRef: ref, slug: databaseSlug })
  expect((await main.request(at(ref, '/merge'), { body: { mode: 'data' } })).body.data.data.tables).toHaveLength(1)
  expect((await main.request(at(ref, '/handoff'), { body: {} })).body.data.token).toMatch(/^phand_/)
  expect((await main.request(at(ref), { method: 'PUT', body: {} })).body.data.slug).toBe(databaseSlug)
  const listed = (await main.request('/branches')).body.data.map((one: { branchRef: string }) => one.branchRef)
  expect(listed).toContain(ref)
  expect((await main.request(at(ref), { method: 'DELETE' })).body.data).toEqual({ deleted: true })
  expect((await main.request(at(ref))).body.code).toBe('branch_not_found')
})

test.each([
  '',
  '-x',
  '/x',
  'x/',
  'a//b',
  '.x',
  'a/.b',
  'a..b',
  'x.',
  'x.lock',
  'x.lock/y',
  'a b',
  'a~1',
  'a^',
  'a:b',
  'a?',
  'a*',
  'a[b',
  'a\\b',
  'a@{b',
  '@',
  'HEAD',
  'a\u0000b',
  'a\tb',
  'a\nb',
  'a\u007f',
  'a\u0085',
  '\ud800',
  'x'.repeat(256),
  'é'.repeat(128),
  '🙂'.repeat(64),
])('%j is none, as git says', async (ref) => {
  const claimed = await main.request('/claim_branch', { body: { ref } })
  expect([claimed.status, claimed.body.code]).toEqual([400, 'invalid_input'])
  if (!ref.isWellFormed() || ref === '' || /^\/|\/$/.test(ref)) return
  const put = await main.request(at(ref), { method: 'PUT', body: {} })
  expect([put.status, put.body.code]).toEqual([400, 'invalid_input'])
  const got = await main.request(at(ref))
  expect(['branch_not_found', 'invalid_input']).toContain(got.body.code)
})

test('names that make one slug get one each, also when they are long', async () => {
  const refs = ['a/b', 'a-b', 'A/B', 'a#b', 'a@b', ...['x', 'y', 'z'].map((end) => `${'long/'.repeat(20)}${end}`)]
  const slugs = new Set<string>()
  for (const ref of refs) {
    const { body } = await main.request('/claim_branch', { body: { ref } })
    slugs.add(body.data.databaseSlug)
  }
  expect(slugs.size).toBe(refs.length)
  for (const slug of slugs) expect(slug).toMatch(/^main-[a-z0-9-]{1,58}$/)
})
