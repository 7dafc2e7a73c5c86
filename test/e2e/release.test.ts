import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildRelease, publishAll } from '../../apps/launcher/release-files.mjs'
import { repository } from '../../apps/launcher/src/paths.ts'
import { buildInClone } from '../clone-builds.ts'

const release = join(repository, 'dist/release')
const { version } = JSON.parse(readFileSync(join(repository, 'packages/sdk/package.json'), 'utf8'))
const clients = ['cli', 'drizzle', 'endpoint-spec', 'kysely', 'langgraph', 'prisma', 'sdk']

/** A registry that has the command line, and takes everything else. */
let registry: Server
let url: string
let folder: string
/** The packages that were published, each with its tarball. */
const published: { name: string; tarball: Buffer }[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'persql-release-'))
  registry = createServer((request, response) => {
    const name = decodeURIComponent((request.url ?? '').slice(1).replace(/\?.*/, ''))
    if (request.method === 'GET' && name === '@persql/cli') {
      const manifest = { name, version, dist: { tarball: `${url}/cli.tgz` } }
      return void response.end(
        JSON.stringify({ name, 'dist-tags': { latest: version }, versions: { [version]: manifest } }),
      )
    }
    if (request.method !== 'PUT') return void response.writeHead(404).end('{}')
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { _attachments: attached } = JSON.parse(Buffer.concat(chunks).toString())
      const [attachment] = Object.values<{ data: string }>(attached)
      published.push({ name, tarball: Buffer.from(attachment?.data ?? '', 'base64') })
      response.writeHead(201).end('{}')
    })
  })
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`
})
afterAll(async () => {
  await new Promise((resolve) => registry.close(resolve))
  rmSync(folder, { recursive: true })
})

function run(...args: string[]) {
  const command = [join(repository, 'apps/launcher/release.mjs'), ...args, '--fetch-retries=0']
  const options = { cwd: repository, maxBuffer: 64 * 1024 * 1024 }
  return buildInClone(
    () =>
      new Promise<{ code: number; output: string }>((resolve) => {
        execFile(process.execPath, command, options, (error, stdout, stderr) =>
          resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
        )
      }),
  )
}

test('a dry run packs and signs every package and the server, and publishes none', { timeout: 600_000 }, async () => {
  const key = join(folder, 'key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  // No registry listens there.
  const { code, output } = await run('--sign', key, '--dry-run', '--registry=http://127.0.0.1:9/')
  expect(code, output).toBe(0)
  for (const name of [...clients, 'server']) expect(output).toContain(`+ @persql/${name}@${version}`)
  expect(readdirSync(release).sort()).toEqual(
    ['SHA256SUMS', 'SHA256SUMS.sig', ...[...clients, 'server'].map((name) => `persql-${name}-${version}.tgz`)].sort(),
  )
  expect(execFileSync('sha256sum', ['--check', 'SHA256SUMS'], { cwd: release, encoding: 'utf8' })).not.toContain(
    'FAILED',
  )
  const server = execFileSync('tar', ['-tzf', join(release, `persql-server-${version}.tgz`)], { encoding: 'utf8' })
  const files = ['package/LICENSE', 'package/README.md', 'package/package.json', 'package/dist/persql-server.mjs']
  expect(server.split('\n')).toEqual(expect.arrayContaining(files))
})

test('packages are published in the order of their needs, the server last, and none twice', {
  timeout: 600_000,
}, async () => {
  const packages = await buildInClone(() => buildRelease(release))
  expect(await publishAll(packages, [`--registry=${url}/`, `--//${new URL(url).host}/:_authToken=x`])).toBe(true)
  const names = published.map(({ name }) => name)
  // The registry has the command line already.
  const expected = [...clients.filter((name) => name !== 'cli'), 'server'].map((name) => `@persql/${name}`)
  expect([...names].sort()).toEqual(expected.sort())
  expect(names.at(-1)).toBe('@persql/server')
  for (const adapter of ['drizzle', 'kysely', 'langgraph', 'prisma']) {
    expect(names.indexOf('@persql/sdk')).toBeLessThan(names.indexOf(`@persql/${adapter}`))
  }
  for (const { name, tarball } of published) {
    const { file } = packages.find((each) => each.name === name) ?? { file: '' }
    expect(tarball.equals(readFileSync(file)), name).toBe(true)
  }
})

test('without a signature nothing is published', { timeout: 600_000 }, async () => {
  const args = ['--sign', join(folder, 'absent'), '--dry-run', '--registry=http://127.0.0.1:9/']
  const { code, output } = await run(...args)
  expect(code).toBe(1)
  expect(output).toContain('--sign')
  expect(output).not.toContain('+ @persql/')
})
