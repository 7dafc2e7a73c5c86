import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import WebSocket, { WebSocketServer } from 'ws'
import { PerSQL } from '../src/index.ts'

interface Connection {
  path: string
  protocol: string
  sent: unknown[]
  send(message: object): void
  cut(): void
}

let server: WebSocketServer
let connections: Connection[]
let persql: PerSQL

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
      cut: () => socket.terminate(),
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

test('it listens, comes back behind the last change after a cut, and ends when it is told to', async () => {
  const changes: unknown[] = []
  const ready = vi.fn()
  const errors: Error[] = []
  const off = persql.database('acme/main').subscribe({
    tables: ['a', 'b'],
    onChange: (change) => changes.push(change),
    onReady: ready,
    onError: (error) => errors.push(error),
  })
  await vi.waitFor(() => expect(ready).toHaveBeenCalledTimes(1))
  expect(connections[0]).toMatchObject({
    path: '/v1/db/acme/main/subscribe?tables=a%2Cb',
    protocol: 'persql.bearer.psql_live_acme_x',
  })
  const change = { type: 'change', table: 'a', kind: 'insert', cursor: '41' }
  connections[0]?.send(change)
  await vi.waitFor(() => expect(changes).toEqual([change]))
  connections[0]?.cut()
  await vi.waitFor(() => expect(ready).toHaveBeenCalledTimes(2), { timeout: 5000 })
  expect(connections[1]?.path).toBe('/v1/db/acme/main/subscribe?tables=a%2Cb&cursor=41')
  expect(errors).toMatchObject([{ code: 'network' }])

  off.setTables(['c'])
  await vi.waitFor(() => expect(connections[1]?.sent).toEqual([{ type: 'set-tables', tables: ['c'] }]))
  connections[1]?.send({ type: 'error', message: 'No such table.' })
  await vi.waitFor(() => expect(errors).toHaveLength(2))
  expect(errors[1]?.message).toBe('No such table.')

  off()
  await vi.waitFor(() => expect(server.clients.size).toBe(0))
  connections[1]?.cut()
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(connections).toHaveLength(2)
  expect(changes).toHaveLength(1)
})

test('ending it before it has begun leaves nothing behind', async () => {
  persql.database('acme/main').subscribe({ onChange() {} })()
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(connections.length === 0 || server.clients.size === 0).toBe(true)
})

test('where there are no subscriptions, it says so at once', () => {
  const local = new PerSQL({ local: ':memory:' }).database('acme/main')
  expect(() => local.subscribe({ onChange() {} })).toThrow('Local mode has no subscriptions')
  const without = new PerSQL({ token: 't', WebSocket: null }).database('acme/main')
  expect(() => without.subscribe({ onChange() {} })).toThrow('There is no WebSocket here')
})
