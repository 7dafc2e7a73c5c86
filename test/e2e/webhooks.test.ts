import { createHmac } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { type Received, type Receiver, startReceiver } from '../webhook-receiver.ts'

type Database = ReturnType<TestPlatform['database']>
let platform: TestPlatform
let token: string
let db: Database
let slug: string
let receiver: Receiver
let number = 0
let aheadMs = 0

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  token = (await platform.createNamespace('acme')).token
})
afterAll(() => platform.stop())
beforeEach(async () => {
  slug = `db-${++number}`
  receiver = await startReceiver()
  await platform.request('/v1/databases', { token, body: { slug } })
  db = platform.database('acme', slug, token)
  await run('CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER UNIQUE)')
})
afterEach(async () => {
  await platform.request(`/v1/databases/${slug}`, { token, method: 'DELETE' })
  await receiver.stop()
})

async function run(sql: string) {
  const { status, body } = await db.query(sql)
  expect([status, body.error], sql).toEqual([200, undefined])
}
async function create(fields: object = {}) {
  const { status, body } = await db.request('/webhooks', { body: { name: 'mine', url: receiver.url, ...fields } })
  expect([status, body.error]).toEqual([200, undefined])
  return body.data
}
const get = async (id: string) => (await db.request(`/webhooks/${id}`)).body.data
const deliveries = async (id: string) => (await db.request(`/webhooks/${id}/deliveries`)).body.data
/** Moves the clock, and does what is due by then. */
async function passes(ms: number) {
  aheadMs += ms
  const body = { aheadMs, database: { namespace: 'acme', slug } }
  await platform.request('/api/dev/clock', { token: platform.secret, body })
}
async function until<T>(look: () => Promise<T>, fits: (value: T) => boolean, timeoutMs = 60_000): Promise<T> {
  const untilMs = Date.now() + timeoutMs
  for (;;) {
    const value = await look()
    if (fits(value)) return value
    if (Date.now() > untilMs) throw new Error(`It stays ${JSON.stringify(value).slice(0, 1000)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
const listChanges = (received: readonly Received[]) => received.map(({ body }) => `${body.table} ${body.kind}`).sort()

describe('a webhook', () => {
  test('is posted each change, signed, with an id that stays', async () => {
    const hook = await create()
    expect(hook).toMatchObject({ name: 'mine', tables: null, events: null, enabled: true, failingSince: null })
    expect(hook.secret).toMatch(/^whsec_[0-9A-Za-z]{64}$/)
    expect(await get(hook.id)).toEqual(hook)
    await run('INSERT INTO t (n) VALUES (1)')
    const [one] = await receiver.got(1)
    const { headers, text, body } = one as Received
    expect(body).toEqual({
      id: expect.stringMatching(/^evt_/),
      type: 'row.change',
      ts: expect.stringMatching(/Z$/),
      database: `acme:${slug}`,
      table: 't',
      kind: 'insert',
    })
    expect(headers['x-persql-delivery']).toBe(body.id)
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-persql-signature'])) ?? []
    expect(v1).toBe(createHmac('sha256', hook.secret).update(`${t}.${text}`).digest('hex'))
    const [delivery] = await until(
      () => deliveries(hook.id),
      ([first]) => first?.status === 'delivered',
    )
    expect(delivery).toMatchObject({ id: body.id, event: body, attempts: 1, responseStatus: 204, error: null })
  })

  test('gets what it asked for: tables and kinds', async () => {
    await run('CREATE TABLE other (n)')
    await create({ tables: ['T'], events: ['insert', 'schema'] })
    for (const sql of [
      'INSERT INTO t (n) VALUES (1)',
      'UPDATE t SET n = 2',
      'DELETE FROM t',
      'INSERT INTO other VALUES (1)',
      'INSERT INTO t (n) VALUES (3) ON CONFLICT (n) DO UPDATE SET n = 4',
      'ALTER TABLE t ADD COLUMN m',
    ]) {
      await run(sql)
    }
    await receiver.got(3)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(listChanges(receiver.received)).toEqual(['t insert', 't schema', 't unknown'])
  })

  test('is posted nothing that was rolled back, nor while it is off, nor after it was deleted', async () => {
    const hook = await create()
    const insert = { sql: 'INSERT INTO t (n) VALUES (1)' }
    await db.batch([insert, insert], { transaction: true })
    await db.request(`/webhooks/${hook.id}`, { method: 'PATCH', body: { enabled: false } })
    await run('INSERT INTO t (n) VALUES (2)')
    await db.request(`/webhooks/${hook.id}`, { method: 'PATCH', body: { enabled: true } })
    await run('DELETE FROM t')
    await receiver.got(1)
    await db.request(`/webhooks/${hook.id}`, { method: 'DELETE' })
    await run('INSERT INTO t (n) VALUES (3)')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(listChanges(receiver.received)).toEqual(['t delete'])
    expect((await db.request(`/webhooks/${hook.id}`)).body.code).toBe('webhook_not_found')
  })

  test('is signed with the new secret once that was rotated, and tested on demand', async () => {
    const hook = await create()
    const rotated = (await db.request(`/webhooks/${hook.id}/rotate-secret`, { body: {} })).body.data
    expect(rotated.secret).not.toBe(hook.secret)
    const tried = await db.request(`/webhooks/${hook.id}/test`, { body: {} })
    expect(tried.body.data).toMatchObject({ delivered: true, responseStatus: 204, error: null })
    const [{ headers, text, body }] = (await receiver.got(1)) as [Received]
    expect(body).toMatchObject({ type: 'test', database: `acme:${slug}` })
    const [, t, v1] = /t=(\d+),v1=(.*)/.exec(String(headers['x-persql-signature'])) ?? []
    expect(v1).toBe(createHmac('sha256', rotated.secret).update(`${t}.${text}`).digest('hex'))
    receiver.answer = (response) => response.writeHead(500).end()
    const failed = await db.request(`/webhooks/${hook.id}/test`, { body: {} })
    expect(failed.body.data).toMatchObject({
      delivered: false,
      responseStatus: 500,
      error: 'The URL responded with 500.',
    })
  })

  test('receives all changes of concurrent writes', async () => {
    await create()
    await Promise.all(Array.from({ length: 200 }, (_, n) => run(`INSERT INTO t (n) VALUES (${n})`)))
    await receiver.got(200)
    expect(new Set(receiver.received.map(({ body }) => body.id)).size).toBe(200)
  })

  test('is in the audit log', async () => {
    const hook = await create()
    await db.request(`/webhooks/${hook.id}`, { method: 'DELETE' })
    const member = await platform.signUp(`w${number}@example.com`)
    const [{ slug: own }] = (await member.request('/api/namespaces')).body.data
    const path = `/api/namespaces/${own}/databases/main/webhooks`
    const made = await member.request(path, { body: { name: 'm', url: receiver.url } })
    await member.request(`${path}/${made.body.data.id}`, { method: 'DELETE' })
    const audit = () => member.request(`/api/namespaces/${own}/audit`)
    const { body } = await until(audit, (answer) =>
      answer.body.data.some((row: { action: string }) => row.action === 'webhook.deleted'),
    )
    const actions = body.data.map(({ action }: { action: string }) => action)
    expect(actions).toEqual(expect.arrayContaining(['webhook.created', 'webhook.deleted']))
  })
})

describe('a receiver that', () => {
  test('is down gets all when it is up again, across crashes of ours, and each at least once', async () => {
    const hook = await create()
    await receiver.stop()
    for (const n of [1, 2, 3]) await run(`INSERT INTO t (n) VALUES (${n})`)
    await until(
      () => deliveries(hook.id),
      (list) => list.every(({ attempts }: { attempts: number }) => attempts > 0),
    )
    expect((await get(hook.id)).failingSince).toEqual(expect.any(String))
    const [first] = await deliveries(hook.id)
    expect(first).toMatchObject({ status: 'pending', error: "Couldn't connect to the host.", responseStatus: null })
    await platform.kill()
    // Before the second attempt, which is due by now: the third would be half a minute later.
    await receiver.start()
    await platform.restart()
    aheadMs = 0
    await run('UPDATE t SET n = n + 10')
    await receiver.got(4)
    const done = await until(
      () => deliveries(hook.id),
      (list) => list.every(({ status }: { status: string }) => status === 'delivered'),
    )
    expect(done).toHaveLength(4)
    expect(listChanges(receiver.received)).toEqual(['t insert', 't insert', 't insert', 't update'])
    expect((await get(hook.id)).failingSince).toBeNull()
  })

  test('is slow delays no other', async () => {
    const quick = await startReceiver()
    let hasTimedOut = false
    receiver.answer = (response) =>
      response.on('close', () => {
        hasTimedOut = true
      })
    const slow = await create()
    await create({ url: quick.url })
    await run('INSERT INTO t (n) VALUES (1)')
    await receiver.got(1)
    await run('DELETE FROM t')
    await quick.got(2)
    expect(hasTimedOut).toBe(false)
    const timedOut = await until(
      () => deliveries(slow.id),
      (list) => list.some(({ error }: { error: string }) => error),
    )
    expect(timedOut.at(-1)).toMatchObject({ status: 'pending', error: 'No response within 10 s.', attempts: 1 })
    await quick.stop()
  })

  test.each([301, 302, 307, 308])('redirects with %i is not followed', async (status) => {
    const elsewhere = await startReceiver()
    receiver.answer = (response) => response.writeHead(status, { Location: elsewhere.url }).end()
    const hook = await create()
    const { body } = await db.request(`/webhooks/${hook.id}/test`, { body: {} })
    expect(body.data).toMatchObject({
      delivered: false,
      responseStatus: status,
      error: `The URL responded with ${status}. Redirects aren't followed.`,
    })
    expect(elsewhere.received).toEqual([])
    await elsewhere.stop()
  })

  test('answers without end, or with nonsense, is taken at its status', async () => {
    receiver.answer = (response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' })
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    }
    const hook = await create()
    const { body } = await db.request(`/webhooks/${hook.id}/test`, { body: {} })
    expect(body.data).toMatchObject({ delivered: true, responseStatus: 200 })
    receiver.answer = (response) => response.socket?.end('this is not HTTP\r\n\r\n')
    const garbled = await db.request(`/webhooks/${hook.id}/test`, { body: {} })
    expect(garbled.body.data).toMatchObject({ delivered: false, error: "Couldn't connect to the host." })
  })

  test('answers 410 is left alone', async () => {
    receiver.answer = (response) => response.writeHead(410).end()
    const hook = await create()
    await run('INSERT INTO t (n) VALUES (1)')
    const off = await until(
      () => get(hook.id),
      ({ enabled }) => !enabled,
    )
    expect(off.disabledReason).toMatch(/410/)
    await run('INSERT INTO t (n) VALUES (2)')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(receiver.received).toHaveLength(1)
    const back = await db.request(`/webhooks/${hook.id}`, { method: 'PATCH', body: { enabled: true } })
    expect(back.body.data).toMatchObject({ enabled: true, disabledReason: null, failingSince: null })
  })

  test('fails for a day is given up, stays in the log and can be replayed; after three days it is turned off', async () => {
    receiver.answer = (response) => response.writeHead(503).end()
    const hook = await create()
    await run('INSERT INTO t (n) VALUES (1)')
    const attempts = (count: number) =>
      until(
        () => deliveries(hook.id),
        ([first]) => first?.attempts === count,
      )
    const gaps: number[] = []
    for (let count = 1; count <= 10; count++) {
      const [{ nextAttemptAt, lastAttemptAt }] = await attempts(count)
      const gapMs = Date.parse(nextAttemptAt) - Date.parse(lastAttemptAt)
      gaps.push(gapMs)
      await passes(gapMs + 1_000)
    }
    const [failed] = await attempts(11)
    expect(failed).toMatchObject({ status: 'failed', responseStatus: 503, nextAttemptAt: null })
    const hours = gaps.reduce((sum, gap) => sum + gap, 0) / 3_600_000
    expect(hours).toBeGreaterThan(18)
    expect(hours).toBeLessThan(30)
    receiver.answer = (response) => response.writeHead(200).end()
    const before = receiver.received.length
    await db.request(`/webhooks/${hook.id}/deliveries/${failed.id}/replay`, { body: {} })
    const [again] = await until(
      () => deliveries(hook.id),
      ([first]) => first?.status === 'delivered',
    )
    expect(again.id).toBe(failed.id)
    expect(receiver.received[before]?.body).toEqual(failed.event)
    receiver.answer = (response) => response.writeHead(500).end()
    await run('DELETE FROM t')
    await until(
      () => get(hook.id),
      ({ failingSince }) => failingSince !== null,
    )
    await passes(3 * 86_400_000 + 1_000)
    await run('INSERT INTO t (n) VALUES (2)')
    const off = await until(
      () => get(hook.id),
      ({ enabled }) => !enabled,
    )
    expect(off.disabledReason).toMatch(/3 days/)
    const unknown = await db.request(`/webhooks/${hook.id}/deliveries/evt_none/replay`, { body: {} })
    expect(unknown.body.code).toBe('delivery_not_found')
    await passes(-aheadMs)
  })
})

