import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let admin: string
let branch: string
/** The minted tokens, by name. */
const minted: Record<string, { id: string; token: string; [field: string]: unknown }> = {}

const as = (token: string, path: string) => platform.request(path, { token })

async function mint(name: string, body: object, creator = admin): Promise<void> {
  const answer = await platform.request('/v1/tokens', { token: creator, body: { name, ...body } })
  expect([answer.status, answer.body.error]).toEqual([200, undefined])
  minted[name] = answer.body.data
}

beforeAll(async () => {
  platform = await startPlatform()
  admin = (await platform.createNamespace('acme')).token
  for (const slug of ['cust-1', 'cust-2', 'other']) {
    await platform.request('/v1/databases', { token: admin, body: { slug } })
  }
  const path = '/v1/db/acme/cust-1/branches/x'
  branch = (await platform.request(path, { method: 'PUT', token: admin, body: {} })).body.data.slug
  await mint('All', {})
  await mint('Customers', { databases: ['cust-*'], branches: true })
  await mint('First customer', { databases: ['cust-1'] })
  await mint('Branch', { databases: [branch] })
  await mint('Child of customers', { databases: ['*-1'] }, minted.Customers?.token)
  await mint('Child without limits of its own', {}, minted['First customer']?.token)
  await mint('100% of [other]', { databases: ['other', 'cust-2*'] })
})
afterAll(() => platform.stop())

const names = async (token: string, search: string) =>
  ((await as(token, `/v1/tokens?${search}`)).body.data as { name: string }[]).map(({ name }) => name)

describe('a list of tokens has those that the filter fits', () => {
  test.each<[filter: () => Record<string, string>, expected: string[]]>([
    [() => ({ q: 'CUSTOMER' }), ['Customers', 'First customer', 'Child of customers']],
    [() => ({ q: '100%' }), ['100% of [other]']],
    [() => ({ q: '%' }), ['100% of [other]']],
    [() => ({ q: minted.Branch?.id ?? '' }), ['Branch']],
    [() => ({ q: 'nothing' }), []],
    [() => ({ parent: minted.Customers?.id ?? '' }), ['Child of customers']],
    [() => ({ parent: 'tok_none' }), []],
    [
      () => ({ database: 'cust-1' }),
      ['Customers', 'First customer', 'Child of customers', 'Child without limits of its own'],
    ],
    [() => ({ database: 'cust-2' }), ['Customers', '100% of [other]']],
    [() => ({ database: 'other' }), ['100% of [other]']],
    [() => ({ database: 'main' }), []],
    [() => ({ database: 'missing' }), []],
    [() => ({ database: branch }), ['Customers', 'Branch']],
    [() => ({ database: 'cust-1', q: 'child', parent: minted.Customers?.id ?? '' }), ['Child of customers']],
  ])('%s', async (toFilter, expected) => {
    const filter = `${new URLSearchParams(toFilter())}`
    expect(await names(admin, filter)).toEqual(expected)
    const pages: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await as(admin, `/v1/tokens?${filter}&pageSize=1${cursor && `&cursor=${cursor}`}`)
      expect(body.meta.total).toBe(expected.length)
      pages.push(...body.data.map(({ name }: { name: string }) => name))
      cursor = body.meta.nextCursor
    }
    expect(pages).toEqual(expected)
  })

  test('and never one that the caller did not create', async () => {
    const { token = '' } = minted.Customers ?? {}
    expect(await names(token, '')).toEqual(['Customers', 'Child of customers'])
    expect(await names(token, 'database=cust-1')).toEqual(['Customers', 'Child of customers'])
    expect(await names(token, 'database=other')).toEqual([])
    expect(await names(token, `q=${minted.Branch?.id}`)).toEqual([])
  })

  test.each(['database=A', 'q=', `q=${'x'.repeat(101)}`, 'parent='])('%s is invalid', async (search) => {
    expect(await as(admin, `/v1/tokens?${search}`)).toMatchObject({ status: 400, body: { code: 'invalid_input' } })
  })
})

describe('a single token', () => {
  test('is as in the list, without its secret', async () => {
    const { body } = await as(admin, '/v1/tokens')
    for (const listed of body.data as { id: string }[]) {
      expect((await as(admin, `/v1/tokens/${listed.id}`)).body.data).toEqual(listed)
    }
    expect(JSON.stringify(body)).not.toContain(minted.All?.token)
  })

  test('names the token that created it', () => {
    const parent = minted.Customers?.id
    expect(minted['Child of customers']).toMatchObject({ parentId: parent, mintedBy: parent })
  })

  test.each([
    ['All', 'Customers', '200'],
    ['All', 'Child of customers', '200'],
    ['Customers', 'Customers', '200'],
    ['Customers', 'Child of customers', '200'],
    ['Customers', 'First customer', '404 token_not_found'],
    ['Customers', 'All', '404 token_not_found'],
    ['Child of customers', 'Customers', '404 token_not_found'],
    ['First customer', 'Child without limits of its own', '200'],
  ])('seen by "%s": "%s" is %s', async (caller, target, expected) => {
    const { status, body } = await as(minted[caller]?.token ?? '', `/v1/tokens/${minted[target]?.id}`)
    expect([status, body.code].filter((part) => part !== undefined).join(' ')).toBe(expected)
  })

  test('is gone after its revocation', async () => {
    await mint('Gone', {})
    const path = `/v1/tokens/${minted.Gone?.id}`
    expect((await platform.request(path, { method: 'DELETE', token: admin })).status).toBe(200)
    expect(await as(admin, path)).toMatchObject({ status: 404, body: { code: 'token_not_found' } })
  })
})
