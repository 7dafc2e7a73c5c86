import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BrokenServer, type BrokenServers, startBrokenServers } from '../broken-servers.ts'
import { builtCli } from './program.ts'

let cli: Awaited<ReturnType<typeof builtCli>>
let servers: BrokenServers

beforeAll(async () => {
  ;[cli, servers] = await Promise.all([builtCli(), startBrokenServers()])
})
afterAll(async () => {
  await servers?.stop()
  await cli?.remove()
})

const environment = (name: BrokenServer, more: Record<string, string> = {}) => ({
  env: { PERSQL_TOKEN: 'psql_live_acme_x', PERSQL_API_URL: servers.urls[name], ...more },
})
const trust = () => ({ NODE_EXTRA_CA_CERTS: servers.certificateFile })

const cases: [name: BrokenServer, code: string, problem: string, exitCode: number, isTrusted?: true][] = [
  ['refused', 'network', "Can't connect to HOST: connection refused (ECONNREFUSED).", 8],
  ['untrusted', 'tls_failed', "Can't connect to HOST: the TLS certificate is not trusted", 8],
  ['expired', 'tls_failed', "Can't connect to HOST: the TLS certificate has expired", 8, true],
  ['other host', 'tls_failed', "Can't connect to HOST: the TLS certificate is for another hostname", 8, true],
  ['no TLS', 'tls_failed', "Can't connect to HOST: the TLS handshake failed", 8],
  ['reset', 'network', 'No response from HOST: connection reset', 8],
  ['closed', 'network', 'No response from HOST: connection closed', 8],
  ['no HTTP', 'network', 'No response from HOST: the response is not HTTP', 8],
  ['HTML 200', 'not_persql', "http://HOST didn't respond as PerSQL (200, text/html; charset=utf-8): ", 1],
  ['HTML 404', 'not_persql', "http://HOST didn't respond as PerSQL (404, text/html; charset=utf-8): ", 1],
  ['HTML 502', 'not_persql', "http://HOST didn't respond as PerSQL (502, text/html; charset=utf-8): ", 8],
]
test.each(cases)('%s: %s, with the host and port', async (name, code, problem, exitCode, isTrusted) => {
  const options = environment(name, isTrusted && trust())
  const { host } = new URL(servers.urls[name])
  const words = problem.replace('HOST', host)
  const asJson = await cli.run(['whoami', '--json'], options)
  expect(JSON.parse(asJson.stderr)).toMatchObject({ code, exitCode, error: expect.stringContaining(words) })
  const forPeople = await cli.run(['db', 'tables', 'acme/main'], options)
  expect(forPeople).toMatchObject({ code: exitCode, stdout: '', stderr: expect.stringContaining(`persql: ${words}`) })
})

test('a host that DNS does not know is named', async () => {
  const { code, stderr } = await cli.run(['whoami'], environment('unknown host'))
  expect(code).toBe(8)
  expect(stderr).toMatch(/^persql: Can't connect to persql\.invalid:8443: (hostname not found|DNS lookup failed) \(E/)
})

test('the MCP proxy names them to its client', async () => {
  const stdin = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })}\n`
  const { stdout } = await cli.run(['mcp'], { ...environment('refused'), stdin })
  const { host } = new URL(servers.urls.refused)
  const message = expect.stringContaining(`Can't connect to ${host}: connection refused (ECONNREFUSED).`)
  expect(JSON.parse(stdout)).toMatchObject({ id: 1, error: { code: -32000, message } })
})
