import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { speaker } from './rpc.ts'

const ns = uniqueName('acme')
let platform: SharedPlatform
let made: Awaited<ReturnType<SharedPlatform['createNamespace']>>
const query = { name: 'query', arguments: { database: 'main', sql: 'SELECT 1 AS n' } }

beforeAll(async () => {
  platform = await sharedPlatform()
  made = await platform.createNamespace(ns)
})
afterAll(() => platform.stop())

test.each([
  ['no token', undefined],
  ['an invalid token', 'nonsense'],
  ['an unknown token', `psql_live_acme_${'a'.repeat(38)}`],
])('challenges requests with %s, with the URL of the OAuth metadata', async (_, token) => {
  for (const [method, params] of [
    ['initialize', {}],
    ['tools/list', {}],
    ['tools/call', query],
  ] as const) {
    const { status, headers, body } = await speaker(platform, token).send(method, params)
    expect(status).toBe(401)
    expect(headers.get('www-authenticate')).toBe(
      `Bearer resource_metadata="${platform.url}/.well-known/oauth-protected-resource/mcp"`,
    )
    expect(body).toMatchObject({
      jsonrpc: '2.0',
      id: null,
      error: { data: { code: expect.stringMatching(/^token_/) } },
    })
  }
})

test('a revoked token is challenged, in the middle of its work too', async () => {
  const { body } = await platform.request('/v1/tokens', { token: made.token, body: { name: 'short-lived' } })
  const agent = speaker(platform, body.data.token)
  expect((await agent.call('query', query.arguments)).structuredContent.rows).toEqual([[1]])
  await platform.request(`/v1/tokens/${body.data.id}`, { token: made.token, method: 'DELETE' })
  expect((await agent.send('tools/call', query)).status).toBe(401)
})

test('a token of another namespace, or of one database, reaches no further than through /v1', async () => {
  const other = await platform.createNamespace(uniqueName('other'), 'theirs')
  const stranger = speaker(platform, other.token, '/mcp?tools=all')
  await made.db().query('CREATE TABLE ours (n)')
  const look = { database: 'main', sql: 'SELECT * FROM ours' }
  expect(await stranger.call('query', look)).toMatchObject({ structuredContent: { error: 'no such table: ours' } })
  const claim = await speaker(platform, made.token, '/mcp?tools=all').call('claim_branch', { database: 'main' })
  const branch = speaker(platform, claim.structuredContent.token, '/mcp?tools=all')
  const given = { database: claim.structuredContent.databaseSlug, sql: 'SELECT 1' }
  expect((await branch.call('query', given)).isError).toBeUndefined()
  expect((await branch.call('query', query.arguments)).isError).toBe(true)
  const slug = claim.structuredContent.databaseSlug
  expect(await branch.call('list_databases')).toMatchObject({ structuredContent: { result: [{ slug }] } })
  const { resources } = (await branch.send('resources/list')).body.result
  expect(resources.map(({ uri }: { uri: string }) => uri)).toEqual([
    'persql://guide',
    `persql://${slug}/schema`,
    `persql://${slug}/docs`,
  ])
})

test('a branch may have any name that git takes', async () => {
  const agent = speaker(platform, made.token, '/mcp?tools=all')
  for (const ref of ['dependabot/npm_and_yarn/@types/node-20', 'fix#123', '100%/ветка', 'a%2Fb']) {
    const claim = await agent.call('claim_branch', { database: 'main', ref })
    expect(claim.structuredContent.branchRef).toBe(ref)
    expect((await agent.call('delete_branch', { database: 'main', ref })).structuredContent).toEqual({ deleted: true })
  }
  expect((await agent.call('claim_branch', { database: 'main', ref: 'a..b' })).isError).toBe(true)
})

test('pages of other sites are refused, our own are not', async () => {
  const { send } = speaker(platform, made.token)
  expect((await send('tools/list', {}, { origin: 'https://evil.example' })).status).toBe(403)
  expect((await send('tools/list', {}, { origin: 'null' })).status).toBe(403)
  expect((await send('tools/list', {}, { origin: platform.url })).status).toBe(200)
})

