import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, startPlatform, type TestPlatform } from '../harness.ts'
import { speaker } from '../mcp/rpc.ts'

let platform: TestPlatform
let made: Awaited<ReturnType<TestPlatform['createNamespace']>>
let owner: Awaited<ReturnType<TestPlatform['signUp']>>

/** A list, how one more item comes into it and goes, and what it is known by. */
interface Case {
  readonly name: string
  readonly path: string
  readonly console: string
  readonly create: (n: number) => Promise<unknown>
  readonly remove: (item: Item) => Promise<unknown>
  readonly getId: (item: Item) => string
}
// biome-ignore lint/suspicious/noExplicitAny: a black-box test inspects any response
type Item = any

const ok = ({ status, body }: Answer) => {
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
  return body.data
}
const post = async (path: string, body: object) => ok(await platform.request(path, { token: made.token, body }))
const remove = async (path: string) => ok(await platform.request(path, { token: made.token, method: 'DELETE' }))
const two = (n: number) => String(n).padStart(2, '0')
const inDatabase = (list: string) => ({
  path: `/v1/db/acme/main/${list}`,
  console: `/api/namespaces/acme/databases/main/${list}`,
})
const byId = ({ id }: Item): string => id

const cases: readonly Case[] = [
  {
    name: 'databases',
    path: '/v1/databases',
    console: '/api/namespaces/acme/databases',
    create: (n) => post('/v1/databases', { slug: `d-${two(n)}` }),
    remove: ({ slug }) => remove(`/v1/databases/${slug}`),
    getId: ({ slug }) => slug,
  },
  {
    name: 'tokens',
    path: '/v1/tokens',
    console: '/api/namespaces/acme/tokens',
    create: (n) => post('/v1/tokens', { name: `t${n}` }),
    remove: ({ id }) => remove(`/v1/tokens/${id}`),
    getId: byId,
  },
  {
    name: 'branches',
    ...inDatabase('branches'),
    create: (n) => post('/v1/db/acme/main/claim_branch', { ref: `b-${two(n)}` }),
    remove: ({ branchRef }) => remove(`/v1/db/acme/main/branches/${branchRef}`),
    getId: ({ branchRef }) => branchRef,
  },
  {
    name: 'snapshots',
    ...inDatabase('snapshots'),
    create: (n) => post('/v1/db/acme/main/snapshots', { label: `s${n}` }),
    remove: ({ id }) => remove(`/v1/db/acme/main/snapshots/${id}`),
    getId: byId,
  },
  {
    name: 'migrations',
    ...inDatabase('migrations'),
    create: (n) => post('/v1/db/acme/main/migrations', { name: `m${n}`, sql: 'SELECT 1' }),
    remove: ({ id }) => remove(`/v1/db/acme/main/migrations/${id}`),
    getId: byId,
  },
  {
    name: 'schedules',
    ...inDatabase('schedules'),
    create: (n) => post('/v1/db/acme/main/schedules', { name: `c${n}`, sql: 'SELECT 1', intervalSec: 3600 }),
    remove: ({ id }) => remove(`/v1/db/acme/main/schedules/${id}`),
    getId: byId,
  },
  {
    name: 'webhooks',
    ...inDatabase('webhooks'),
    create: (n) => post('/v1/db/acme/main/webhooks', { name: `w${n}`, url: `https://example.com/${n}` }),
    remove: ({ id }) => remove(`/v1/db/acme/main/webhooks/${id}`),
    getId: byId,
  },
  {
    name: 'saved queries',
    ...inDatabase('saved-queries'),
    create: (n) => post('/v1/db/acme/main/saved-queries', { name: `Größe ${n} 📏`, sql: 'SELECT 1' }),
    remove: ({ id }) => remove(`/v1/db/acme/main/saved-queries/${id}`),
    getId: byId,
  },
]

beforeAll(async () => {
  platform = await startPlatform()
  owner = await platform.signUp('acme@example.com')
  made = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())

const get = (path: string, query: Record<string, string | number> = {}) =>
  platform.request(`${path}?${new URLSearchParams(query as Record<string, string>)}`, { token: made.token })

/** All pages, with something done between them. */
async function pages(path: string, pageSize: number, between: (page: number) => Promise<unknown> = async () => {}) {
  const found: Item[][] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const { status, body } = await get(path, { pageSize, ...(cursor && { cursor }) })
    expect([status, typeof body.meta?.total]).toEqual([200, 'number'])
    expect(body.data.length).toBeLessThanOrEqual(pageSize)
    found.push(body.data)
    cursor = body.meta.nextCursor as string | null
    await between(found.length)
  }
  return found
}

