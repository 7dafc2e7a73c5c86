import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, startPlatform, type TestPlatform } from '../harness.ts'
import { runOperator } from '../launched-instance.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_QUOTA_DATABASES: '5' } })
})
afterAll(() => platform.stop())

const quotas = (ns: string, quota = '', limit?: number | null) =>
  platform.request(`/api/operator/namespaces/${ns}/quotas${quota && `/${quota}`}`, {
    token: platform.secret,
    ...(limit === undefined ? {} : { method: 'PUT', body: { limit } }),
  })
const outcome = ({ status, body }: Answer) => [status, body.code]

/** Runs `npm run operator -- quota`. */
const operator = (...args: string[]) =>
  runOperator(['quota', ...args, '--url', platform.url], { PERSQL_SECRET: platform.secret })

describe('databases of a namespace', () => {
  test('every way to create one stops at the quota, also at the same time', async () => {
    const { token, db } = await platform.createNamespace('many')
    await db().query('CREATE TABLE t (n)')
    const create = (slug: string) => platform.request('/v1/databases', { token, body: { slug } })
    const statuses = (await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(create))).map(({ status }) => status)
    expect(statuses.sort()).toEqual([200, 200, 200, 200, 409, 409, 409])
    const refused = [
      await create('x'),
      await platform.request('/v1/db/many/main/branches/next', { token, method: 'PUT', body: {} }),
      await platform.request('/v1/db/many/main/claim_branch', { token, body: { ref: 'next' } }),
      await platform.request('/v1/db/many/main/fork', { token, body: { slug: 'copy' } }),
      await platform.database('many', 'new', token).query('SELECT 1'),
    ]
    expect(refused.map(outcome)).toEqual(refused.map(() => [409, 'too_many_databases']))
    expect(refused[0]?.body).toEqual({
      success: false,
      error:
        'This namespace has 5 databases, and its quota "databases" is 5. Delete a database or branch, or ask the operator to raise the quota.',
      code: 'too_many_databases',
      ...{ quota: 'databases', limit: 5, used: 5 },
    })
    const list = (await platform.request('/v1/databases', { token })).body.data as { slug: string }[]
    expect(list).toHaveLength(5)
    // Existing databases and branches are served.
    const kept = list.find(({ slug }) => slug !== 'main')?.slug as string
    expect((await platform.database('many', kept, token).query('SELECT 1')).status).toBe(200)
    await platform.request(`/v1/databases/${kept}`, { token, method: 'DELETE' })
    const branch = () => platform.request('/v1/db/many/main/branches/next', { token, method: 'PUT', body: {} })
    expect([(await branch()).status, (await branch()).status]).toEqual([200, 200])
    expect(outcome(await create('x'))).toEqual([409, 'too_many_databases'])
  })

  test('the operator raises the quota of one namespace, and restores the default', async () => {
    const { token } = await platform.createNamespace('raised')
    const other = await platform.createNamespace('unraised')
    const create = (slug: string, by = token) => platform.request('/v1/databases', { token: by, body: { slug } })
    expect((await quotas('raised', 'databases', 1)).body.data).toMatchObject({ limit: 1, default: 5, used: 1 })
    expect(outcome(await create('a'))).toEqual([409, 'too_many_databases'])
    expect((await create('a', other.token)).status).toBe(200)
    await platform.kill()
    await platform.restart()
    expect(outcome(await create('a'))).toEqual([409, 'too_many_databases'])
    expect((await quotas('raised', 'databases', null)).body.data).toMatchObject({ limit: 5 })
    expect((await create('a')).status).toBe(200)
  })

  test('owners see quotas and use, and the change in the audit log', async () => {
    const user = await platform.signUp('quota@example.com')
    const list = async () => (await user.request('/api/namespaces/quota/quotas')).body.data
    const databases = { name: 'databases', scope: 'namespace', unit: 'count', default: 5, database: null }
    expect(await list()).toContainEqual({ ...databases, limit: 5, used: 1 })
    await quotas('quota', 'databases', 7)
    expect(await list()).toContainEqual({ ...databases, limit: 7, used: 1 })
    expect((await user.request('/api/namespaces/quota/audit')).body.data[0]).toMatchObject({
      actor: 'operator',
      action: 'namespace.quota_changed',
      detail: { quota: 'databases', from: 5, to: 7 },
    })
  })
})

describe('the operator', () => {
  test.each([
    ['databases', { limit: -1 }],
    ['databases', { limit: 1.5 }],
    ['databases', { limit: '5' }],
    ['databases', {}],
    ['cats', { limit: 5 }],
  ])('is refused quota %s with %j', async (quota, body) => {
    await platform.createNamespace('strict')
    const path = `/api/operator/namespaces/strict/quotas/${quota}`
    const answer = await platform.request(path, { token: platform.secret, method: 'PUT', body })
    expect(outcome(answer)).toEqual([400, 'invalid_input'])
  })

  test('sets and lists quotas on the command line', async () => {
    await platform.createNamespace('line')
    expect(outcome(await quotas('nobody', 'databases', 5))).toEqual([404, 'namespace_not_found'])
    expect(await operator('line', 'databases', '1200')).toMatchObject({
      stdout: 'Quota "databases" of line: 1,200.\n',
    })
    expect((await operator('line')).stdout).toMatch(/^databases +1,200 +5 +1$/m)
    expect(await operator('line', 'databases', 'default')).toMatchObject({
      stdout: 'Quota "databases" of line: 5 (default).\n',
    })
    const wrong: [string[], string][] = [
      [['line', 'cats', '5'], 'Unknown quota "cats".'],
      [['line', 'databases'], 'Missing limit.'],
      [['line', 'databases', '-5'], 'Invalid limit "-5". Expected a whole number'],
      [['line', 'databases', '5 GB'], 'Invalid limit "5 GB". Expected a whole number'],
      [['line', 'databases', '5', '6'], 'Unexpected argument "6".'],
    ]
    const answers = await Promise.all(wrong.map(([args]) => operator(...args)))
    expect(answers.map(({ code }) => code)).toEqual(wrong.map(() => 1))
    expect(answers.map(({ stderr }, i) => [stderr, stderr.includes(wrong[i]?.[1] ?? '?')])).toEqual(
      answers.map(({ stderr }) => [stderr, true]),
    )
  })
})
