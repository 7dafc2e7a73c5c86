import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

type Options = Parameters<TestPlatform['request']>[1]

let platform: TestPlatform
/** An admin token of the whole namespace. */
let admin: string

let made = 0
const databases = ['cust', 'cust-1', 'cust-2', 'cust-10', 'eu-cust', 'main', 'other']
/** Slugs of branches, by parent and ref. Their text looks like that of other databases. */
const branches: Record<string, string> = {}

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1', PERSQL_WELCOME_CREDIT_USD: '1000' } })
  admin = (await platform.createNamespace('acme')).token
  for (const slug of databases) if (slug !== 'main') await as(admin, '/v1/databases', { body: { slug } })
  for (const [db, ref] of [
    ['cust', '3'],
    ['cust-1', 'x'],
    ['main', 'x'],
  ] as const) {
    const { body } = await as(admin, `/v1/db/acme/${db}/branches/${ref}`, { method: 'PUT', body: {} })
    branches[`${db}/${ref}`] = body.data.slug
  }
})
afterAll(() => platform.stop())

const as = (token: string, path: string, options: Options = {}) => platform.request(path, { token, ...options })
const minted = async (token: string, body: object) => {
  const answer = await as(token, '/v1/tokens', { body: { name: 'x', ...body } })
  expect([answer.status, answer.body.error]).toEqual([200, undefined])
  return answer.body.data
}
const code = ({ status, body }: { status: number; body: { code?: string } }) =>
  body.code === undefined ? `${status}` : `${status} ${body.code}`
const query = async (token: string, db: string, sql = 'SELECT 1') =>
  code(await as(token, `/v1/db/acme/${db}/query`, { body: { sql } }))
const listed = async (token: string, search = '') =>
  ((await as(token, `/v1/databases${search}`)).body.data as { slug: string }[]).map(({ slug }) => slug)
const create = async (token: string, slug: string) => code(await as(token, '/v1/databases', { body: { slug } }))
const drop = async (token: string, slug: string) => code(await as(token, `/v1/databases/${slug}`, { method: 'DELETE' }))

describe('a token opens the databases that it selects, and lists exactly these', () => {
  test.each<[select: { databases: string[]; branches?: boolean }, open: string[], branches?: string[]]>([
    [{ databases: ['cust-*'] }, ['cust-1', 'cust-10', 'cust-2']],
    [{ databases: ['cust-1*'] }, ['cust-1', 'cust-10']],
    [{ databases: ['*'] }, databases],
    [{ databases: ['*cust*'] }, ['cust', 'cust-1', 'cust-10', 'cust-2', 'eu-cust']],
    [{ databases: ['*-cust', 'main'] }, ['eu-cust', 'main']],
    [{ databases: ['c*1*'] }, ['cust-1', 'cust-10']],
    [{ databases: ['nothing-*'] }, []],
    [{ databases: ['cust-*'], branches: true }, ['cust-1', 'cust-10', 'cust-2'], ['cust-1/x']],
    [{ databases: ['main'], branches: true }, ['main'], ['main/x']],
    [{ databases: ['cust'], branches: true }, ['cust'], ['cust/3']],
    [{ databases: ['*'], branches: true }, databases, ['cust/3', 'cust-1/x', 'main/x']],
  ])('%j', async (select, open, ofBranches = []) => {
    const { token } = await minted(admin, { ...select, role: 'readonly' })
    const slugs = [...open, ...ofBranches.map((name) => branches[name] as string)].sort()
    expect(await listed(token)).toEqual(slugs)
    const pages: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await as(token, `/v1/databases?pageSize=2${cursor && `&cursor=${cursor}`}`)
      expect(body.meta.total).toBe(slugs.length)
      pages.push(...body.data.map(({ slug }: { slug: string }) => slug))
      cursor = body.meta.nextCursor
    }
    expect(pages).toEqual(slugs)
    const all = [...databases, ...Object.values(branches)]
    const opened: string[] = []
    for (const slug of all) {
      const status = await query(token, slug)
      if (status === '200') opened.push(slug)
      else expect(status, slug).toBe('403 token_pinned')
      expect(code(await as(token, `/v1/databases/${slug}`)), slug).toBe(status)
    }
    expect(opened.sort()).toEqual(slugs)
  })

  test.each<[body: object, answer: object]>([
    [{}, { database: null, databases: null, select: null }],
    [
      { databases: ['main'] },
      { database: 'main', databases: ['main'], select: { databases: ['main'], branches: false } },
    ],
    [
      { databases: ['main', 'cust-*'] },
      { database: null, databases: null, select: { databases: ['main', 'cust-*'], branches: false } },
    ],
    [
      { databases: ['main'], branches: true },
      { database: null, databases: null, select: { databases: ['main'], branches: true } },
    ],
  ])('and says so: %j', async (body, answer) => {
    const { token, ...about } = await minted(admin, body)
    expect(about).toMatchObject(answer)
    expect((await as(token, '/v1/me')).body.data).toMatchObject(answer)
    expect((await as(admin, '/v1/tokens')).body.data).toContainEqual(about)
  })

  test('with its branch', async () => {
    const { token } = await minted(admin, { databases: [branches['main/x']] })
    expect((await as(token, '/v1/me')).body.data).toMatchObject({ branch: 'x', branchRef: 'x' })
  })

  test.each([['a***'], ['A*'], ['-*'], ['1*'], [''], ['a*b*c*'], [`${'a'.repeat(63)}*`], ['a_*']])(
    'but no invalid pattern: %j',
    async (pattern) => {
      const answer = await as(admin, '/v1/tokens', { body: { name: 'x', databases: [pattern] } })
      expect(code(answer)).toBe('400 invalid_input')
    },
  )
})

