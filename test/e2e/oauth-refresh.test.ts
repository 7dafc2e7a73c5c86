import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { oauthClient } from '../oauth.ts'

let platform: TestPlatform
let owner: Awaited<ReturnType<TestPlatform['signUp']>>
let client: ReturnType<typeof oauthClient>
let aheadMs = 0

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  owner = await platform.signUp('owner@example.com')
  client = oauthClient(platform, owner)
})
afterAll(() => platform.stop())

const setAhead = async (ms: number) => {
  aheadMs = ms
  await platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
}
/** Moves the platform's clock ahead. */
const pass = (seconds: number) => setAhead(aheadMs + seconds * 1000)
afterEach(() => setAhead(0))

const getPair = ({ status, body }: Awaited<ReturnType<typeof client.refresh>>) => {
  expect([status, body.error]).toEqual([200, undefined])
  return [body.access_token, body.refresh_token] as const
}
const getError = ({ status, body }: Awaited<ReturnType<typeof client.refresh>>) => [status, body.error]
const REFUSED = [400, 'invalid_grant']

describe('a refresh token that comes again within 30 s', () => {
  test.each([2, 3, 8])('gets the same pair: %i processes at the same moment', async (processes) => {
    const { clientId, refresh } = await client.tokens()
    const answers = await Promise.all(Array.from({ length: processes }, () => client.refresh(clientId, refresh)))
    const pairs = answers.map(getPair)
    expect(new Set(pairs.map((pair) => pair.join())).size).toBe(1)
    const [access, next] = pairs[0] as readonly [string, string]
    expect(await client.worked(access)).toBe(true)
    const [newest] = getPair(await client.refresh(clientId, next))
    expect(await client.worked(newest)).toBe(true)
  })

  test.each([0, 1, 29])('gets the same answer %i s after an answer that was lost', async (seconds) => {
    const { clientId, refresh } = await client.tokens()
    const lost = await client.refresh(clientId, refresh)
    await pass(seconds)
    const again = await client.refresh(clientId, refresh)
    expect(again.body).toEqual(lost.body)
    expect(again.headers.get('cache-control')).toBe(lost.headers.get('cache-control'))
    expect(await client.worked(again.body.access_token)).toBe(true)
  })

  test('gets the same pair after the process was killed', async () => {
    const { clientId, refresh } = await client.tokens()
    const pair = getPair(await client.refresh(clientId, refresh))
    await platform.kill()
    await platform.restart()
    expect(getPair(await client.refresh(clientId, refresh))).toEqual(pair)
    expect(await client.worked(pair[0])).toBe(true)
  })

  test('gets its pair although that was used to go on', async () => {
    const { clientId, refresh } = await client.tokens()
    const second = getPair(await client.refresh(clientId, refresh))
    const third = getPair(await client.refresh(clientId, second[1]))
    expect(getPair(await client.refresh(clientId, refresh))).toEqual(second)
    expect(getPair(await client.refresh(clientId, second[1]))).toEqual(third)
    expect(await client.worked(third[0])).toBe(true)
  })

  test('is refused for another client, and for what it was not asked for before; the app stays', async () => {
    const { clientId, refresh } = await client.tokens()
    const pair = getPair(await client.refresh(clientId, refresh))
    const other = (await client.register()).body.client_id as string
    expect(getError(await client.refresh(other, refresh))).toEqual(REFUSED)
    const fields = { grant_type: 'refresh_token', client_id: clientId, refresh_token: refresh }
    expect(getError(await client.form('/oauth/token', { ...fields, scope: 'readonly' }))).toEqual(REFUSED)
    expect(getError(await client.form('/oauth/token', { ...fields, client_id: '' }))).toEqual(REFUSED)
    expect(getPair(await client.refresh(clientId, refresh))).toEqual(pair)
    expect(await client.worked(pair[0])).toBe(true)
  })

  test('is refused after access of the app was revoked', async () => {
    const { clientId, refresh } = await client.tokens()
    const [access] = getPair(await client.refresh(clientId, refresh))
    const { body } = await owner.request('/api/namespaces/owner/oauth_grants')
    const { id } = body.data.find((grant: { clientId: string }) => grant.clientId === clientId)
    await owner.request(`/api/namespaces/owner/oauth_grants/${id}`, { method: 'DELETE' })
    expect(getError(await client.refresh(clientId, refresh))).toEqual(REFUSED)
    expect((await client.query(access)).status).toBe(401)
  })

  test('is refused when what replaced it was given back, and when it is given back itself', async () => {
    for (const which of ['old', 'new']) {
      const { clientId, refresh } = await client.tokens()
      const [access, next] = getPair(await client.refresh(clientId, refresh))
      await client.form('/oauth/revoke', { client_id: clientId, token: which === 'old' ? refresh : next })
      expect(getError(await client.refresh(clientId, refresh))).toEqual(REFUSED)
      expect(getError(await client.refresh(clientId, next))).toEqual(REFUSED)
      expect((await client.query(access)).status).toBe(401)
    }
  })
})

describe('a refresh token that comes again later', () => {
  test.each([31, 60, 3_000])('%i s later ends the grant with all its tokens', async (seconds) => {
    const { clientId, refresh } = await client.tokens()
    const second = getPair(await client.refresh(clientId, refresh))
    const third = getPair(await client.refresh(clientId, second[1]))
    await pass(seconds)
    expect(getError(await client.refresh(clientId, refresh))).toEqual(REFUSED)
    for (const access of [second[0], third[0]]) expect((await client.query(access)).status).toBe(401)
    expect(getError(await client.refresh(clientId, third[1]))).toEqual(REFUSED)
    const { body } = await owner.request('/api/namespaces/owner/oauth_grants')
    expect(body.data.map((grant: { clientId: string }) => grant.clientId)).not.toContain(clientId)
  })

  test('counts from when it was replaced, not from when it came last', async () => {
    const { clientId, refresh } = await client.tokens()
    getPair(await client.refresh(clientId, refresh))
    await pass(20)
    getPair(await client.refresh(clientId, refresh))
    await pass(11)
    expect(getError(await client.refresh(clientId, refresh))).toEqual(REFUSED)
  })
})

test('no token that was given can be read on disk', async () => {
  const { clientId, refresh } = await client.tokens()
  const [access, next] = getPair(await client.refresh(clientId, refresh))
  getPair(await client.refresh(clientId, refresh))
  const files = (await readdir(platform.data, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  )
  for (const { parentPath, name } of files) {
    const content = await readFile(join(parentPath, name), 'latin1')
    for (const token of [access, next, refresh]) {
      const secret = token.split(':').at(-1) as string
      expect([name, content.includes(secret)]).toEqual([name, false])
    }
  }
})
