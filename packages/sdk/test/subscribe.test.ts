import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import WebSocket, { WebSocketServer } from 'ws'
import { PerSQL } from '../src/index.ts'

interface Connection {
  path: string
  protocol: string
  sent: unknown[]
  send(message: object): void
}

let server: WebSocketServer
let connections: Connection[]
let persql: PerSQL
/** The time in which a connection responds on a busy machine. */
const soon = { timeout: 60_000 }

beforeEach(async () => {
  connections = []
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  server.on('connection', (socket, request) => {
    const connection: Connection = {
      path: request.url ?? '',
      protocol: socket.protocol,
      sent: [],
      send: (message) => socket.send(JSON.stringify(message)),
    }
    socket.on('message', (text) => connection.sent.push(JSON.parse(String(text))))
    connections.push(connection)
    connection.send({ type: 'subscribed', tables: '*' })
  })
  const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  persql = new PerSQL({ token: 'psql_live_acme_x', baseURL, WebSocket })
})
afterEach(() => {
  for (const client of server.clients) client.terminate()
  server.close()
})

test('subscribes to the wanted tables, and continues after a temporary error', async () => {
  const errors: Error[] = []
  const changes: unknown[] = []
  const off = persql.database('acme/main').subscribe({
    tables: ['a', 'b'],
    cursor: 'x.41',
    onChange: (change) => changes.push(change),
    onError: (error) => errors.push(error),
  })
  await vi.waitFor(() => expect(connections).toHaveLength(1), soon)
  expect(connections[0]).toMatchObject({
    path: '/v1/db/acme/main/subscribe?tables=a%2Cb&cursor=x.41',
    protocol: 'persql.bearer.psql_live_acme_x',
  })
  connections[0]?.send({ type: 'error', message: 'Not understood.' })
  const change = { type: 'change', table: 'a', kind: 'insert', cursor: 'x.42' }
  connections[0]?.send(change)
  await vi.waitFor(() => expect(changes).toEqual([change]), soon)
  expect(errors).toMatchObject([{ code: 'subscription', message: 'Not understood.' }])
  off()
  await vi.waitFor(() => expect(server.clients.size).toBe(0), soon)
})

test('reconnects immediately when the server announces a close, even if the connection stays open', async () => {
  const errors: Error[] = []
  const off = persql.database('acme/main').subscribe({ onChange() {}, onError: (error) => errors.push(error) })
  await vi.waitFor(() => expect(connections).toHaveLength(1), soon)
  connections[0]?.send({ type: 'error', message: 'too_many_messages' })
  await vi.waitFor(() => expect(connections).toHaveLength(2), soon)
  expect(errors).toMatchObject([{ status: 429, code: 'too_many_messages' }])
  off()
})

test('closes the connection to an unresponsive server', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    const errors: Error[] = []
    const off = persql.database('acme/main').subscribe({ onChange() {}, onError: (error) => errors.push(error) })
    await vi.waitFor(() => expect(connections).toHaveLength(1), soon)
    await vi.advanceTimersByTimeAsync(30_000)
    await vi.waitFor(() => expect(connections[0]?.sent).toEqual([{ type: 'ping' }]), soon)
    expect(errors).toEqual([])
    await vi.advanceTimersByTimeAsync(30_000)
    await vi.waitFor(() => expect(connections).toHaveLength(2), soon)
    expect(errors).toMatchObject([{ code: 'network', message: 'The server stopped responding.' }])
    off()
  } finally {
    vi.useRealTimers()
  }
})

test('ending it before it has started leaves no connection', async () => {
  persql.database('acme/main').subscribe({ onChange() {} })()
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(connections.length === 0 || server.clients.size === 0).toBe(true)
})

test('reports missing support for subscriptions immediately', () => {
  const local = new PerSQL({ local: ':memory:' }).database('acme/main')
  expect(() => local.subscribe({ onChange() {} })).toThrow("Subscriptions aren't available in local mode.")
  const without = new PerSQL({ token: 't', WebSocket: null }).database('acme/main')
  expect(() => without.subscribe({ onChange() {} })).toThrow('This runtime has no WebSocket.')
})
