import { Client as ClientOf2026, StreamableHTTPClientTransport as TransportOf2026 } from '@modelcontextprotocol/client'
import { Client as ClientOf2025 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportOf2025 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let init: { requestInit: RequestInit }
const us = { name: 'test', version: '1' }
const good = { name: 'query', arguments: { database: 'main', sql: 'SELECT 1 AS n' } }
const bad = { name: 'query', arguments: { database: 'main', sql: 'SELECT * FROM no' } }
const failed = { isError: true, structuredContent: { code: 'sql_error' } }

beforeAll(async () => {
  platform = await sharedPlatform()
  const { token } = await platform.createNamespace(ns)
  init = { requestInit: { headers: { authorization: `Bearer ${token}` } } }
})
afterAll(() => platform.stop())

test.each(['/mcp', '/'])('the official client of 2025 connects to %s, lists, calls and reads', async (path) => {
  const client = new ClientOf2025(us)
  await client.connect(new TransportOf2025(new URL(path, platform.url), init))
  expect(client.getServerVersion()).toMatchObject({ name: 'persql' })
  expect((await client.listTools()).tools).toHaveLength(5)
  expect(await client.callTool(good)).toMatchObject({ structuredContent: { rows: [[1]] } })
  expect(await client.callTool(bad)).toMatchObject(failed)
  expect(await client.callTool({ name: 'call_tool', arguments: { name: 'list_databases' } })).toMatchObject({
    structuredContent: { result: [{ slug: 'main' }] },
  })
  const { contents } = await client.readResource({ uri: 'persql://guide' })
  expect(contents).toHaveLength(1)
  await client.close()
})

test.each([
  ['2026-07-28', { versionNegotiation: { mode: { pin: '2026-07-28' } } }],
  ['the negotiated version', { versionNegotiation: { mode: 'auto' } }],
] as const)('the official client of 2026 speaks %s with the same address', async (_, options) => {
  const client = new ClientOf2026(us, options)
  await client.connect(new TransportOf2026(new URL('/mcp', platform.url), init))
  expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28')
  expect((await client.listTools()).tools).toHaveLength(5)
  expect(await client.callTool(good)).toMatchObject({ structuredContent: { rows: [[1]] } })
  expect(await client.callTool(bad)).toMatchObject(failed)
  expect((await client.listPrompts()).prompts).toHaveLength(2)
  await client.close()
})

test.each(['2025', '2026'])('the client of %s finds that all tools answer what their schemas say', async (era) => {
  const url = new URL('/mcp?tools=all', platform.url)
  const client = era === '2025' ? new ClientOf2025(us) : new ClientOf2026(us, { versionNegotiation: { mode: 'auto' } })
  // biome-ignore lint/suspicious/noExplicitAny: the two have no type in common
  await client.connect((era === '2025' ? new TransportOf2025(url, init) : new TransportOf2026(url, init)) as any)
  const { tools } = await client.listTools()
  const reading = tools.filter(({ annotations, inputSchema }) => {
    const required = inputSchema.required ?? []
    return annotations?.readOnlyHint && required.every((name) => name === 'database')
  })
  expect(reading.length).toBeGreaterThan(10)
  for (const { name, inputSchema } of reading) {
    const { database, timeoutSec } = inputSchema.properties ?? {}
    // wait_for_changes would wait 25 s for a change.
    const given = { ...(database && { database: 'main' }), ...(timeoutSec && { timeoutSec: 1 }) }
    // The client throws if a response doesn't match the tool's output schema.
    const result = await client.callTool({ name, arguments: given })
    expect(result.structuredContent, name).toBeDefined()
  }
  await client.close()
})
