import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let ns: Awaited<ReturnType<TestPlatform['createNamespace']>>
beforeAll(async () => {
  platform = await startPlatform({ environment: { BODY_TIMEOUT_S: '2' } })
  ns = await platform.createNamespace('acme')
  await ns.db().query('CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT)')
  // A database takes one import at a time.
  await ns.db('forms').query('SELECT 1')
})
afterAll(() => platform.stop())

interface Sent {
  path: string
  type?: string
  /** The declared length: bytes, or `chunked`. */
  length: number | 'chunked'
  /** Sends the body, or as much of it as it wants to. */
  send: (socket: Socket) => void
}

/** Sends a request as a test wants to, and resolves with the answer: for a refusal, once the connection is closed. */
function send({ path, type = 'application/json', length, send }: Sent): Promise<{ status: number; code?: string }> {
  const { hostname, port } = new URL(platform.url)
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    `Authorization: Bearer ${ns.token}`,
    `Content-Type: ${type}`,
    length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`,
  ]
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`${lines.join('\r\n')}\r\n\r\n`)
      send(socket)
    })
    let text = ''
    const answer = () => {
      const [, status, body] = /^HTTP\/1\.1 (\d+)[\s\S]*?\r\n\r\n[\s\S]*?(\{[\s\S]*\})/.exec(text) ?? []
      return status && body ? { status: Number(status), code: JSON.parse(body).code } : undefined
    }
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
      const known = answer()
      if (known?.status === 200) {
        socket.destroy()
        resolve(known)
      }
    })
    // One that is closed while its sender goes on sending is reset.
    socket.on('error', () => {})
    socket.on('close', () => {
      const known = answer()
      if (known) resolve(known)
      else reject(new Error(`The connection was closed after ${JSON.stringify(text)}.`))
    })
  })
}

/** Sends parts of a body, one after the other, every `everyMs`. */
function drip(socket: Socket, parts: (string | Buffer)[], everyMs: number): void {
  const rest = [...parts]
  const timer = setInterval(() => {
    const part = rest.shift()
    if (part === undefined || socket.destroyed) clearInterval(timer)
    else socket.write(part)
  }, everyMs)
}

const query = '/v1/db/acme/main/query'
const sql = JSON.stringify({ sql: 'SELECT 1' })

describe.concurrent('a body that stops arriving is refused', () => {
  const cases: [string, Sent][] = [
    ['nothing of it comes', { path: query, length: 100, send: () => {} }],
    ['half of it comes', { path: query, length: 100, send: (socket) => socket.write(sql) }],
    ['a large one stops', { path: query, length: 5_000_000, send: (socket) => socket.write('x'.repeat(300_000)) }],
    ['nothing of a large one comes', { path: query, length: 5_000_000, send: () => {} }],
    [
      'one of unknown length stops',
      { path: query, length: 'chunked', send: (socket) => socket.write(`5\r\n{"sql\r\n`) },
    ],
    [
      'one that is too large stops',
      { path: query, length: 20_000_000, send: (socket) => socket.write('x'.repeat(100_000)) },
    ],
    [
      'it comes byte by byte',
      { path: query, length: 5_000_000, send: (socket) => drip(socket, Array(100).fill('x'), 200) },
    ],
    [
      'a batch stops',
      { path: '/v1/db/acme/main/batch', length: 1_000, send: (socket) => socket.write('{"statements":[') },
    ],
    [
      'an import stops',
      {
        path: '/v1/db/acme/main/import?format=sql',
        type: 'application/sql',
        length: 9_000_000,
        send: (socket) => socket.write('CREATE TABLE x (n);\n'),
      },
    ],
    [
      'an import as a form stops',
      {
        path: '/v1/db/acme/forms/import',
        type: 'multipart/form-data; boundary=b',
        length: 9_000,
        send: (socket) => socket.write('--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nCREATE'),
      },
    ],
    ['a call of an endpoint stops', { path: '/p/acme/main/none', length: 1_000, send: (socket) => socket.write('{') }],
    ['a sign-in stops', { path: '/api/auth/sign-in/email', length: 1_000, send: (socket) => socket.write('{') }],
    [
      'an operation without a fast way stops',
      { path: '/v1/tokens', length: 1_000, send: (socket) => socket.write('{') },
    ],
  ]
  // The slowest body first: the others end during it.
  test('it is held in memory, and takes for ever, however steadily it comes', async () => {
    const sent = {
      path: query,
      length: 5_000_000,
      send: (socket: Socket) => drip(socket, Array(100).fill('x'.repeat(200)), 500),
    }
    expect(await send(sent)).toEqual({ status: 408, code: 'body_timeout' })
  })

  test.each(cases)('%s', async (_what, sent) => {
    expect(await send(sent)).toEqual({ status: 408, code: 'body_timeout' })
  })

  test('a message of MCP stops', async () => {
    const { status } = await send({ path: '/mcp', length: 1_000, send: (socket) => socket.write('{') })
    expect(status).toBe(408)
  })
})

