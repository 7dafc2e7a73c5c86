import { Agent, fetch as undiciFetch } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BrokenServer, type BrokenServers, startBrokenServers } from '../../../test/broken-servers.ts'
import { PerSQL, PerSQLError } from '../src/index.ts'

let servers: BrokenServers
let trusting: Agent

beforeAll(async () => {
  servers = await startBrokenServers()
  trusting = new Agent({ connect: { ca: servers.certificates } })
})
afterAll(async () => {
  await trusting?.close()
  await servers?.stop()
})

/** Returns the failure of a read at this server. */
async function getFailure(name: BrokenServer, options: ConstructorParameters<typeof PerSQL>[0] = {}) {
  const persql = new PerSQL({ token: 't', baseURL: servers.urls[name], maxRetries: 2, ...options })
  const error = await persql
    .database('acme/main')
    .query('SELECT 1')
    .catch((cause) => cause)
  if (!(error instanceof PerSQLError)) throw new Error(`Expected a PerSQLError, got ${error}`)
  return error
}
const trust = { fetch: ((url: string, init: object) => undiciFetch(url, { ...init, dispatcher: trusting })) as never }

const cases: [name: BrokenServer, code: string, words: string, attempts: number, options?: object][] = [
  [
    'refused',
    'network',
    "Can't connect to HOST: connection refused (ECONNREFUSED). Check that the server is running.",
    0,
  ],
  [
    'untrusted',
    'tls_failed',
    "Can't connect to HOST: the TLS certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT).",
    1,
  ],
  ['expired', 'tls_failed', "Can't connect to HOST: the TLS certificate has expired (CERT_HAS_EXPIRED).", 1, trust],
  [
    'other host',
    'tls_failed',
    "Can't connect to HOST: the TLS certificate is for another hostname (ERR_TLS_CERT_ALTNAME_INVALID).",
    1,
    trust,
  ],
  ['no TLS', 'tls_failed', "Can't connect to HOST: the TLS handshake failed (ERR_SSL_", 1],
  ['reset', 'network', 'No response from HOST: connection reset (ECONNRESET).', 3],
  ['closed', 'network', 'No response from HOST: connection closed (UND_ERR_SOCKET).', 3],
  ['cut off', 'network', 'No response from HOST: connection closed (UND_ERR_SOCKET).', 3],
  ['no HTTP', 'network', 'No response from HOST: the response is not HTTP', 3],
  ['silent', 'timeout', 'No response from http://HOST within 900 ms.', 1, { timeoutMs: 900 }],
]
test.each(cases)('%s: %s, with the host and port', async (name, code, words, attempts, options) => {
  const error = await getFailure(name, options)
  expect(error).toMatchObject({ status: 0, code })
  const { host } = new URL(servers.urls[name])
  expect(error.message.slice(0, words.length + host.length - 4)).toBe(words.replace('HOST', host))
  expect(error.cause).toBeInstanceOf(Error)
  expect(servers.count(name)).toBe(attempts)
})

test('names a host that DNS does not resolve, also without DNS', async () => {
  const error = await getFailure('unknown host')
  expect(error.message).toMatch(/^Can't connect to persql\.invalid:8443: (hostname not found|DNS lookup failed) \(E/)
  expect(['host_not_found', 'network']).toContain(error.code)
})

test.each([
  ['ENOTFOUND', 'host_not_found', 1],
  ['EAI_AGAIN', 'network', 3],
  ['ECONNREFUSED', 'network', 3],
  ['CERT_HAS_EXPIRED', 'tls_failed', 1],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_failed', 1],
])('%s: a call is retried if that can help', async (reason, code, attempts) => {
  let sent = 0
  const fetch = () => {
    sent++
    return Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('no'), { code: reason }) }))
  }
  expect(await getFailure('refused', { fetch })).toMatchObject({ status: 0, code })
  expect(sent).toBe(attempts)
})

const foreign: [name: BrokenServer, status: number, type: string, attempts: number][] = [
  ['HTML 200', 200, 'text/html; charset=utf-8', 1],
  ['HTML 404', 404, 'text/html; charset=utf-8', 1],
  ['HTML 502', 502, 'text/html; charset=utf-8', 3],
  ['other JSON', 500, 'application/json', 1],
]
test.each(foreign)(
  '%s: the error for a response from another server names its host',
  async (name, status, type, attempts) => {
    const error = await getFailure(name)
    expect(error).toMatchObject({ status, code: 'not_persql' })
    expect(error.message).toContain(`${servers.urls[name]} didn't respond as PerSQL (${status}, ${type}): `)
    expect(error.message).toContain('Hotel')
    if (name.startsWith('HTML')) expect(servers.count(name)).toBe(attempts)
  },
)

test.each(['api.persql.com', 'localhost:8787', 'ftp://127.0.0.1'])('%s is not a valid server URL', async (baseURL) => {
  const error = await getFailure('refused', { baseURL })
  expect(error).toMatchObject({ status: 0, code: 'invalid_url' })
  expect(error.message).toMatch(/Expected http\(s\):\/\/…\.$/)
})

test('the timeout of a call ends its delays with the last failure', async () => {
  expect(await getFailure('refused', { maxRetries: 100, timeoutMs: 1_500 })).toMatchObject({ code: 'network' })
})

// The messages of Deno, Bun, Workers and browsers: test/sdk/runtimes.test.ts uses the real ones.
const worded: [message: string, code: string, problem: string][] = [
  [
    'client error (Connect): dns error: failed to lookup address information: Name or service not known',
    'host_not_found',
    'hostname not found',
  ],
  [
    'client error (Connect): dns error: failed to lookup address information: Temporary failure in name resolution',
    'network',
    'DNS lookup failed',
  ],
  ['client error (Connect): tcp connect error: Connection refused (os error 111)', 'network', 'connection refused'],
  ['client error (Connect): invalid peer certificate: Expired', 'tls_failed', 'certificate has expired'],
  ['client error (Connect): invalid peer certificate: NotValidForName', 'tls_failed', 'for another hostname'],
  ['client error (Connect): invalid peer certificate: UnknownIssuer', 'tls_failed', 'not trusted'],
  ['client error (Connect): received corrupt message of type InvalidContentType', 'tls_failed', 'handshake failed'],
  ['Connection reset by peer (os error 104)', 'network', 'connection reset'],
  ['client error (SendRequest): connection closed before message completed', 'network', 'connection closed'],
  ['Network connection lost.', 'network', 'connection closed'],
  ['Failed to fetch', 'network', 'Failed to fetch'],
  ['NetworkError when attempting to fetch resource.', 'network', 'NetworkError when attempting to fetch resource'],
  ['Load failed', 'network', 'Load failed'],
]
test.each(worded)('%s: %s', async (message, code, problem) => {
  const fetch = () => Promise.reject(new TypeError('fetch failed', { cause: new Error(message) }))
  const baseURL = 'https://refused.certificate.example'
  const error = await getFailure('refused', { baseURL, maxRetries: 0, fetch })
  expect(error).toMatchObject({ status: 0, code })
  expect(error.message).toContain('refused.certificate.example: ')
  expect(error.message).toContain(problem)
})