test('branches alone select nothing', async () => {
  expect(code(await as(admin, '/v1/tokens', { body: { name: 'x', branches: true } }))).toBe('400 invalid_input')
})

describe('a token with patterns', () => {
  test('creates a database that fits with its first call, and no other', async () => {
    const { token } = await minted(admin, { databases: ['new-*', 'main'] })
    expect(await query(token, 'new-1', 'CREATE TABLE t (n)')).toBe('200')
    expect(await query(token, 'newer-1')).toBe('403 token_pinned')
    const reader = await minted(admin, { databases: ['new-*'], role: 'readwrite' })
    expect(await query(reader.token, 'new-2')).toBe('404 database_not_found')
    expect(await query(reader.token, 'newer-2')).toBe('403 token_pinned')
    const exact = await minted(admin, { databases: ['new-1'] })
    expect(await query(exact.token, 'new-3')).toBe('403 token_pinned')
    expect((await listed(admin)).filter((slug) => slug.startsWith('new'))).toEqual(['new-1'])
  })

  test('creates and deletes databases that fit, and no others', async () => {
    const { token } = await minted(admin, { databases: ['shop-*', 'other'] })
    expect(await create(token, 'shop-1')).toBe('200')
    expect(await create(token, 'shop-1')).toBe('409 slug_taken')
    expect(await create(token, 'shop')).toBe('403 token_pinned')
    expect(await create(token, 'other')).toBe('403 token_pinned')
    for (const slug of ['shop', 'other', 'main', 'nowhere']) expect(await drop(token, slug)).toBe('403 token_pinned')
    expect(await drop(token, 'shop-1')).toBe('200')
    expect(await drop(token, 'shop-1')).toBe('404 database_not_found')
    for (const role of ['readwrite', 'readonly']) {
      const less = await minted(admin, { databases: ['shop-*'], role })
      expect(await create(less.token, 'shop-2')).toBe('403 role_insufficient')
    }
    const exact = await minted(admin, { databases: ['other'] })
    expect([await create(exact.token, 'shop-3'), await drop(exact.token, 'other')]).toEqual(
      Array(2).fill('403 token_pinned'),
    )
  })

  test.each<[details: object, ofNew: string, ofExisting: string]>([
    [{ name: 'Shop', description: 'Books' }, '200', '200'],
    [{ region: 'weur' }, '200', '400 invalid_input'],
    [{ ttlDays: 1 }, '200', '403 token_pinned'],
    [{ expiresAt: '2099-01-01T00:00:00Z' }, '200', '403 token_pinned'],
    [{ labels: { plan: 'pro' } }, '403 token_pinned', '403 token_pinned'],
    [{ deleteProtected: true }, '403 token_pinned', '403 token_pinned'],
    [{ maxBytes: 2 ** 20 }, '403 token_pinned', '403 token_pinned'],
  ])('sets only details that decide about nothing else: %j', async (details, ofNew, ofExisting) => {
    const { token } = await minted(admin, { databases: ['own-*'] })
    const slug = `own-${made++}`
    expect(code(await as(token, '/v1/databases', { body: { slug, ...details } }))).toBe(ofNew)
    await query(admin, slug)
    const change = (path: string) => as(token, `/v1/databases/${path}`, { method: 'PATCH', body: details })
    expect(code(await change(slug))).toBe(ofExisting)
    const elsewhere = code(await change('main'))
    expect(elsewhere).toBe(ofExisting.startsWith('400') ? ofExisting : '403 token_pinned')
  })

  test('never opens the branch that replaced a database under its slug', async () => {
    const { token } = await minted(admin, { databases: ['app-*', 'main'] })
    for (const slug of ['app', 'app-new']) expect(await create(admin, slug)).toBe('200')
    expect(await query(token, 'app-new')).toBe('200')
    expect(await drop(admin, 'app-new')).toBe('200')
    const { body } = await as(admin, '/v1/db/acme/app/branches/new', { method: 'PUT', body: {} })
    expect(body.data.slug).toBe('app-new')
    expect(await query(admin, 'app-new', 'CREATE TABLE secret (n)')).toBe('200')
    expect(await query(token, 'app-new')).toBe('403 token_pinned')
  })
})

