import { api, operationGroups } from '@persql/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

type Options = Parameters<TestPlatform['request']>[1]

let platform: TestPlatform
let admin: string

const D = '/v1/db/acme/main'

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1', PERSQL_WELCOME_CREDIT_USD: '1000' } })
  admin = (await platform.createNamespace('acme')).token
  await as(admin, '/v1/databases', { body: { slug: 'other' } })
  await as(admin, `${D}/query`, { body: { sql: 'CREATE TABLE t (n)' } })
  await as(admin, `${D}/branches/one`, { method: 'PUT', body: {} })
})
afterAll(() => platform.stop())

const as = (token: string, path: string, options: Options = {}) => platform.request(path, { token, ...options })
const mint = (token: string, body: object) => as(token, '/v1/tokens', { body: { name: 'x', ...body } })
const minted = async (token: string, body: object) => {
  const answer = await mint(token, body)
  expect([answer.status, answer.body.error]).toEqual([200, undefined])
  return answer.body.data
}
const code = ({ status, body }: { status: number; body: { code?: string; field?: string } }) =>
  [status, body.code, body.field].filter((part) => part !== undefined).join(' ')

const calls = {
  query: (token) => as(token, `${D}/query`, { body: { sql: 'SELECT 1' } }),
  write: (token) => as(token, `${D}/query`, { body: { sql: 'INSERT INTO t VALUES (1)' } }),
  tables: (token) => as(token, `${D}/tables`),
  libsql: (token) => as(token, '/libsql/acme/main/v2/pipeline', { body: { requests: [] } }),
  snapshot: (token) => as(token, `${D}/snapshots`, { body: { label: 'x' } }),
  branches: (token) => as(token, `${D}/branches`),
  branchesOfOther: (token) => as(token, '/v1/db/acme/other/branches'),
  merge: (token) => as(token, `${D}/branches/one/merge`, { body: { mode: 'preview' } }),
  fork: (token) => as(token, `${D}/fork`, { body: { slug: `copy-${crypto.randomUUID().slice(0, 8)}` } }),
  usage: (token) => as(token, '/v1/usage'),
  tokens: (token) => as(token, '/v1/tokens'),
  firstUse: (token) => as(token, `/v1/db/acme/new-${crypto.randomUUID().slice(0, 8)}/tables`),
} satisfies Record<string, (token: string) => ReturnType<typeof as>>
type Call = keyof typeof calls

const REFUSED = '403 operation_not_granted'
const PINNED = '403 token_pinned'

describe('a token with operations calls these and no others', () => {
  test.each<[body: object, expected: Partial<Record<Call, string>>]>([
    [{ operations: ['query'] }, { query: '200', tables: REFUSED, libsql: REFUSED, usage: REFUSED }],
    [
      { operations: ['read'] },
      {
        query: '200',
        write: '403 role_insufficient',
        tables: '200',
        branches: '200',
        snapshot: REFUSED,
        usage: REFUSED,
      },
    ],
    [{ operations: ['read', 'write'] }, { query: '200', write: '200', libsql: '200', snapshot: REFUSED }],
    [{ operations: ['read'], role: 'readwrite' }, { write: '200' }],
    [{ operations: ['snapshots', 'get_usage'] }, { query: REFUSED, snapshot: '200', usage: '200' }],
    [
      { operations: ['list_tables'], role: 'admin' },
      { tables: '200', firstUse: '404 database_not_found' },
    ],
    [{ operations: ['list_tables', 'create_database'] }, { firstUse: '200' }],
    [
      { databases: ['main'] },
      { query: '200', usage: PINNED, branches: PINNED, merge: PINNED, fork: PINNED, tokens: '200' },
    ],
    [
      { databases: ['main'], operations: ['get_usage'] },
      { usage: '200', query: REFUSED, tokens: REFUSED },
    ],
    [
      { databases: ['main'], operations: ['read'] },
      { query: '200', branches: PINNED, branchesOfOther: PINNED, usage: REFUSED },
    ],
    [
      { databases: ['main'], branches: true, operations: ['branches'] },
      { branches: '200', branchesOfOther: PINNED, merge: '200', fork: PINNED },
    ],
    [{ databases: ['main', 'copy-*'], branches: true, operations: ['branches'] }, { fork: '200' }],
  ])('%j', async (body, expected) => {
    const { token } = await minted(admin, body)
    expect(code(await as(token, '/v1/me'))).toBe('200')
    const found: Record<string, string> = {}
    for (const name of Object.keys(expected) as Call[]) found[name] = code(await calls[name](token))
    expect(found).toEqual(expected)
  })

  test.each([[['nonsense']], [['query', '']], [[]], [['toString']], [['credit_namespace']]])(
    'an unknown name is refused: %j',
    async (operations) => expect(code(await mint(admin, { operations }))).toBe('400 invalid_input'),
  )
})

describe('a child has no operation that its parent lacks', () => {
  test.each<[parent: object, child: object, operations: string[] | string | null]>([
    [{}, {}, null],
    [{ operations: ['query', 'create_token'] }, {}, ['create_token', 'query']],
    [{ operations: ['query', 'create_token'] }, { operations: ['query', 'batch'] }, ['query']],
    [{ operations: ['query', 'create_token'] }, { operations: ['batch'] }, '400 exceeds_parent operations'],
    [{ databases: ['main'] }, { operations: ['get_usage', 'query'] }, ['query']],
    [{ databases: ['main'] }, { operations: ['get_usage'] }, '400 exceeds_parent operations'],
    [{ databases: ['main'] }, { operations: ['branches'] }, '400 exceeds_parent operations'],
    [{ operations: ['query'] }, {}, REFUSED],
  ])('%j creating %j', async (parent, child, operations) => {
    const { token } = await minted(admin, { role: 'admin', ...parent })
    const answer = await mint(token, { role: 'admin', ...child })
    if (typeof operations === 'string') return expect(code(answer)).toBe(operations)
    expect(answer.body.data.operations).toEqual(operations)
    expect((await as(answer.body.data.token, '/v1/me')).body.data.operations).toEqual(operations)
  })

  test('and manages no token that can do more', async () => {
    const { id } = await minted(admin, {})
    const { token } = await minted(admin, { operations: ['tokens'] })
    expect(code(await as(token, `/v1/tokens/${id}/rotate`, { body: {} }))).toBe('400 exceeds_parent operations')
    expect(code(await as(token, `/v1/tokens/${id}`, { method: 'DELETE' }))).toBe('400 exceeds_parent operations')
  })
})

test('every operation that a token can call is in the group of a resource', () => {
  const forTokens = Object.entries(api).flatMap(([name, { scope }]) =>
    ['readonly', 'readwrite', 'admin'].includes(scope) ? [name] : [],
  )
  const { read, write, schema, ...resources } = operationGroups
  expect([...new Set(Object.values(resources).flat())].sort()).toEqual(forTokens.sort())
  for (const group of [read, write, schema]) expect(forTokens).toEqual(expect.arrayContaining([...(group ?? [])]))
})
