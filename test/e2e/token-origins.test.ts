import { api, getEntryPoints, type Operation } from '@persql/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, type RequestOptions, startPlatform, type TestPlatform } from '../harness.ts'
import { LibsqlClient } from '../libsql-client.ts'
import { openLibsqlSocket } from '../libsql-socket.ts'
import { subscribe } from '../socket.ts'

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>
/** Admin tokens: without origins, and for pages of `APP`. */
let plain: string
let listed: string

const APP = 'https://app.example.com'
const OTHER = 'https://evil.example'
const D = '/v1/db/acme/main'

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  acme = await platform.createNamespace('acme')
  plain = acme.token
  listed = (await minted(plain, { origins: [APP] })).token
})
afterAll(() => platform.stop())

const as = (token: string, path: string, options: RequestOptions = {}) => platform.request(path, { token, ...options })
const mint = (token: string, body: object) => as(token, '/v1/tokens', { body: { name: 'x', ...body } })
const minted = async (token: string, body: object = {}) => {
  const { status, body: answer } = await mint(token, body)
  expect([status, answer.error]).toEqual([200, undefined])
  return answer.data
}
const from = (origin: string, options: RequestOptions = {}): RequestOptions => ({
  ...options,
  headers: { ...options.headers, Origin: origin },
})
const query = (sql = 'SELECT 1'): RequestOptions => ({ body: { sql } })
/** The page that a response allows to read it. */
const reader = ({ headers }: Pick<Answer, 'headers'>) => headers.get('Access-Control-Allow-Origin')
const code = ({ status, body }: Answer) => [status, body?.code, body?.field].filter(Boolean).join(' ')

describe('the origins of a new token', () => {
  test.each<[origins: unknown, kept: string[] | string]>([
    [['https://app.example.com'], ['https://app.example.com']],
    [['HTTPS://App.Example.COM:443', 'https://app.example.com'], ['https://app.example.com']],
    [
      ['http://localhost:3000', 'http://127.0.0.1:80'],
      ['http://localhost:3000', 'http://127.0.0.1'],
    ],
    [['http://[::1]:8080'], ['http://[::1]:8080']],
    [['https://bücher.example'], ['https://xn--bcher-kva.example']],
    [
      Array.from({ length: 20 }, (_, i) => `https://a${i}.example`),
      Array.from({ length: 20 }, (_, i) => `https://a${i}.example`),
    ],
    [Array.from({ length: 21 }, (_, i) => `https://a${i}.example`), 'origins'],
    [[], 'origins'],
    ['https://app.example.com', 'origins'],
    [null, 'origins'],
    [[7], 'origins.0'],
    [['*'], 'origins.0'],
    [['null'], 'origins.0'],
    [['app.example.com'], 'origins.0'],
    [['https://*.example.com'], 'origins.0'],
    [['https://app.example.com/'], 'origins.0'],
    [['https://app.example.com/path'], 'origins.0'],
    [['https://app.example.com?x'], 'origins.0'],
    [['https://app.example.com\\x'], 'origins.0'],
    [['https://user@app.example.com'], 'origins.0'],
    [['https://app.example.com:99999'], 'origins.0'],
    [['https://a b.example'], 'origins.0'],
    [['https://'], 'origins.0'],
    [['ftp://app.example.com'], 'origins.0'],
    [['file://x'], 'origins.0'],
    [['capacitor://localhost'], 'origins.0'],
    [[APP, `https://${'a'.repeat(300)}.example`], 'origins.1'],
  ])('%j', async (origins, kept) => {
    const answer = await mint(plain, { origins })
    if (typeof kept === 'string') {
      expect(code(answer)).toBe('400 invalid_input')
      expect(Object.keys(answer.body.fields)).toEqual([kept])
      return
    }
    expect(answer.body.data.origins).toEqual(kept)
    expect((await as(answer.body.data.token, '/v1/me')).body.data.origins).toEqual(kept)
  })

  test('are absent unless they are set', async () => {
    expect((await minted(plain)).origins).toBeNull()
    expect((await as(plain, '/v1/me')).body.data.origins).toBeNull()
  })
})

