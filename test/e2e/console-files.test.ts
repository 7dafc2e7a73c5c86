import { request } from 'node:http'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform()
})
afterAll(() => platform.stop())

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
const findScript = (html: string) => /src="(\/assets\/[^"]+\.js)"/.exec(html)?.[1] as string

/** As it travels: `fetch` would undo the compression. */
const raw = (path: string, encoding: string) =>
  new Promise<{ headers: Record<string, unknown>; bytes: Buffer }>((resolve, reject) => {
    request(platform.url + path, { headers: { 'accept-encoding': encoding } }, async (response) => {
      const bytes = Buffer.concat((await response.toArray()) as Buffer[])
      resolve({ headers: response.headers, bytes })
    })
      .on('error', reject)
      .end()
  })

test.each(['/', '/acme', '/acme/main/tables?filter=a', '/@login/settings'])(
  '%s is the page of the console for a browser, under a policy of its own',
  async (path) => {
    const { status, headers, body } = await platform.request(path, { headers: HTML })
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    const nonce = /nonce-([\w-]{36})'/.exec(headers.get('content-security-policy') ?? '')?.[1] as string
    expect(headers.get('content-security-policy')).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
    )
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('same-origin')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toContain(nonce)
    expect(body).not.toContain('__NONCE__')
    expect((await platform.request(path, { headers: HTML })).body).not.toContain(nonce)
  },
)

test.each(['/v1/nothing', '/api/nothing', '/p/acme/main', '/assets/none.js', '/assets/', '/.well-known/nothing'])(
  '%s is not a page for any client',
  async (path) => {
    const { status, headers } = await platform.request(path, { headers: HTML })
    expect([status, headers.get('content-type')]).toEqual([404, 'application/json'])
  },
)

test('programs get 404 for paths where browsers get the page', async () => {
  const { status, body } = await platform.request('/acme/main')
  expect([status, body.code]).toEqual([404, 'route_not_found'])
  expect((await platform.request('/acme/main', { method: 'POST', headers: HTML })).status).toBe(404)
})

test('files have content hashes in their names and are cached permanently', async () => {
  const path = findScript((await platform.request('/')).body)
  const { status, headers } = await platform.request(path)
  expect([status, headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
  expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  const again = await platform.request(path, { headers: { 'if-none-match': headers.get('etag') as string } })
  expect([again.status, again.body]).toEqual([304, ''])
})

test('files travel as they were compressed when they were built', async () => {
  const path = findScript((await platform.request('/')).body)
  const [plain, brotli, gzip, refused] = await Promise.all(
    ['identity', 'gzip, deflate, br', 'gzip', 'br;q=0, gzip;q=0'].map((encoding) => raw(path, encoding)),
  )
  expect([plain, brotli, gzip, refused].map((answer) => answer?.headers['content-encoding'])).toEqual([
    undefined,
    'br',
    'gzip',
    undefined,
  ])
  expect(brotliDecompressSync(brotli?.bytes as Buffer)).toEqual(plain?.bytes)
  expect(gunzipSync(gzip?.bytes as Buffer)).toEqual(plain?.bytes)
})

test.each([
  '/assets/../workerd.capnp',
  '/assets/%2e%2e/platform.mjs',
  '/assets/..%2fplatform.mjs',
  '/platform.mjs',
  '/index.js',
])('nothing but the console is read: %s', async (path) => {
  const { bytes } = await raw(path, 'identity')
  expect(JSON.parse(bytes.toString()).code).toBe('route_not_found')
})
