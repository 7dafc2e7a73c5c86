import { type Agent, fetch } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { chooseProxyUrl, proxyNames, type RunningProxy, startReverseProxy } from '../reverse-proxy.ts'
import { subscribe } from '../socket.ts'

describe.each(proxyNames)('%s', (name) => {
  let folder: string
  let platform: TestPlatform
  let proxy: RunningProxy
  let url: string
  let namespace: Awaited<ReturnType<TestPlatform['createNamespace']>>
  const connectFrom = (localAddress: string, allowH2 = false) => proxy.connectFrom(localAddress, allowH2)
  const call = async (path: string, body: BodyInit | undefined, dispatcher: Agent, token = namespace.token) => {
    const response = await fetch(url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
      body: body as string | undefined,
      dispatcher,
    })
    // biome-ignore lint/suspicious/noExplicitAny: a black-box test inspects any response
    return { status: response.status, headers: response.headers, body: (await response.json()) as any }
  }
  const sql = (sql: string, params: unknown[] = []) => JSON.stringify({ sql, params })
  const main = () => namespace.db().path

  beforeAll(async () => {
    folder = await makeDataFolder('persql-proxy-')
    url = await chooseProxyUrl()
    const environment = { PERSQL_URL: url, TRUSTED_PROXIES: '127.0.0.1', FLOOD_PER_MINUTE: '300' }
    platform = await startPlatform({ environment })
    namespace = await platform.createNamespace('proxied')
    await namespace.db().query('CREATE TABLE t (a INTEGER PRIMARY KEY, b)')
    proxy = await startReverseProxy(name, folder, url, platform.url)
  })
  afterAll(async () => {
    await proxy?.stop()
    await platform?.stop()
    await removeDataFolder(folder)
  })

  test.each([
    ['HTTP/1.1', false],
    ['HTTP/2', true],
  ])('a query with TLS over %s', async (_protocol, allowH2) => {
    const answer = await call(`${main()}/query`, sql('SELECT ?', ['ä']), connectFrom('127.0.0.2', allowH2))
    expect([answer.status, answer.body.data.rows]).toEqual([200, [['ä']]])
    expect(answer.headers.get('x-request-id')).toBeTruthy()
  })

  test('links have the public URL', async () => {
    const path = '/.well-known/oauth-protected-resource/mcp'
    expect((await call(path, undefined, connectFrom('127.0.0.2'))).body.resource).toBe(`${url}/mcp`)
  })

  test('an upload that is larger than the limits of proxies', async () => {
    const line = `${JSON.stringify({ b: 'x'.repeat(1_000) })}\n`
    const path = `${main()}/import?format=ndjson&table=t`
    const answer = await call(path, line.repeat(30_000), connectFrom('127.0.0.2'))
    expect([answer.status, answer.body.error]).toEqual([200, undefined])
    const counted = await call(
      `${main()}/query`,
      sql('SELECT count(*), sum(length(b)) FROM t'),
      connectFrom('127.0.0.2'),
    )
    expect(counted.body.data.rows).toEqual([[30_000, 30_000_000]])
  })

  test('a large result', async () => {
    const answer = await call(
      `${main()}/query`,
      sql('SELECT hex(zeroblob(500000)) FROM t LIMIT 10'),
      connectFrom('127.0.0.2'),
    )
    expect(answer.body.data.rows.map(([text]: [string]) => text.length)).toEqual(Array(10).fill(1_000_000))
  })

  test('a subscription', async () => {
    const dispatcher = connectFrom('127.0.0.2')
    const subscriber = await subscribe(`${url}${main()}/subscribe`, { token: namespace.token, dispatcher })
    await call(`${main()}/query`, sql('INSERT INTO t (b) VALUES (1)'), dispatcher)
    await subscriber.until(({ type }) => type === 'change')
    expect(subscriber.changes()).toEqual(['t insert'])
    subscriber.close()
    await subscriber.closed
  })

  test('each client has its own rate limit, and none can choose its IP address', async () => {
    const flood = async (localAddress: string, forge?: (request: number) => Record<string, string>) => {
      const dispatcher = connectFrom(localAddress)
      const statuses = new Set<number>()
      for (let request = 0; request < 310; request++) {
        const response = await fetch(`${url}/v1/me`, { headers: forge?.(request) ?? {}, dispatcher })
        await response.arrayBuffer()
        statuses.add(response.status)
      }
      return [...statuses]
    }
    expect(await flood('127.0.0.3')).toEqual([401, 429])
    expect(await flood('127.0.0.4', (n) => ({ 'x-forwarded-for': `198.51.100.${n % 200}` }))).toEqual([401, 429])
    expect(await flood('127.0.0.5', (n) => ({ forwarded: `for=198.51.100.${n % 200}` }))).toEqual([401, 429])
    expect((await call('/v1/me', undefined, connectFrom('127.0.0.6'))).status).toBe(200)
  })
})