describe.each(cases)('$name', ({ path, console, create, remove, getId }) => {
  const ids = async () => (ok(await get(path)) as Item[]).map(getId)

  beforeAll(async () => {
    for (let n = 0; n < 7; n++) await create(n)
  })

  test.each([1, 2, 3, 7, 8, 1000])('pages of %i together are the whole list, in its order', async (pageSize) => {
    const whole = await ids()
    const found = await pages(path, pageSize)
    expect(found.flat().map(getId)).toEqual(whole)
    expect(found.length).toBe(Math.ceil(whole.length / pageSize))
  })

  test('members page through it as tokens do', async () => {
    const first = await owner.request(`${console}?pageSize=5`)
    expect(first.body).toEqual((await get(path, { pageSize: 5 })).body)
    const cursor = first.body.meta.nextCursor as string
    const second = await owner.request(`${console}?${new URLSearchParams({ pageSize: '5', cursor })}`)
    expect(second.body.data[0]).toEqual((ok(await get(path)) as Item[])[5])
  })

  test('without parameters it is whole, and says how many there are', async () => {
    const { body } = await get(path)
    expect(body).toMatchObject({ success: true, data: expect.any(Array) })
    expect(body.meta).toEqual({ nextCursor: null, total: body.data.length })
  })

  test('what comes and goes between pages takes nothing else away and shows nothing twice', async () => {
    const before = await ids()
    const gone = new Set<string>()
    const found = await pages(path, 2, async (page) => {
      await create(50 + page)
      // The last item of the page before, where the next one begins, and one that is still to come.
      for (const id of [before[page * 2 - 1], before[page * 2 + 2]]) {
        if (page > 2 || id === undefined || (path === '/v1/databases' && id === 'main')) continue
        const item = (ok(await get(path)) as Item[]).find((each) => getId(each) === id)
        if (!item || item.name === 'test') continue
        await remove(item)
        gone.add(id)
      }
    })
    const seen = found.flat().map(getId)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual(expect.arrayContaining(before.filter((id) => !gone.has(id))))
  })

  test.each(['0', '-1', '1001', '1.5', '1e2', '2x', '', ' 5', 'null', '99999999999999999999'])(
    'pageSize "%s" is refused',
    async (pageSize) => {
      const { status, body } = await get(path, { pageSize })
      expect([status, body.code]).toEqual([400, 'invalid_input'])
    },
  )

  test('a cursor that this list has not given is refused', async () => {
    const { body } = await get(path, { pageSize: 1 })
    const cursor = body.meta.nextCursor as string
    const others = await Promise.all(
      cases
        .filter((other) => other.path !== path)
        .map(async (other) => (await get(other.path, { pageSize: 1 })).body.meta.nextCursor),
    )
    const flip = (at: number) => cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1)
    const bad = [
      '',
      'x',
      '%',
      'null',
      cursor.slice(1),
      cursor.slice(0, -1),
      `${cursor}A`,
      `${cursor}=`,
      'A'.repeat(3000),
    ]
    for (const given of [...bad, flip(0), flip(12), flip(cursor.length - 3), ...others]) {
      if (given === null) continue
      const answer = await get(path, { cursor: given })
      expect([given, answer.status, answer.body.code]).toEqual([given, 400, 'invalid_input'])
    }
    expect((await get(path, { cursor })).status).toBe(200)
  })

  test('a repeated parameter is refused, one that is not known is ignored', async () => {
    const list = (query: string) => platform.request(`${path}?${query}`, { token: made.token })
    expect((await list('pageSize=1&pageSize=2')).status).toBe(400)
    const { status, body } = await list('pageSize=1&page_size=5&utm_source=x&utm_source=y')
    expect([status, body.data.length]).toEqual([200, 1])
  })
})

test('with a cursor alone a page has 100 items', async () => {
  for (let n = 0; n < 205; n++) await post('/v1/db/acme/main/migrations', { name: `many ${n}`, sql: 'SELECT 1' })
  const path = '/v1/db/acme/main/migrations'
  const first = await get(path, { pageSize: 150 })
  expect(first.body.data).toHaveLength(150)
  const second = await get(path, { cursor: first.body.meta.nextCursor })
  expect(second.body.data).toHaveLength(Math.min(100, first.body.meta.total - 150))
})

describe('migrations', () => {
  const path = '/v1/db/acme/main/migrations'

  test('limit and before work as before, and lead on to pages', async () => {
    const { body } = await get(path, { limit: 3 })
    expect([body.data.length, typeof body.meta.nextCursor]).toEqual([3, 'string'])
    const older = await get(path, { limit: 3, before: body.data[2].id })
    const next = await get(path, { pageSize: 3, cursor: body.meta.nextCursor })
    expect(next.body.data).toEqual(older.body.data)
    expect((await get(path)).body.data).toHaveLength(100)
    expect((await get(path, { limit: 101 })).status).toBe(400)
    expect((await get(path, { before: body.data[2].id, cursor: body.meta.nextCursor })).status).toBe(400)
  })

  test('a page of large ones ends early, and the next one goes on from there', async () => {
    const { token } = made
    await post('/v1/databases', { slug: 'large' })
    const sql = `SELECT '${'x'.repeat(49_000)}'`
    for (let n = 0; n < 200; n++) {
      ok(await platform.request('/v1/db/acme/large/migrations', { token, body: { name: `l${n}`, sql } }))
    }
    const found = await pages('/v1/db/acme/large/migrations', 1000)
    expect(found.length).toBe(2)
    expect(new Set(found.flat().map(byId)).size).toBe(200)
  })
})

test('a token for some databases pages through those alone', async () => {
  const { token } = await post('/v1/db/acme/main/claim_branch', { ref: 'alone' })
  const { body } = await platform.request('/v1/databases?pageSize=1', { token })
  expect(body).toMatchObject({ data: [{ branchRef: 'alone' }], meta: { nextCursor: null, total: 1 } })
})

test('tools page too, and agents see where to go on', async () => {
  const mcp = speaker(platform, made.token)
  const first = await mcp.call('list_databases', { pageSize: 2 })
  const { result, nextCursor, total } = first.structuredContent
  expect([result.length, typeof nextCursor, total > 2]).toEqual([2, 'string', true])
  expect(first.content[0].text).toContain(nextCursor)
  const second = await mcp.call('list_databases', { pageSize: 2, cursor: nextCursor })
  expect(second.structuredContent.result[0].slug > result[1].slug).toBe(true)
  expect(await mcp.call('list_tokens', { cursor: nextCursor })).toMatchObject({
    isError: true,
    structuredContent: { code: 'invalid_input' },
  })
})
