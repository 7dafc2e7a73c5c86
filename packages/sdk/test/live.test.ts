import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import WebSocket from 'ws'
import { startPlatform, type TestPlatform } from '../../../test/harness.ts'
import { type Change, type Database, PerSQL, type PerSQLError, type Subscription } from '../src/index.ts'

let platform: TestPlatform
let admin: PerSQL
/** A client whose connections can be made to fail. */
let lame: PerSQL
let db: Database
let number = 0

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  const { token } = await platform.createNamespace('acme')
  admin = new PerSQL({ token, baseURL: platform.url, WebSocket })
  lame = new PerSQL({ token, baseURL: platform.url, WebSocket: Kept })
})
afterAll(() => platform.stop())
beforeEach(async () => {
  const slug = `db-${++number}`
  await admin.databases.create({ slug })
  db = admin.database('acme', slug)
  await db.query('CREATE TABLE a (n)')
  await db.query('CREATE TABLE b (n)')
})

/** Subscribes and collects the changes and errors. */
async function listen(to = db, options: { tables?: string[]; cursor?: string } = {}) {
  const changes: Change[] = []
  const errors: PerSQLError[] = []
  const ready: (string[] | '*')[] = []
  const off: Subscription = to.subscribe({
    ...options,
    onChange: (change) => changes.push(change),
    onReady: (tables) => ready.push(tables),
    onError: (error) => errors.push(error as PerSQLError),
  })
  await vi.waitFor(() => expect(ready.length + errors.length).toBeGreaterThan(0), long)
  return { changes, errors, ready, off, listChanges: () => changes.map(({ table, kind }) => `${table} ${kind}`) }
}
/** All connections. While `isAway`, new ones go to a closed port. */
const sockets: WebSocket[] = []
let isAway = false
class Kept extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(isAway ? 'ws://127.0.0.1:1' : url, protocols)
    sockets.push(this)
  }
}
const setAhead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
const long = { timeout: 60_000, interval: 20 }

test('reports changes in order, for the current tables of the subscription', async () => {
  const { off, ready, listChanges } = await listen(db, { tables: ['a'] })
  await db.query('INSERT INTO b VALUES (1)')
  await db.query('INSERT INTO a VALUES (1)')
  await db.query('UPDATE a SET n = 2')
  await vi.waitFor(() => expect(listChanges()).toEqual(['a insert', 'a update']), long)
  off.setTables(['b'])
  await vi.waitFor(() => expect(ready).toEqual([['a'], ['b']]), long)
  await db.query('INSERT INTO a VALUES (2)')
  await db.query('DELETE FROM b')
  await vi.waitFor(() => expect(listChanges()).toEqual(['a insert', 'a update', 'b delete']), long)
  off.setTables()
  await vi.waitFor(() => expect(ready.at(-1)).toBe('*'), long)
  await db.query('INSERT INTO a VALUES (3)')
  await vi.waitFor(() => expect(listChanges().at(-1)).toBe('a insert'), long)
  off()
  await db.query('INSERT INTO a VALUES (4)')
  expect((await listen(db)).listChanges()).toEqual([])
  expect(listChanges()).toHaveLength(4)
})

test('a crash of the server loses no changes and adds none', async () => {
  const { off, changes, errors, ready, listChanges } = await listen(lame.database('acme', db.slug))
  const wanted: string[] = []
  const kinds = ['insert', 'update', 'delete']
  const run = async (statement: string, listChanges: string) => {
    await db.query(statement)
    wanted.push(listChanges)
  }
  for (let round = 1; round <= 3; round++) {
    await run('INSERT INTO a VALUES (1)', `a ${kinds[0]}`)
    isAway = true
    await platform.kill()
    await vi.waitFor(() => expect(errors.length).toBeGreaterThanOrEqual(round), long)
    await platform.restart()
    await run('UPDATE a SET n = n + 1', `a ${kinds[1]}`)
    await run('INSERT INTO b VALUES (1)', `b ${kinds[0]}`)
    await run('DELETE FROM a', `a ${kinds[2]}`)
    isAway = false
    await vi.waitFor(() => expect(ready).toHaveLength(round + 1), long)
  }
  await run('INSERT INTO b VALUES (2)', 'b insert')
  await vi.waitFor(() => expect(listChanges()).toEqual(wanted), long)
  expect(new Set(changes.map(({ cursor }) => cursor)).size).toBe(wanted.length)
  expect(errors.every(({ code }) => code === 'network')).toBe(true)
  off()
})

test('a subscription and a long poll resume from a cursor', async () => {
  const { cursor, changes, timedOut } = await db.waitForChanges({ timeoutSec: 0 })
  expect([changes, timedOut]).toEqual([[], true])
  const waiting = db.waitForChanges({ cursor, tables: ['b', 'c'], timeoutSec: 20 })
  await db.query('INSERT INTO a VALUES (1)')
  await db.query('INSERT INTO b VALUES (1)')
  expect(await waiting).toMatchObject({ changes: [{ table: 'b', kind: 'insert' }], timedOut: false })
  const { off, listChanges } = await listen(db, { cursor })
  await vi.waitFor(() => expect(listChanges()).toEqual(['a insert', 'b insert']), long)
  off()
})

test('revoking a token ends its subscription with the reason', async () => {
  const { id, token } = await admin.tokens.create({ name: 'listener', role: 'readonly' })
  const listener = new PerSQL({ token, baseURL: platform.url, WebSocket: Kept }).database('acme', db.slug)
  const { errors, ready, listChanges } = await listen(listener)
  await admin.tokens.revoke(id)
  await db.query('INSERT INTO a VALUES (1)')
  await vi.waitFor(() => expect(errors).toMatchObject([{ status: 401, code: 'token_unknown' }]), long)
  // The server keeps the connection for 20 s more, and so would the client's process.
  await vi.waitFor(() => expect(sockets.at(-1)?.readyState).toBe(WebSocket.CLOSED), long)
  // Long enough for a reconnect.
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect([errors.length, ready.length, listChanges()]).toEqual([1, 1, []])
  expect((await listen(listener)).errors).toMatchObject([{ status: 401, code: 'token_unknown' }])
})

test('a token that expired during an outage does not reconnect', async () => {
  const { token } = await admin.tokens.create({ name: 'brief', role: 'readonly', expiresIn: 3_600 })
  const listener = new PerSQL({ token, baseURL: platform.url, WebSocket: Kept }).database('acme', db.slug)
  const { errors, ready } = await listen(listener)
  // It reconnects only after the clock was moved, because the restart moves it back.
  isAway = true
  await platform.kill()
  await vi.waitFor(() => expect(errors.length).toBeGreaterThan(0), long)
  await platform.restart()
  await setAhead(3_600_000)
  isAway = false
  await vi.waitFor(() => expect(errors.at(-1)).toMatchObject({ status: 401 }), long)
  expect(ready).toHaveLength(1)
  await setAhead(0)
})

test('deleting a database ends its subscriptions, and a missing one rejects new ones', async () => {
  const { errors } = await listen()
  await admin.databases.delete(db.slug)
  await vi.waitFor(() => expect(errors).toMatchObject([{ status: 404, code: 'database_not_found' }]), long)
  const reader = await admin.tokens.create({ name: 'reader', role: 'readonly' })
  const nowhere = new PerSQL({ token: reader.token, baseURL: platform.url, WebSocket }).database('acme/nowhere')
  expect((await listen(nowhere)).errors).toMatchObject([{ status: 404, code: 'database_not_found' }])
})
