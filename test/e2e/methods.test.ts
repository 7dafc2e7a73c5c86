import { request as httpRequest } from 'node:http'
import { api, getEntryPoints, type Operation } from '@persql/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEndpoints, specs } from '../endpoints.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let made: Awaited<ReturnType<TestPlatform['createNamespace']>>
let owner: Awaited<ReturnType<TestPlatform['signUp']>>

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  owner = await platform.signUp('acme@example.com')
  made = await platform.createNamespace('acme')
  const { publish } = await createEndpoints(platform, made)
  await publish(specs.list)
  await publish(specs.add)
})
afterAll(() => platform.stop())

interface Sent {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: string
}

/** A request whose answer is read as it came: `fetch` hides what belongs to no HEAD. */
function send(method: string, path: string, headers: Record<string, string> = {}): Promise<Sent> {
  return new Promise((resolve, reject) => {
    httpRequest(platform.url + path, { method, headers }, async (response) => {
      const body = (await response.setEncoding('utf8').toArray()).join('')
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
    })
      .on('error', reject)
      .end()
  })
}

/** Headers that say the same each time. */
const lasting = ({ headers }: Sent) => {
  const {
    date,
    'content-security-policy': policy,
    'content-length': length,
    'transfer-encoding': how,
    'x-request-id': id,
    ...rest
  } = headers
  return { ...rest, policy: typeof policy }
}
const allowed = ({ headers }: Sent) => String(headers.allow).split(', ')

const contract = Object.entries(api as Record<string, Operation>).flatMap(([name, operation]) =>
  getEntryPoints(operation).map(([door, { method, path }]) => {
    const at = path
      .replace('{ns}', 'acme')
      .replace('{db}', 'main')
      .replace(/\{slug\}/, path.includes('/databases/{slug}') ? 'main' : 'list-notes')
      .replace(/\{\w+\}/g, 'x')
    return { name, door, method, path: at, scope: operation.scope }
  }),
)
const others = [
  '/healthz',
  '/readyz',
  '/metrics',
  '/api/openapi.json',
  '/.well-known/oauth-authorization-server',
  '/.well-known/oauth-protected-resource',
  '/.well-known/oauth-protected-resource/mcp',
  '/.well-known/oauth-protected-resource/v1',
  '/p/acme/main/list-notes?author=ada',
  '/p/acme/main/list-notes',
  '/p/acme/main/openapi.json',
  '/p/acme/main/.well-known/endpoints.json',
  '/billing',
  '/invite/x',
  '/approve/x',
  '/login',
  '/oauth/authorize',
  '/api/auth/get-session',
  '/',
]
const headersFor = (door: string, scope: string): Record<string, string> => {
  if (door === 'session') return { cookie: owner.cookie, origin: platform.url }
  return { authorization: `Bearer ${scope === 'operator' ? platform.secret : made.token}` }
}

describe('HEAD is GET without its body', () => {
  const gets = contract.filter(({ method }) => method === 'GET')

  test.each(gets)('$name through the $door door: $path', async ({ door, scope, path }) => {
    const at = path.includes('wait_for_changes') ? `${path}?timeoutSec=0` : path
    const headers = headersFor(door, scope)
    const [get, head] = [await send('GET', at, headers), await send('HEAD', at, headers)]
    expect([head.status, head.body, lasting(head)]).toEqual([get.status, '', lasting(get)])
    expect(get.status).not.toBe(405)
    // Answers that say how long something took are not always as long.
    if (get.headers['content-length'] === undefined) expect(head.headers).not.toHaveProperty('content-length')
    else expect(Number(head.headers['content-length'])).toBeGreaterThan(0)
  })

  test.each(others)('%s', async (path) => {
    const [get, head] = [
      await send('GET', path, { accept: 'text/html' }),
      await send('HEAD', path, { accept: 'text/html' }),
    ]
    expect([head.status, head.body, lasting(head)]).toEqual([get.status, '', lasting(get)])
    if (path !== '/metrics') expect(head.headers['content-length']).toEqual(get.headers['content-length'])
  })

  test('of the files of the console, as they are compressed', async () => {
    const { body } = await send('GET', '/', { accept: 'text/html' })
    const [script] = /\/assets\/[\w.-]+\.js/.exec(body) as RegExpExecArray
    for (const encoding of ['identity', 'gzip', 'br']) {
      const headers = { 'accept-encoding': encoding }
      const [get, head] = [await send('GET', script, headers), await send('HEAD', script, headers)]
      expect([get.status, head.status, head.body, lasting(head)]).toEqual([200, 200, '', lasting(get)])
      expect(head.headers['content-length']).toEqual(get.headers['content-length'])
    }
  })

  test('is billed once, as GET is', async () => {
    const requests = async () => {
      const { body } = await platform.request('/v1/usage', { token: made.token })
      return body.data.days.reduce((sum: number, day: { requests: number }) => sum + day.requests, 0) as number
    }
    const headers = headersFor('bearer', 'readonly')
    for (const path of [
      '/p/acme/main/list-notes?author=ada',
      '/v1/db/acme/main/tables',
      '/v1/db/acme/main/snapshots',
    ]) {
      const before = await requests()
      await send('GET', path, headers)
      const between = await requests()
      await send('HEAD', path, headers)
      expect([path, (await requests()) - between]).toEqual([path, between - before])
    }
  })

  test('of an export leaves no copy behind that writes wait for', async () => {
    const headers = headersFor('bearer', 'readonly')
    for (const format of ['sql', 'sqlite', 'csv&table=notes', 'ndjson&table=notes']) {
      expect((await send('HEAD', `/v1/db/acme/main/export?format=${format}`, headers)).status).toBe(200)
      expect((await made.db().query("INSERT INTO notes (author, text) VALUES ('h', ?)", [format])).status).toBe(200)
    }
  })

  test('opens no WebSocket', async () => {
    const upgrade = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-version': '13' }
    const { status } = await send('HEAD', '/v1/db/acme/main/subscribe', {
      ...headersFor('bearer', 'readonly'),
      ...upgrade,
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    })
    expect(status).toBe(426)
  })

  test('of an endpoint for POST is refused, and does nothing', async () => {
    const head = await send('HEAD', '/p/acme/main/add-note')
    expect([head.status, head.body, allowed(head)]).toEqual([405, '', ['POST', 'OPTIONS']])
  })
})