describe('a child of a limited token', () => {
  test.each<[parent: object, child: object, open: string[] | string, select?: object]>([
    [{ databases: ['cust-*'] }, {}, ['cust-1', 'cust-10', 'cust-2'], { databases: ['cust-*'], branches: false }],
    [
      { databases: ['cust-*'] },
      { databases: ['cust-1*'] },
      ['cust-1', 'cust-10'],
      { databases: ['cust-1*'], branches: false },
    ],
    [
      { databases: ['cust-1*'] },
      { databases: ['cust-*'] },
      ['cust-1', 'cust-10'],
      { databases: ['cust-1*'], branches: false },
    ],
    [
      { databases: ['cust-*'] },
      { databases: ['cust-1', 'main'] },
      ['cust-1'],
      { databases: ['cust-1'], branches: false },
    ],
    [
      { databases: ['cust-1', 'main'] },
      { databases: ['cust-*'] },
      ['cust-1'],
      { databases: ['cust-1'], branches: false },
    ],
    [
      { databases: ['cust*'] },
      { databases: ['*-10', 'cust-2'] },
      ['cust-10', 'cust-2'],
      { within: [{ databases: ['cust*'], branches: false }] },
    ],
    [{ databases: ['cust-*'] }, { databases: ['main'] }, '400 exceeds_parent'],
    [{ databases: ['cust-*'] }, { databases: ['nowhere'] }, '400 exceeds_parent'],
    [{ databases: ['main'] }, { databases: ['cust-*'] }, '400 exceeds_parent'],
    [
      { databases: ['cust-*'] },
      { databases: ['cust-*'], branches: true },
      ['cust-1', 'cust-10', 'cust-2'],
      { databases: ['cust-*'], branches: false },
    ],
  ])('%j creating %j', async (parent, child, open, select = {}) => {
    const { token } = await minted(admin, { ...parent, role: 'admin' })
    const body = { name: 'x', role: 'readonly', ...child }
    const answer = await as(token, '/v1/tokens', { body })
    if (typeof open === 'string') return expect(code(answer)).toBe(open)
    expect(answer.body.data.select).toMatchObject(select)
    expect(await listed(answer.body.data.token)).toEqual(open)
    for (const slug of [...databases, ...Object.values(branches)]) {
      expect(await query(answer.body.data.token, slug), slug).toBe(open.includes(slug) ? '200' : '403 token_pinned')
    }
  })
})