describe.concurrent('a body that is cut off is refused', () => {
  const cases: [string, Omit<Sent, 'send'>, string][] = [
    ['a query', { path: query, length: 100 }, sql],
    ['a large query', { path: query, length: 5_000_000 }, 'x'.repeat(300_000)],
    ['a query of unknown length', { path: query, length: 'chunked' }, '5\r\n{"sql\r\n'],
    ['a query with a chunk that has no length', { path: query, length: 'chunked' }, '5\r\n{"sql\r\nnone\r\n'],
    ['a batch', { path: '/v1/db/acme/main/batch', length: 1_000 }, '{"statements":['],
    ['a call of an endpoint', { path: '/p/acme/main/none', length: 1_000 }, '{'],
    ['a sign-in', { path: '/api/auth/sign-in/email', length: 1_000 }, '{'],
    ['a request for a token', { path: '/oauth/token', length: 1_000 }, 'grant_type='],
    ['a message of MCP', { path: '/mcp', length: 1_000 }, '{'],
    ['an operation without a fast way', { path: '/v1/tokens', length: 1_000 }, '{'],
    ['a dump', { path: '/v1/db/acme/dumps/import?format=sql', length: 9_000_000 }, 'CREATE TABLE x (n);\n'],
    ['a SQLite file', { path: '/v1/db/acme/files/import?format=sqlite', length: 9_000_000 }, 'SQLite format 3\0'],
  ]
  const cutOff = (sent: Omit<Sent, 'send'>, part: string, leave: (socket: Socket) => void) =>
    send({ ...sent, send: (socket) => socket.write(part, () => setTimeout(() => leave(socket), 100)) })

  test.each(cases)('%s, by a sender that still listens', async (_what, sent, part) => {
    const { status, code = 'body_incomplete' } = await cutOff(sent, part, (socket) => socket.end())
    expect({ status, code }).toEqual({ status: 400, code: 'body_incomplete' })
  })

  // The log of requests, which is read when the platform stops, has no 5xx for them.
  test.each(cases)('%s, by a sender that is gone', async (_what, sent, part) => {
    const answer = cutOff(sent, part, (socket) => socket.resetAndDestroy())
    await expect(answer.catch(() => ({ status: 400 }))).resolves.toMatchObject({ status: 400 })
  })
})

test('an unused body does not keep the connection open', async () => {
  expect(await send({ path: '/v1/nowhere', length: 1_000, send: () => {} })).toEqual({
    status: 404,
    code: 'route_not_found',
  })
})

test('a rejected body changes nothing, and an import can start again immediately', async () => {
  expect((await ns.db().query("SELECT count(*) FROM sqlite_master WHERE name = 'x'")).body.data.rows).toEqual([[0]])
  const again = await ns.db().request('/import?format=sql', {
    body: 'CREATE TABLE y (n);',
    headers: { 'content-type': 'application/sql' },
  })
  expect([again.status, again.body.code]).toEqual([200, undefined])
})

test('a slow but steady body is taken: a query, a large batch and an import', async () => {
  const padding = ' '.repeat(200)
  const parts = Array.from({ length: 12 }, () => padding)
  const small = [...parts, sql]
  const answers = await Promise.all([
    send({ path: query, length: Buffer.byteLength(small.join('')), send: (socket) => drip(socket, small, 100) }),
    send({
      path: query,
      length: 12 * 20_000 + sql.length,
      send: (socket) => drip(socket, [...Array(12).fill(' '.repeat(20_000)), sql], 400),
    }),
    send({
      path: '/v1/db/acme/main/import?format=sql',
      type: 'application/sql',
      length: Buffer.byteLength("INSERT INTO t (s) VALUES ('0123456789');\n") * 60,
      send: (socket) => drip(socket, Array(12).fill("INSERT INTO t (s) VALUES ('0123456789');\n".repeat(5)), 500),
    }),
  ])
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
  expect((await ns.db().query('SELECT count(*) FROM t')).body.data.rows).toEqual([[60]])
})