describe('a credential passes on at most its own origins', () => {
  const pair = [APP, 'https://b.example']
  test.each<[parent: string[] | undefined, child: string[] | undefined, effective: string[] | null | string]>([
    [undefined, undefined, null],
    [undefined, [APP], [APP]],
    [pair, undefined, pair],
    [pair, [APP], [APP]],
    [pair, [APP, OTHER], [APP]],
    [pair, [OTHER], '400 exceeds_parent origins'],
  ])('%j creating %j', async (parent, child, effective) => {
    const { token } = await minted(plain, { origins: parent })
    const answer = await mint(token, { origins: child })
    if (typeof effective === 'string') expect(code(answer)).toBe(effective)
    else {
      expect(answer.body.data.origins).toEqual(effective)
      const { token: _, ...shown } = answer.body.data
      expect((await as(plain, '/v1/tokens')).body.data).toContainEqual(shown)
    }
  })

  test('so it rotates no other token that has more', async () => {
    const { token } = await minted(plain, { origins: [APP] })
    const targets = [undefined, [OTHER], [APP, OTHER], [APP]]
    const codes = []
    for (const origins of targets) {
      const { id } = await minted(plain, { origins })
      codes.push(code(await as(token, `/v1/tokens/${id}/rotate`, { body: {} })))
    }
    const excess = '400 exceeds_parent origins'
    expect(codes).toEqual([excess, excess, excess, '200'])
  })

  test('and a rotated token keeps its origins', async () => {
    const { id, token } = await minted(plain, { origins: [APP] })
    const { body } = await as(token, `/v1/tokens/${id}/rotate`, { body: {} })
    expect(body.data.origins).toEqual([APP])
    expect(code(await as(body.data.token, `${D}/query`, from(OTHER, query())))).toBe('403 origin_not_allowed')
  })

  test('to branches that it claims', async () => {
    const { body } = await as(listed, `${D}/claim_branch`, { body: { role: 'admin' } })
    const { token, databaseSlug } = body.data
    expect((await as(token, '/v1/me')).body.data.origins).toEqual([APP])
    const call = (origin: string) => as(token, `/v1/db/acme/${databaseSlug}/query`, from(origin, query()))
    expect([code(await call(APP)), code(await call(OTHER))]).toEqual(['200', '403 origin_not_allowed'])
  })

  test('and to handoffs, which other pages leave unredeemed', async () => {
    const claimed = await as(listed, `${D}/claim_branch`, { body: { ref: 'handed' } })
    expect(claimed.status).toBe(200)
    const handoff = (await as(listed, `${D}/branches/handed/handoff`, { body: { role: 'read' } })).body.data.token
    const redeem = (origin: string) =>
      platform.request('/v1/handoff/redeem', from(origin, { body: { token: handoff } }))
    const refused = await redeem(OTHER)
    expect([code(refused), reader(refused)]).toEqual(['403 origin_not_allowed', OTHER])
    const redeemed = await redeem(APP)
    expect([code(redeemed), reader(redeemed)]).toEqual(['200', APP])
    expect((await as(redeemed.body.data.token, '/v1/me')).body.data.origins).toEqual([APP])
  })
})

const calls = Object.values<Operation>(api)
  .flatMap((operation) => getEntryPoints(operation).map(([, way]) => ({ way, operation })))
  .filter(({ way: { path } }) => path.startsWith('/v1/'))
  .map(({ way: { method, path }, operation }) => {
    const at = path
      .replace('{ns}', 'acme')
      .replace('{db}', 'main')
      .replace(/\{\w+\}/g, 'x')
    const hasBody = !['GET', 'DELETE'].includes(method) && !operation.upload
    return { method, path: at, body: hasBody ? '{"no": "such field"}' : undefined, scope: operation.scope }
  })
const libsql = ['v2/pipeline', 'v3/pipeline', 'v3/cursor'].map((path) => ({
  method: 'POST',
  path: `/libsql/acme/main/${path}`,
  body: '{}',
  scope: 'readonly',
}))
const all = [...calls, ...libsql]

/** A route, as failures name it. */
const toName = ({ method, path }: { method: string; path: string }) => `${method} ${path}`