describe('who may', () => {
  test('admins make webhooks; a token with a table scope for its own tables, and sees none', async () => {
    const createToken = async (request: object) => {
      const { body } = await platform.request('/v1/tokens', { token, body: { name: 'x', ...request } })
      return platform.database('acme', slug, body.data.token)
    }
    const body = { name: 'w', url: receiver.url }
    expect((await (await createToken({ role: 'readwrite' })).request('/webhooks', { body })).status).toBe(403)
    expect((await (await createToken({ role: 'readwrite' })).request('/webhooks')).status).toBe(403)
    const scoped = await createToken({ role: 'admin', tableScope: ['t'] })
    expect((await scoped.request('/webhooks', { body })).body.code).toBe('table_out_of_scope')
    expect((await scoped.request('/webhooks', { body: { ...body, tables: ['x'] } })).body.code).toBe(
      'table_out_of_scope',
    )
    expect((await scoped.request('/webhooks', { body: { ...body, tables: ['t'] } })).status).toBe(200)
    expect((await scoped.request('/webhooks')).body.code).toBe('not_for_scoped_token')
  })

  test('a fork has no webhooks, and a restore keeps them', async () => {
    const hook = await create()
    const snapshot = await db.request('/snapshots', { body: { label: 'x' } })
    await db.request('/restore', { body: { snapshotId: snapshot.body.data.id } })
    expect((await get(hook.id)).id).toBe(hook.id)
    await receiver.got(1)
    expect(listChanges(receiver.received)).toEqual(['* unknown'])
    expect((await db.request('/fork', { body: { slug: `fork-${number}` } })).status).toBe(200)
    expect((await platform.database('acme', `fork-${number}`, token).request('/webhooks')).body.data).toEqual([])
  })
})

test('outside development, deliveries go only to public https URLs, for every DNS result', async () => {
  const strict = await startPlatform()
  const own = await strict.createNamespace('acme')
  const make = (url: string) => own.db().request('/webhooks', { body: { name: 'x', url } })
  for (const url of [receiver.url, 'https://127.0.0.1/', 'https://[::ffff:10.0.0.1]/', 'https://169.254.169.254/']) {
    const { status, body } = await make(url)
    expect([status, body.code], url).toEqual([400, 'url_not_public'])
  }
  const made = await make('https://example.com/')
  expect(made.status).toBe(200)
  const { id } = made.body.data
  const change = await own.db().request(`/webhooks/${id}`, { method: 'PATCH', body: { url: 'https://localhost/' } })
  expect(change.body.code).toBe('url_not_public')
  await strict.stop()
})

test('a name that leads nowhere, or to a private address, is not posted to', async () => {
  const { port } = new URL(receiver.url)
  const hook = await create({ url: `https://private.example.com:${port}/` })
  const { body } = await db.request(`/webhooks/${hook.id}/test`, { body: {} })
  expect(body.data).toMatchObject({ delivered: false, error: "Couldn't connect to the host." })
  expect(receiver.connections()).toBe(0)
})
