import { Client as ClientOf2026 } from '@modelcontextprotocol/client'
import { StdioClientTransport as TransportOf2026 } from '@modelcontextprotocol/client/stdio'
import { Client as ClientOf2025 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as TransportOf2025 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { builtCli } from './program.ts'

const ns = uniqueName('acme')

let cli: Awaited<ReturnType<typeof builtCli>>
let platform: SharedPlatform
let env: Record<string, string>
const us = { name: 'test', version: '1' }
const good = { name: 'query', arguments: { database: 'main', sql: "SELECT 'ü' AS n" } }
const bad = { name: 'query', arguments: { database: 'main', sql: 'SELECT * FROM no' } }

beforeAll(async () => {
  ;[cli, platform] = await Promise.all([builtCli(), sharedPlatform()])
  const { token } = await platform.createNamespace(ns)
  env = { PATH: `${process.env.PATH}`, HOME: cli.folder, PERSQL_TOKEN: token, PERSQL_API_URL: platform.url }
})
afterAll(async () => {
  await platform?.stop()
  await cli?.remove()
})

const started = (...more: string[]) => ({ command: process.execPath, args: [cli.file, 'mcp', ...more], env })

test('the official client of 2025 connects over stdin and stdout, lists, calls and reads', async () => {
  const client = new ClientOf2025(us)
  await client.connect(new TransportOf2025(started()))
  expect(client.getServerVersion()).toMatchObject({ name: 'persql' })
  expect((await client.listTools()).tools).toHaveLength(5)
  const answers = await Promise.all([good, bad, good].map((call) => client.callTool(call)))
  expect(answers).toMatchObject([
    { structuredContent: { rows: [['ü']] } },
    { isError: true },
    { structuredContent: { rows: [['ü']] } },
  ])
  expect((await client.readResource({ uri: 'persql://guide' })).contents).toHaveLength(1)
  await client.close()
})

test.each([
  ['2026-07-28', { versionNegotiation: { mode: { pin: '2026-07-28' } } }],
  ['the negotiated version', { versionNegotiation: { mode: 'auto' } }],
] as const)('the official client of 2026 speaks %s with the same program', async (_, options) => {
  const client = new ClientOf2026(us, options)
  await client.connect(new TransportOf2026(started()))
  expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28')
  expect((await client.listTools()).tools).toHaveLength(5)
  expect(await client.callTool(good)).toMatchObject({ structuredContent: { rows: [['ü']] } })
  await client.close()
})

test('groups of tools can be chosen', async () => {
  const client = new ClientOf2025(us)
  await client.connect(new TransportOf2025(started('--tools', 'core,branches')))
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('restore_snapshot')
  await client.close()
})

test('every request is answered, also without a good token and without a server; stdout holds nothing else', async () => {
  const stdin = [
    '{"jsonrpc":"2.0","id":7,"method":"tools/list"}',
    'no JSON',
    '{"jsonrpc":"2.0","method":"notifications/initialized"}',
    '',
  ].join('\n')
  const surroundings: Record<string, string>[] = [
    { PERSQL_TOKEN: 'psql_live_nobody' },
    { PERSQL_API_URL: 'http://127.0.0.1:9' },
  ]
  for (const more of surroundings) {
    const { code, stdout } = await cli.run(['mcp'], { env: { ...env, ...more }, stdin })
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect({ code, ids: answers.map(({ id }) => id).sort() }).toEqual({ code: 0, ids: [7, null] })
    for (const { error } of answers)
      expect(error).toMatchObject({ code: expect.any(Number), message: expect.any(String) })
  }
})