/** Calls all routes as a page, and returns a description of each response by its route. */
async function fromPage<T>(
  routes: typeof all,
  origin: string,
  token: string | undefined,
  describeAnswer: (answer: Answer) => T,
): Promise<Record<string, T>> {
  const described: Record<string, T> = {}
  const queue = [...routes]
  const worker = async () => {
    for (let call = queue.shift(); call !== undefined; call = queue.shift()) {
      const { method, path, body } = call
      const options = { method, ...(body !== undefined && { body }), ...(token !== undefined && { token }) }
      described[toName(call)] = describeAnswer(await platform.request(path, from(origin, options)))
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return described
}

const every = <T>(routes: typeof all, value: T): Record<string, T> =>
  Object.fromEntries(routes.map((call) => [toName(call), value]))
const withToken = all.filter(({ scope }) => scope !== 'anyone')

describe('every route of /v1 and of the libSQL protocol', () => {
  test('has the same preflight response for every page, without a token', async () => {
    for (const origin of [APP, OTHER, 'null']) {
      const preflight = async ({ method, path }: (typeof all)[number]) => {
        const headers = { 'Access-Control-Request-Method': method, 'Access-Control-Request-Headers': 'authorization' }
        const { status, headers: sent } = await platform.request(path, from(origin, { method: 'OPTIONS', headers }))
        expect([status, sent.get('Access-Control-Allow-Origin'), sent.get('Vary')], path).toEqual([
          204,
          origin,
          'Origin',
        ])
        expect(sent.get('Access-Control-Allow-Methods')).toContain(method)
        for (const name of ['Authorization', 'Content-Type', 'Idempotency-Key', 'Plan-Key', 'Plan-Step']) {
          expect(sent.get('Access-Control-Allow-Headers')).toContain(name)
        }
        expect(sent.has('Access-Control-Allow-Credentials')).toBe(false)
      }
      await Promise.all(all.map(preflight))
    }
  })

  test.each([OTHER, 'null', `${APP}:8443`, 'http://app.example.com', `${APP}.evil.example`])(
    'refuses the page %s, which the token does not list, readably',
    async (origin) => {
      const refusals = await fromPage(withToken, origin, listed, (answer) => [
        answer.status,
        (answer.body.error as string).includes(`"${origin}"`),
        reader(answer),
        answer.headers.get('Vary'),
      ])
      expect(refusals).toEqual(every(withToken, [403, true, origin, 'Origin']))
    },
  )

  test('can be read by a page that the token lists', async () => {
    const readable = await fromPage(withToken, APP, listed, (answer) => [
      answer.body?.code === 'origin_not_allowed',
      reader(answer),
      answer.headers.get('Vary'),
      /Retry-After, Idempotency-Replayed/.test(answer.headers.get('Access-Control-Expose-Headers') ?? ''),
    ])
    expect(readable).toEqual(every(withToken, [false, APP, 'Origin', true]))
  })

  test('can be read by no page if the token has no origins', async () => {
    const hidden = await fromPage(withToken, OTHER, plain, (answer) => [
      answer.body?.code === 'origin_not_allowed',
      reader(answer),
      answer.headers.get('Vary'),
    ])
    expect(hidden).toEqual(every(withToken, [false, null, 'Origin']))
  })

  test.each([
    ['missing', undefined],
    ['malformed', 'nonsense'],
    ['unknown', `psql_live_acme_${'a'.repeat(43)}`],
  ])('responds to every page that its token is %s', async (_what, token) => {
    const refusals = await fromPage(withToken, OTHER, token, (answer) => [answer.status, reader(answer)])
    expect(refusals).toEqual(every(withToken, [401, OTHER]))
  })
})

test('a refused page creates no database, is not billed and leaves no trace in the log', async () => {
  const logged = async () => (await acme.db().query('SELECT count(*) FROM _persql_query_log')).body.data.rows[0][0]
  await as(listed, `${D}/query`, query())
  const before = await logged()
  for (const path of [`${D}/query`, '/v1/db/acme/brand-new/query']) {
    expect(code(await as(listed, path, from(OTHER, query('CREATE TABLE t (a)'))))).toBe('403 origin_not_allowed')
  }
  expect(await logged()).toBe(before + 1)
  expect((await as(plain, '/v1/databases/brand-new')).status).toBe(404)
})

test('the check is made at each call, with a warm cache too', async () => {
  const { token, id } = await minted(plain, { origins: [APP] })
  const codes = []
  for (const origin of [APP, OTHER, APP, OTHER]) codes.push(code(await as(token, `${D}/query`, from(origin, query()))))
  expect(codes).toEqual(['200', '403 origin_not_allowed', '200', '403 origin_not_allowed'])
  expect(code(await as(token, `${D}/query`, query()))).toBe('200')
  await as(plain, `/v1/tokens/${id}`, { method: 'DELETE' })
  const revoked = await as(token, `${D}/query`, from(APP, query()))
  expect([code(revoked), reader(revoked)]).toEqual(['401 token_unknown', APP])
})

test('files can be read by listed pages, with their names', async () => {
  await as(plain, `${D}/query`, query('CREATE TABLE IF NOT EXISTS files (a)'))
  for (const format of ['sql', 'sqlite', 'csv&table=files', 'ndjson&table=files']) {
    const path = `${D}/export?format=${format}`
    const answer = await as(listed, path, from(APP))
    expect([answer.status, reader(answer)]).toEqual([200, APP])
    expect(answer.headers.get('Content-Disposition')).toMatch(/^attachment/)
    expect(answer.headers.get('Access-Control-Expose-Headers')).toContain('Content-Disposition')
    expect(code(await as(listed, path, from(OTHER)))).toBe('403 origin_not_allowed')
    expect(reader(await as(plain, path, from(APP)))).toBeNull()
  }
  const imported = await as(listed, `${D}/import?format=csv&table=files`, from(APP, { body: 'a\n1\n' }))
  expect([imported.status, reader(imported)]).toEqual([200, APP])
})

test('replays are marked for the page', async () => {
  const sent = from(APP, { ...query(), headers: { 'Idempotency-Key': 'one' } })
  await as(listed, `${D}/query`, sent)
  const again = await as(listed, `${D}/query`, sent)
  expect([again.headers.get('Idempotency-Replayed'), reader(again)]).toEqual(['true', APP])
})

describe('a WebSocket of the change feed', () => {
  const open = (token: string, origin: string) =>
    subscribe(`${platform.url}${D}/subscribe`, { token, headers: { Origin: origin } })

  test('opens for listed pages and for tokens without origins', async () => {
    for (const token of [listed, plain]) {
      const subscriber = await open(token, APP)
      await subscriber.until(({ type }) => type === 'subscribed')
      subscriber.close()
    }
  })

  test('is refused to other pages, with the token as a protocol or in the query string', async () => {
    await expect(open(listed, OTHER)).rejects.toThrow('refused')
    const url = `${platform.url}${D}/subscribe?token=${listed}`
    await expect(subscribe(url, { headers: { Origin: OTHER } })).rejects.toThrow('refused')
    ;(await subscribe(url, { headers: { Origin: APP } })).close()
  })
})

test('a WebSocket of the libSQL protocol authenticates for listed pages and for tokens without origins', async () => {
  const greet = async (token: string, origin: string) => {
    const socket = await openLibsqlSocket(`${platform.url}/libsql/acme/main/`, { headers: { Origin: origin } })
    const { type, error } = await socket.hello(token)
    await socket.close()
    return [type, error?.code]
  }
  expect(await greet(listed, APP)).toEqual(['hello_ok', undefined])
  expect(await greet(plain, OTHER)).toEqual(['hello_ok', undefined])
  expect(await greet(listed, OTHER)).toEqual(['hello_error', 'origin_not_allowed'])
})

test('a client of the libSQL protocol reads errors in its form', async () => {
  const client = new LibsqlClient(`${platform.url}/libsql/acme/main/`, listed)
  const { status, body, headers } = await client.send('v2/pipeline', { requests: [] }, { headers: { Origin: OTHER } })
  expect([status, body.code, body.message]).toEqual([403, 'origin_not_allowed', expect.stringContaining(OTHER)])
  expect([reader({ headers }), headers.get('Content-Type')]).toEqual([OTHER, 'application/json'])
})

test('an unknown path below /v1 is a readable 404', async () => {
  const answer = await as(listed, '/v1/nothing', from(OTHER))
  expect([answer.status, reader(answer)]).toEqual([404, OTHER])
})

test.each(['/api/namespaces/acme/tokens', '/mcp', '/healthz', '/api/auth/get-session'])(
  '%s gives pages of other sites nothing to read',
  async (path) => {
    for (const method of ['GET', 'OPTIONS']) expect(reader(await as(listed, path, from(APP, { method })))).toBeNull()
  },
)

test('tokens of the token form in the console have origins too', async () => {
  const owner = await platform.signUp('owner@example.com')
  const path = '/api/namespaces/owner/tokens'
  const { body } = await owner.request(path, { body: { name: 'page', origins: ['https://APP.example.com'] } })
  expect(body.data.origins).toEqual([APP])
  expect((await owner.request(path)).body.data).toContainEqual(
    expect.objectContaining({ name: 'page', origins: [APP] }),
  )
  const { token } = body.data
  expect(reader(await as(token, '/v1/db/owner/main/query', from(APP, query())))).toBe(APP)
})

test('an empty balance is a readable 402 with its offer', async () => {
  const broke = await platform.createNamespace('broke')
  const { token } = await minted(broke.token, { origins: [APP] })
  await platform.request('/api/operator/namespaces/broke/credit', {
    token: platform.secret,
    body: { amountUsd: -100, ref: 'empty', note: 'test' },
  })
  const call = () => as(token, '/v1/db/broke/main/query', from(APP, query()))
  await expect.poll(async () => code(await call())).toBe('402 insufficient_balance')
  const answer = await call()
  expect(reader(answer)).toBe(APP)
  expect(answer.headers.get('Access-Control-Expose-Headers')).toContain('PAYMENT-REQUIRED')
})

test('a flood is a readable 429, and its preflight requests pass', async () => {
  const small = await startPlatform({ environment: { FLOOD_PER_MINUTE: '5' } })
  try {
    const call = (method: string) => small.request(`${D}/query`, from(OTHER, { method }))
    await expect.poll(async () => (await call('POST')).status, { interval: 1 }).toBe(429)
    const answer = await call('POST')
    expect([answer.status, answer.body.code, reader(answer)]).toEqual([429, 'flood', OTHER])
    expect(answer.headers.get('Retry-After')).toMatch(/^\d+$/)
    expect((await call('OPTIONS')).status).toBe(204)
    expect(reader(await small.request('/api/status', from(OTHER)))).toBeNull()
  } finally {
    await small.stop()
  }
})
