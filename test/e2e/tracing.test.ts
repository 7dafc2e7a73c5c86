import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startCells } from '../cells.ts'
import { createEndpoints, specs } from '../endpoints.ts'
import { type PlatformSettings, startPlatform, type TestPlatform } from '../harness.ts'
import { Collector } from '../otlp-collector.ts'
import { findValue, parseExposition } from '../prometheus.ts'
import { hasReaders } from '../reader-count.ts'

let collector: Collector
let platform: TestPlatform | undefined
beforeEach(async () => {
  collector = new Collector()
  await collector.listen()
})
afterEach(async () => {
  await platform?.stop()
  platform = undefined
  collector.close()
})

async function start(environment: PlatformSettings['environment'] = {}): Promise<TestPlatform> {
  platform = await startPlatform({
    readers: 2,
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...environment },
  })
  return platform
}
const until = async (isDone: () => boolean | Promise<boolean>) => {
  while (!(await isDone())) {
    expect(collector.problems).toEqual([])
    await delay(20)
  }
}
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const traced = { traceparent: `00-${TRACE}-${PARENT}-01` }
const metric = async (name: string) =>
  findValue(parseExposition((await (platform as TestPlatform).request('/metrics')).body), name) ?? 0

test('a call is one trace of the caller: the request, below it the database, below it the reader', async () => {
  const started = await start({ OTEL_SERVICE_NAME: 'sql-eu' })
  const { db, token } = await started.createNamespace('acme')
  const sql = 'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT max(i), ? FROM n'
  const answer = await db().query(sql, ['a secret parameter'], { ...traced, 'X-Request-Id': 'mine#1' })
  expect(answer.status).toBe(200)
  // The span of the request is the last to end.
  await until(() => collector.ofTrace(TRACE).some(({ kind }) => kind === 2))
  const own = collector.ofTrace(TRACE)
  const root = own.find(({ kind }) => kind === 2)
  const call = own.find(({ kind, name }) => kind === 1 && name === 'query')
  expect(root).toMatchObject({ name: 'query', parentSpanId: PARENT, service: 'sql-eu', status: {} })
  expect(root?.attributes).toEqual({
    'http.request.method': 'POST',
    'http.response.status_code': 200,
    'url.path': '/v1/db/acme/main/query',
    'persql.operation': 'query',
    'persql.namespace': 'acme',
    'persql.database': 'main',
    'persql.request_id': 'mine#1',
  })
  expect(answer.headers.get('traceparent')).toBe(`00-${TRACE}-${root?.spanId}-01`)
  expect(call?.parentSpanId).toBe(root?.spanId)
  expect(call?.attributes).toEqual({
    'db.system.name': 'sqlite',
    'db.namespace': 'acme/main',
    'db.operation.name': 'query',
    'db.query.text': sql,
    'persql.rows_read': expect.any(Number),
    'persql.rows_written': 0,
  })
  if (hasReaders) {
    const reader = own.find(({ name }) => name === 'reader')
    expect(reader?.parentSpanId).toBe(call?.spanId)
    expect(reader?.attributes).toMatchObject({ 'persql.reader': expect.any(Number) })
  }
  for (const span of own) {
    expect(BigInt(span.startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(root?.startTimeUnixNano ?? 0))
    expect(BigInt(span.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(root?.endTimeUnixNano ?? 0))
  }
  expect(collector.problems).toEqual([])
  const sent = collector.requests.map(({ text }) => text).join()
  for (const secret of [token, 'a secret parameter', started.secret]) expect(sent).not.toContain(secret)
})

test('the call of a public endpoint is one trace, without its input', async () => {
  const started = await start()
  const app = await createEndpoints(started, await started.createNamespace('acme'))
  await app.publish(specs.list)
  const { status } = await started.request('/p/acme/main/list-notes?author=hidden', { headers: traced })
  expect(status).toBe(200)
  const own = () => collector.ofTrace(TRACE)
  await until(() => own().length === 2)
  const [root, call] = [2, 1].map((kind) => own().find((span) => span.kind === kind))
  expect(root).toMatchObject({ parentSpanId: PARENT, attributes: { 'url.path': '/p/acme/main/list-notes' } })
  expect(call?.parentSpanId).toBe(root?.spanId)
  expect(call?.attributes).toEqual({
    'db.system.name': 'sqlite',
    'db.namespace': 'acme/main',
    'db.operation.name': 'endpoint list-notes',
  })
  expect(JSON.stringify(own())).not.toContain('hidden')
})

test('a request without a trace starts one, failures are marked, and nothing after ? is sent', async () => {
  const started = await start()
  const { db } = await started.createNamespace('acme')
  const failed = await db().query('SELEC 1')
  const [, traceId = ''] = /^00-([0-9a-f]{32})-[0-9a-f]{16}-01$/.exec(failed.headers.get('traceparent') ?? '') ?? []
  await started.request('/v1/nothing?hidden=yes', { headers: { traceparent: 'no traceparent' } })
  await until(() => collector.spans.some(({ attributes }) => attributes['url.path'] === '/v1/nothing'))
  await until(() => collector.ofTrace(traceId).length === 2)
  const spans = collector.ofTrace(traceId)
  expect(spans.map(({ attributes }) => attributes['error.type'])).toEqual(['sql_error', 'sql_error'])
  const unknown = collector.spans.find(({ attributes }) => attributes['url.path'] === '/v1/nothing')
  expect(unknown).toMatchObject({ name: 'GET', attributes: { 'error.type': 'route_not_found' } })
  expect(unknown?.parentSpanId).toBeUndefined()
  expect(collector.requests.map(({ text }) => text).join()).not.toContain('hidden')
  expect(collector.problems).toEqual([])
})

test('a caller that doesn’t record its trace, and a ratio of 0, send nothing', async () => {
  const started = await start({ OTEL_TRACES_SAMPLER_ARG: '0' })
  const { db } = await started.createNamespace('acme')
  expect((await db().query('SELECT 1')).headers.has('traceparent')).toBe(false)
  const unrecorded = { traceparent: `00-${TRACE}-${PARENT}-00` }
  expect((await db().query('SELECT 1', [], unrecorded)).headers.has('traceparent')).toBe(false)
  const answer = await started.request('/v1/me', { headers: { traceparent: `00-${TRACE}-00f067aa0ba902b8-01` } })
  expect(answer.headers.has('traceparent')).toBe(true)
  await until(() => collector.spans.length > 0)
  expect(collector.spans.map(({ parentSpanId }) => parentSpanId)).toEqual(['00f067aa0ba902b8'])
})

test('while the collector fails, spans are dropped and counted, and calls work; headers reach the collector', async () => {
  const started = await start({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc,x-tenant=one' })
  const { db } = await started.createNamespace('acme')
  collector.status = 503
  expect((await db().query('SELECT 1')).status).toBe(200)
  await until(async () => (await metric('persql_spans_dropped_total')) > 0)
  for (let i = 0; i < 3_000; i += 50) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => db().query('SELECT 1')))
    for (const { status } of answers) expect(status).toBe(200)
  }
  expect(await metric('persql_spans_exported_total')).toBe(0)
  expect(await metric('persql_spans_dropped_total')).toBeGreaterThan(3_000)
  collector.status = 200
  await until(async () => {
    await db().query('SELECT 1')
    return (await metric('persql_spans_exported_total')) > 0
  })
  expect(collector.requests[0]?.headers).toMatchObject({ authorization: 'Bearer abc', 'x-tenant': 'one' })
  expect(collector.problems).toEqual([])
})

test('a call that another cell forwards stays one trace', async () => {
  const instance = await startCells(2, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
  try {
    const [first] = instance.cells as [(typeof instance.cells)[number]]
    const name = instance.nameIn(1)
    const { token } = await first.createNamespace(name)
    expect((await first.database(name, 'main', token).query('SELECT 1', [], traced)).status).toBe(200)
    const own = () => collector.ofTrace(TRACE)
    await until(() => own().length === 2)
    const [root, call] = [2, 1].map((kind) => own().find((span) => span.kind === kind))
    expect(call?.parentSpanId).toBe(root?.spanId)
    expect(call?.attributes['db.namespace']).toBe(`${name}/main`)
    expect(collector.problems).toEqual([])
  } finally {
    await instance.stop()
  }
})
