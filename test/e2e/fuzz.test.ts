import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>

beforeAll(async () => {
  platform = await startPlatform()
  acme = await platform.createNamespace('acme')
  await acme
    .db()
    .batch([{ sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)' }, { sql: 'CREATE VIEW v AS SELECT a FROM t' }])
})
afterAll(() => platform.stop())

const INTERNALS = /workerd|\.ts\b|\.mjs|at \w+ \(|\/tmp\/|stack|_cf_METADATA|SQLITE_[A-Z]/

async function harmless(path: string, init: RequestInit): Promise<void> {
  const response = await fetch(platform.url + path, init)
  // Dots and backslashes are gone from it, as they are on the way.
  const { pathname } = new URL(platform.url + path)
  const text = await response.text()
  const said = JSON.stringify({ path, ...init, status: response.status, text: text.slice(0, 500) })
  if (response.status >= 500) throw new Error(said)
  // The few pages are no JSON.
  if (response.ok && response.headers.get('content-type')?.startsWith('text/html')) return
  // Responses to OPTIONS have only headers.
  if (response.status === 204 && init.method === 'OPTIONS' && text === '' && response.headers.has('allow')) return
  const body = JSON.parse(text)
  if (response.ok) return
  // The public and MCP have envelopes of their own.
  if (body.jsonrpc === '2.0' && /^\/(mcp\/?)?$/.test(pathname)) return harmlessText(body.error?.message, said)
  const refused = body.success === false || (body.ok === false && /^\/p(\/|$)/.test(pathname))
  if (!refused || typeof body.error !== 'string' || typeof body.code !== 'string') throw new Error(said)
  harmlessText(`${body.error} ${body.code}`, said)
}

function harmlessText(text: unknown, said: string): void {
  if (typeof text !== 'string' || INTERNALS.test(text)) throw new Error(said)
}

const post = (path: string, body: BodyInit, headers: Record<string, string> = {}) =>
  harmless(path, { method: 'POST', body, headers: { authorization: `Bearer ${acme.token}`, ...headers } })

const word = fc.constantFrom(
  'SELECT',
  'INSERT INTO',
  'UPDATE',
  'DELETE FROM',
  'REPLACE INTO',
  'CREATE TABLE',
  'CREATE INDEX',
  'CREATE VIEW',
  'CREATE TRIGGER',
  'DROP TABLE',
  'ALTER TABLE',
  'ADD COLUMN',
  'RENAME TO',
  'PRAGMA',
  'EXPLAIN',
  'QUERY PLAN',
  'ANALYZE',
  'REINDEX',
  'VALUES',
  'FROM',
  'WHERE',
  'SET',
  'JOIN',
  'ON',
  'GROUP BY',
  'ORDER BY',
  'LIMIT',
  'RETURNING',
  'WITH',
  'AS',
  'UNION',
  'AND',
  'NOT',
  'NULL',
  'IN',
  'LIKE',
  'BEGIN',
  'END',
  'AFTER INSERT ON',
  't',
  'v',
  'a',
  'b',
  'id',
  'x',
  '_persql_query_log',
  '_cf_KV',
  'sqlite_master',
  'sqlite_sequence',
  'table_info',
  '(',
  ')',
  ',',
  '=',
  '*',
  '.',
  ';',
  '?',
  ':a',
  '$b',
  '1',
  '-1',
  '9e999',
  '9223372036854775807',
  "'text'",
  "x'00ff'",
  '"q"',
  '[q]',
  '--',
  '/*',
  '*/',
  'count(*)',
  'max(a)',
  'json_each',
  'random()',
  'zeroblob(10)',
  'abs(-9223372036854775808)',
  'length(a)',
  'printf',
  'load_extension',
  'fts5',
  'USING',
  'VIRTUAL TABLE',
  'IF EXISTS',
  'main.',
  'temp.',
)
const sql = fc.oneof(
  fc.array(word, { maxLength: 14 }).map((words) => words.join(' ')),
  fc.string({ unit: 'binary', maxLength: 40 }),
)
const param = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.base64String().map((base64) => ({ base64 })),
  fc.jsonValue(),
)
const operation = fc.constantFrom('query', 'batch', 'validate', 'explain')

test('SQL made of SQL’s own words breaks nothing', async () => {
  await fc.assert(
    fc.asyncProperty(operation, sql, fc.array(param, { maxLength: 4 }), async (name, text, params) => {
      const statement = { sql: text, params }
      const body =
        name === 'batch' ? { statements: [statement, statement], transaction: text.length % 2 === 0 } : statement
      await post(`/v1/db/acme/main/${name}`, JSON.stringify(body))
    }),
    { numRuns: 2_500 },
  )
})

test('bodies, headers and paths of any kind break nothing', async () => {
  const body = fc.oneof(
    fc.json(),
    fc.string(),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  )
  const path = fc.oneof(
    fc.constantFrom(
      '/v1/db/acme/main/query',
      '/v1/db/acme/main/batch',
      '/v1/tokens',
      '/v1/databases',
      '/v1/billing/topup',
      '/api/operator/namespaces',
      '/',
    ),
    fc.webPath(),
    fc
      .array(fc.string({ maxLength: 8 }), { maxLength: 6 })
      .map((parts) => `/v1/db/${parts.map(encodeURIComponent).join('/')}`),
  )
  const text = fc.string({ unit: 'grapheme-ascii', maxLength: 250 })
  const headers = fc.record(
    { 'Idempotency-Key': text, 'Plan-Key': text, 'Plan-Step': text, 'X-Forwarded-For': text, 'Content-Type': text },
    { requiredKeys: [] },
  )
  const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS')
  await fc.assert(
    fc.asyncProperty(method, path, body, headers, fc.boolean(), async (method, path, body, headers, known) => {
      const authorization = known ? `Bearer ${acme.token}` : (headers['Plan-Key'] ?? '')
      await harmless(path, { method, headers: { ...headers, authorization }, body: method === 'GET' ? null : body })
    }),
    { numRuns: 1_500, examples: [['POST', '/.', '', {}, false]] },
  )
})

test('after all that the same process answers', async () => {
  const pid = platform.pid()
  expect((await acme.db('other').query('SELECT 1')).status).toBe(200)
  expect(platform.pid()).toBe(pid)
  expect(platform.stderr.filter((line) => /internal|uncaught/i.test(line))).toEqual([])
})