test('a page that made its name point here is refused', async () => {
  const headers = { authorization: `Bearer ${made.token}`, origin: 'http://evil.example', accept: 'text/event-stream' }
  expect((await platform.requestAt('evil.example', '/mcp', headers)).status).toBe(403)
})

test('answers at the root too, where browsers still get their page', async () => {
  expect(await speaker(platform, made.token, '/').call('query', query.arguments)).toMatchObject({
    structuredContent: { rows: [[1]] },
  })
  expect((await speaker(platform, made.token, '/?readonly=1').tools()).length).toBe(5)
  const page = await platform.request('/', { headers: { accept: 'text/html' } })
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
})

test('keeps no sessions: nothing to listen to, nothing to end', async () => {
  for (const method of ['GET', 'DELETE']) {
    const headers = { accept: 'text/event-stream' }
    expect((await platform.request('/mcp', { token: made.token, method, headers })).status).toBe(405)
  }
  const { headers } = await speaker(platform, made.token).send('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'x', version: '1' },
  })
  expect(headers.get('mcp-session-id')).toBeNull()
})

test('rejects invalid messages with the errors of the protocol', async () => {
  const headers = { accept: 'application/json, text/event-stream' }
  const send = (body: unknown) => platform.request('/mcp', { token: made.token, headers, body })
  expect(await send('{')).toMatchObject({ status: 400, body: { error: { code: -32700 } } })
  expect(await send([{ jsonrpc: '2.0', id: 1, method: 'tools/list' }])).toMatchObject({ status: 400 })
  expect((await send('x'.repeat(11 * 1024 * 1024))).status).toBe(413)
  expect(await speaker(platform, made.token).send('no/such')).toMatchObject({ body: { error: { code: -32601 } } })
})

test('says 402 in a result, with the offer of a top-up, which itself stays open', async () => {
  const poor = await platform.createNamespace('poor')
  await platform.request('/api/operator/namespaces/poor/credit', {
    token: platform.secret,
    body: { amountUsd: -5, note: 'empty' },
  })
  const agent = speaker(platform, poor.token, '/mcp?tools=all')
  const { isError, content, structuredContent } = await agent.call('query', query.arguments)
  expect(isError).toBe(true)
  expect(structuredContent).toMatchObject({ code: 'insufficient_balance', x402Version: 1, accepts: [{}] })
  expect(JSON.parse(content[0].text)).toEqual(structuredContent)
  expect((await agent.call('get_billing')).structuredContent.balanceUsd).toBe(0)
  expect(await agent.call('topup_balance', { amountUsd: 25 })).toMatchObject({
    structuredContent: { code: 'payments_unavailable' },
  })
})

test('reads schema and descriptions as resources, and completes names of databases', async () => {
  const { send } = speaker(platform, made.token)
  await made.db().query('CREATE TABLE IF NOT EXISTS t (n)')
  const { resources } = (await send('resources/list')).body.result
  const uris = resources.map(({ uri }: { uri: string }) => uri)
  expect(uris).toEqual(expect.arrayContaining(['persql://guide', 'persql://main/schema', 'persql://main/docs']))
  for (const uri of ['persql://guide', 'persql://main/schema', 'persql://main/docs']) {
    const { contents } = (await send('resources/read', { uri })).body.result
    expect(contents).toMatchObject([{ uri, text: expect.stringMatching(/./) }])
  }
  const missing = await send('resources/read', { uri: 'persql://nothing-here/secrets' })
  expect(missing.body.error).toMatchObject({ code: -32602 })
  const ref = { type: 'ref/resource', uri: 'persql://{database}/schema' }
  const completed = await send('completion/complete', { ref, argument: { name: 'database', value: 'ma' } })
  expect(completed.body.result.completion.values).toContain('main')
})

test('gives recipes as prompts', async () => {
  const { send } = speaker(platform, made.token)
  const { prompts } = (await send('prompts/list')).body.result
  expect(prompts.map(({ name }: { name: string }) => name)).toEqual(['branch_first', 'migrate_safely'])
  const given = { database: 'main', change: 'add a column' }
  const { messages } = (await send('prompts/get', { name: 'migrate_safely', arguments: given })).body.result
  expect(messages[0].content.text).toContain('add a column')
  expect((await send('prompts/get', { name: 'branch_first' })).body.error).toMatchObject({ code: -32602 })
})