const methodsAt = new Map<string, Set<string>>()
for (const { path, method } of contract) methodsAt.set(path, (methodsAt.get(path) ?? new Set()).add(method))
const routes = [
  ...[...methodsAt].map(([path, methods]) => [path, [...methods]] as const),
  ...others
    .filter((path) => !path.startsWith('/api/auth/') && path !== '/oauth/authorize' && path !== '/')
    .map((path) => [path, /^\/(approve|invite|login)/.test(path) ? ['GET', 'POST'] : ['GET']] as const),
  ['/', ['GET', 'POST']],
  ['/oauth/authorize', ['GET', 'POST']],
  ['/oauth/token', ['POST']],
  ['/oauth/register', ['POST']],
  ['/oauth/revoke', ['POST']],
  ['/api/auth/get-session', ['GET', 'POST']],
  ['/api/stripe/webhook', ['POST']],
  ['/p/acme/main/add-note', ['POST']],
  ['/mcp', ['POST']],
  ['/assets/index.js', ['GET']],
  ['/favicon.svg', ['GET']],
] as [string, string[]][]

describe('OPTIONS', () => {
  test.each(routes)('of %s is answered with 204 and %j', async (path, methods) => {
    const answer = await send('OPTIONS', path)
    const expected = [...methods, 'OPTIONS', ...(methods.includes('GET') ? ['HEAD'] : [])]
    expect([answer.status, answer.body, allowed(answer).sort()]).toEqual([204, '', expected.sort()])
  })

  test.each(['/v1/nothing', '/v1/db/acme/main/nothing', '/nothing', '/p/acme/main/nothing', '/p/acme/nothing/x'])(
    'of the unknown path %s is 404',
    async (path) => {
      expect((await send('OPTIONS', path)).status).toBe(404)
    },
  )

  test('needs no token, and does not show what exists', async () => {
    const known = await send('OPTIONS', '/v1/db/acme/main/query')
    const unknown = await send('OPTIONS', '/v1/db/unknown/unknown/query')
    expect([known.status, lasting(known)]).toEqual([204, lasting(unknown)])
  })
})

describe('405 carries Allow', () => {
  test.each(routes.filter(([path]) => !path.startsWith('/api/auth/') && path !== '/mcp'))(
    'at %s',
    async (path, methods) => {
      const taken = new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : [])])
      for (const method of ['DELETE', 'PATCH', 'POST', 'PUT', 'HEAD', 'PROPFIND'].filter((each) => !taken.has(each))) {
        // The parser of Node's server side knows this method; what is not HTTP at all is not for us to answer.
        const answer = await send(method, path, { accept: 'application/json' })
        expect([method, answer.status, allowed(answer)]).toEqual([method, 405, expect.arrayContaining(methods)])
      }
    },
  )

  test('at /mcp', async () => {
    for (const method of ['GET', 'HEAD', 'DELETE', 'PUT']) {
      const answer = await send(method, '/mcp', headersFor('bearer', 'readonly'))
      expect([method, answer.status, allowed(answer)]).toEqual([method, 405, expect.arrayContaining(['POST'])])
    }
  })
})

describe('Vary: Origin', () => {
  const varies = ({ headers }: Sent) =>
    String(headers.vary)
      .split(/,\s*/)
      .filter((name) => name.toLowerCase() === 'origin')

  test.each([
    ['GET', '/p/acme/main/list-notes?author=ada'],
    ['GET', '/p/acme/main/list-notes'],
    ['HEAD', '/p/acme/main/list-notes?author=ada'],
    ['OPTIONS', '/p/acme/main/list-notes'],
    ['PUT', '/p/acme/main/list-notes'],
    ['GET', '/p/acme/main/nothing'],
    ['GET', '/p/acme/nothing/x'],
    ['GET', '/p/acme/main/openapi.json'],
    ['GET', '/p/acme/main/.well-known/endpoints.json'],
    ['OPTIONS', '/p/acme/main/openapi.json'],
    ['GET', '/api/openapi.json'],
    ['GET', '/api/namespaces'],
    ['GET', '/api/namespaces/acme/databases'],
    ['POST', '/api/namespaces/acme/databases'],
    ['OPTIONS', '/api/namespaces/acme/databases'],
    ['GET', '/api/nothing'],
    ['GET', '/api/auth/get-session'],
    ['POST', '/api/auth/sign-in/email'],
    ['GET', '/api/operator/status'],
  ])('%s %s', async (method, path) => {
    for (const origin of [undefined, 'https://app.example', platform.url]) {
      const answer = await send(method, path, origin === undefined ? {} : { origin })
      expect([origin, varies(answer)]).toEqual([origin, ['Origin']])
    }
  })
})
