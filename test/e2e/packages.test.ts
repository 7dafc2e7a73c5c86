import { createHash } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { builtPackages } from '../../apps/launcher/src/paths.ts'
import { packagesFolder } from '../../apps/launcher/src/workerd-process.ts'
import { type Build, type Index, offerPackages, readIndex } from '../../packages/offer.mjs'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let folder: string
let index: Index
let sdk: Build
beforeAll(async () => {
  platform = await startPlatform({ failures: ['packages_not_ready'] })
  folder = packagesFolder(platform.data)
})
afterAll(() => platform?.stop())

const call = (path: string, init: RequestInit = {}) => fetch(platform.url + path, { redirect: 'manual', ...init })

test.each(['/packages/', '/packages/@persql%2fsdk', '/packages/persql-sdk.tgz'])(
  'before the packages are built, %s asks to retry later',
  async (path) => {
    const response = await call(path)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '10'])
    expect(await response.json()).toMatchObject({ code: 'packages_not_ready' })
    expect((await platform.request('/api/packages')).body.data).toEqual({ source: 'self', packages: [] })
  },
)

describe('when they are built', () => {
  beforeAll(async () => {
    await offerPackages(folder, builtPackages)
    index = (await readIndex(folder)) as Index
    sdk = index.packages['@persql/sdk']?.[0] as Build
  })

  test.each(['@persql%2fsdk', '@persql%2Fsdk', '@persql/sdk'])('%s is a document of the registry', async (name) => {
    const response = await call(`/packages/${name}`)
    expect(response.status).toBe(200)
    const { version } = sdk.manifest
    expect(await response.json()).toMatchObject({
      name: '@persql/sdk',
      'dist-tags': { latest: version },
      versions: {
        [version]: {
          bin: { 'persql-codegen': expect.any(String) },
          dist: {
            tarball: `${platform.url}/packages/${sdk.file}`,
            integrity: sdk.integrity,
            shasum: sdk.shasum,
          },
        },
      },
    })
    const tag = response.headers.get('etag') as string
    expect((await call(`/packages/${name}`, { headers: { 'if-none-match': tag } })).status).toBe(304)
    expect(response.headers.get('cache-control')).toBe('public, no-cache')
  })

  test('a tarball has the hash of lock files, and is cached forever under the name of its version', async () => {
    for (const [file, cached] of [
      [sdk.file, 'public, max-age=31536000, immutable'],
      ['persql-sdk.tgz', 'public, no-cache'],
    ] as const) {
      const response = await call(`/packages/${file}`)
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/gzip'])
      expect(response.headers.get('cache-control')).toBe(cached)
      const bytes = Buffer.from(await response.arrayBuffer())
      expect(`sha512-${createHash('sha512').update(bytes).digest('base64')}`).toBe(sdk.integrity)
      expect(response.headers.get('content-length')).toBe(String(bytes.length))
      const headers = { 'if-none-match': `W/"other", ${response.headers.get('etag')}` }
      const again = await call(`/packages/${file}`, { headers })
      expect([again.status, await again.text()]).toEqual([304, ''])
      const head = await call(`/packages/${file}`, { method: 'HEAD' })
      expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([
        200,
        String(bytes.length),
        '',
      ])
    }
  })

  test('a download continues where it stopped', async () => {
    const bytes = await readFile(join(folder, sdk.file))
    const part = (range: string, more = {}) => call(`/packages/${sdk.file}`, { headers: { range, ...more } })
    const rest = await part('bytes=1000-', { 'if-range': `"${sdk.shasum}"` })
    expect([rest.status, rest.headers.get('content-range')]).toEqual([
      206,
      `bytes 1000-${bytes.length - 1}/${bytes.length}`,
    ])
    expect(Buffer.from(await rest.arrayBuffer()).equals(bytes.subarray(1000))).toBe(true)
    expect((await part('bytes=1000-', { 'if-range': '"other"' })).status).toBe(200)
    const outside = await part(`bytes=${bytes.length}-`)
    expect([outside.status, outside.headers.get('content-range')]).toEqual([416, `bytes */${bytes.length}`])
  })

  test.each([
    '@persql/none',
    '@persql%2fconstructor',
    '@persql/sdk/latest',
    '@other%2fsdk',
    'none.tgz',
    'index.json',
    '..%2fsecret',
    '..%2fobjects%2fdatabase',
    'constructor',
    'persql-sdk-0.0.1.tgz',
    '%ff',
  ])('/packages/%s is 404, also for browsers', async (path) => {
    const response = await call(`/packages/${path}`, { headers: { accept: 'text/html' } })
    expect(response.status).toBe(404)
    expect((await response.json()).code).toMatch(/^(package|route)_not_found$/)
  })

  test('only GET and HEAD are accepted', async () => {
    for (const path of ['', '@persql/sdk', 'persql-sdk.tgz']) {
      expect((await call(`/packages/${path}`, { method: 'PUT' })).status).toBe(405)
      const options = await call(`/packages/${path}`, { method: 'OPTIONS' })
      expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS'])
    }
  })

  test('the page and the console show the current version of every package', async () => {
    const redirect = await call('/packages')
    expect([redirect.status, redirect.headers.get('location')]).toEqual([308, `${platform.url}/packages/`])
    const page = await call('/packages/')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    const html = await page.text()
    const { source, packages } = (await platform.request('/api/packages')).body.data
    expect([source, packages.length]).toEqual(['self', Object.keys(index.packages).length])
    for (const { name, version, url } of packages) {
      expect(html).toContain(`<h2>${name} ${version}</h2>`)
      expect(html).toContain(url)
      expect((await fetch(url)).status).toBe(200)
    }
    const drizzle = packages.find(({ name }: { name: string }) => name === '@persql/drizzle')
    expect(html).toContain(`npm install ${drizzle.url} ${platform.url}/packages/${sdk.file} drizzle-orm`)
  })

  test('older versions and earlier builds of a version stay available', async () => {
    const older = { ...sdk, file: 'persql-sdk-0.9.0.tgz', manifest: { ...sdk.manifest, version: '0.9.0' } }
    const rebuilt = { ...sdk, file: sdk.file.replace('.tgz', '+0a1b2c3d.tgz') }
    await writeFile(join(folder, older.file), 'older')
    await writeFile(join(folder, rebuilt.file), 'rebuilt')
    const packages = { ...index.packages, '@persql/sdk': [rebuilt, sdk, older] }
    await writeFile(join(folder, 'new.json'), JSON.stringify({ ...index, packages }))
    await rename(join(folder, 'new.json'), join(folder, 'index.json'))
    const { versions, 'dist-tags': tags } = (await platform.request('/packages/@persql/sdk')).body
    expect([Object.keys(versions).sort(), tags.latest]).toEqual([['0.9.0', sdk.manifest.version], sdk.manifest.version])
    expect(await (await fetch(versions['0.9.0'].dist.tarball)).text()).toBe('older')
    expect(await (await fetch(versions[sdk.manifest.version].dist.tarball)).text()).toBe('rebuilt')
    expect(await (await call('/packages/persql-sdk.tgz')).text()).toBe('rebuilt')
    const first = await call(`/packages/${sdk.file}`)
    expect(Buffer.from(await first.arrayBuffer()).equals(await readFile(join(folder, sdk.file)))).toBe(true)
  })
})

test('an instance whose packages are on npm keeps serving those that it has, and has no others', async () => {
  const other = await startPlatform({ environment: { PERSQL_PACKAGES: 'npm' } })
  try {
    expect((await other.request('/api/packages')).body.data).toEqual({ source: 'npm', packages: [] })
    const { status, body } = await other.request('/packages/@persql%2fsdk')
    expect([status, body.code]).toEqual([404, 'packages_not_served'])
    await offerPackages(packagesFolder(other.data), builtPackages)
    expect((await other.request('/packages/@persql%2fsdk')).status).toBe(200)
  } finally {
    await other.stop()
  }
})
