import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { npm, repository } from '../../apps/launcher/install.mjs'
import { updateMentions, updateUrls } from '../../packages/mentions.mjs'
import { type Index, offerPackages, readIndex } from '../../packages/offer.mjs'
import { listPublic, pack } from '../../packages/pack.mjs'
import { toTarball } from '../../packages/tarball.mjs'
import { findFiles, readPage } from '../docs/pages.ts'

const run = promisify(execFile)
const names = ['cli', 'drizzle', 'endpoint-spec', 'kysely', 'langgraph', 'prisma', 'sdk']
let folder: string
let packed: string
let index: Index

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'persql-packages-'))
  packed = join(folder, 'packed')
  expect(await offerPackages(packed)).toBe(true)
  index = (await readIndex(packed)) as Index
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const newest = (name: string) => index.packages[`@persql/${name}`]?.[0] as Index['packages'][string][number]
const tarball = (name: string) => readFile(join(packed, newest(name).file))
const list = async (name: string) =>
  (await run('tar', ['-tzf', join(packed, newest(name).file)])).stdout.trim().split('\n')

test('every package that is not private is published, with the version of all others', async () => {
  expect((await listPublic()).map((path) => basename(path))).toEqual(names)
  expect(Object.keys(index.packages)).toEqual(names.map((name) => `@persql/${name}`))
  const versions = new Set(names.map((name) => newest(name).manifest.version))
  expect(versions.size).toBe(1)
  const [version = ''] = versions
  for (const name of ['drizzle', 'kysely', 'langgraph', 'prisma']) {
    const { '@persql/sdk': peer } = newest(name).manifest.peerDependencies
    expect(peer).toMatch(/^\^\d+\.\d+\.\d+$/)
    expect(peer.slice(1).split('.')[0]).toBe(version.split('.')[0])
  }
})

test.each(names)('@persql/%s has its build, a README and a license, and neither sources nor tests', async (name) => {
  const files = await list(name)
  expect(files).toEqual(expect.arrayContaining(['package/LICENSE', 'package/README.md', 'package/package.json']))
  const others = files.filter((file) => !/^package\/(LICENSE|README\.md|package\.json)$/.test(file))
  expect(others.length).toBeGreaterThan(0)
  expect(others.filter((file) => !/^package\/dist\/(cjs\/package\.json|[\w/-]+(\.js|\.d\.ts))$/.test(file))).toEqual([])
  expect(others.filter((file) => /\.test\.|\/src\//.test(file))).toEqual([])
})

test.each(names)('the manifest of @persql/%s names its repository and only files that exist', async (name) => {
  const { manifest } = newest(name)
  expect(manifest).toMatchObject({ license: 'MIT', repository: { directory: `packages/${name}` } })
  expect(manifest).not.toHaveProperty('scripts')
  expect(manifest).not.toHaveProperty('devDependencies')
  const named = JSON.stringify([manifest.exports, manifest.bin, manifest.main, manifest.types]).match(
    /[\w./-]*dist[\w./-]+/g,
  )
  const files = await list(name)
  expect(named?.length).toBeGreaterThan(0)
  expect(named?.filter((file) => !files.includes(`package/${file.replace(/^\.\//, '')}`))).toEqual([])
})

test.each(names)('publint finds no problem in @persql/%s', async (name) => {
  const bytes = await tarball(name)
  const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(bytes).buffer }, strict: true })
  // The SDK contains the text "POST import", which publint reads as an import.
  const real = messages.filter(({ code }) => !(name === 'sdk' && code === 'FILE_INVALID_FORMAT'))
  expect(real.map((message) => formatMessage(message, pkg))).toEqual([])
})

test.each(names.filter((name) => name !== 'cli'))(
  'the types of @persql/%s are right for every way to import it',
  async (name) => {
    const result = await checkPackage(createPackageFromTarballData(await tarball(name)))
    expect(result.types).toMatchObject({ kind: 'included' })
    expect('problems' in result && result.problems).toEqual([])
  },
)

test('the same sources result in the same bytes', async () => {
  const source = join(repository, 'packages/sdk')
  expect((await pack(source, join(folder, 'work'))).tarball.equals(await tarball('sdk'))).toBe(true)
  const files = ['b', 'a'].map((path) => ({ path, content: Buffer.from(path), isProgram: false }))
  expect(toTarball(files).equals(toTarball([...files].reverse()))).toBe(true)
  expect(await offerPackages(packed)).toBe(false)
})

test('an interrupted or incomplete folder is completed, from another folder if it has the same sources', async () => {
  const copy = join(folder, 'copy')
  await mkdir(join(copy, '.build-1-sdk'), { recursive: true })
  expect(await offerPackages(copy, packed)).toBe(true)
  expect((await readdir(copy)).sort()).toEqual((await readdir(packed)).sort())
  await rm(join(copy, newest('sdk').file))
  expect(await offerPackages(copy, packed)).toBe(true)
  expect(await readFile(join(copy, newest('sdk').file))).toEqual(await tarball('sdk'))
})

test('a tarball keeps its bytes when the sources of its version change, and older versions stay', async () => {
  const data = join(folder, 'data')
  await mkdir(data)
  const earlier = (file: string, version: string) => ({
    ...{ ...newest('sdk'), file, integrity: `sha512-${file}`, shasum: file },
    manifest: { ...newest('sdk').manifest, version },
  })
  const { version } = newest('sdk').manifest
  const plain = newest('sdk').file
  const rebuilt = Array.from({ length: 12 }, (_, at) => earlier(`rebuilt-${at}.tgz`, version))
  const builds = [...rebuilt, earlier(plain, version), earlier('persql-sdk-0.9.0.tgz', '0.9.0')]
  for (const { file } of builds) await writeFile(join(data, file), file)
  await writeFile(join(data, 'index.json'), JSON.stringify({ sources: 'other', packages: { '@persql/sdk': builds } }))
  expect(await offerPackages(data, packed)).toBe(true)
  const offered = (await readIndex(data))?.packages['@persql/sdk'] ?? []
  const current = `${plain.replace('.tgz', '')}+${newest('sdk').shasum.slice(0, 8)}.tgz`
  expect(offered.map(({ file }) => file)).toEqual([
    current,
    ...rebuilt.slice(0, 9).map(({ file }) => file),
    plain,
    'persql-sdk-0.9.0.tgz',
  ])
  expect(await readFile(join(data, plain), 'utf8')).toBe(plain)
  expect(await readFile(join(data, current))).toEqual(await tarball('sdk'))
  expect((await readdir(data)).filter((name) => name.startsWith('rebuilt')).length).toBe(9)
})

test('npm pack builds a package first', async () => {
  const args = ['pack', '-w', 'packages/kysely', '--json', '--pack-destination', folder]
  const { code, output } = await npm(args)
  expect(code, output).toBe(0)
  const paths = [...output.matchAll(/"path": "([^"]+)"/g)].map(([, path]) => path)
  expect(paths).toEqual(expect.arrayContaining(['dist/index.js', 'dist/cjs/index.d.ts', 'README.md', 'LICENSE']))
})

test('manifests name the repository that the manifest at the root names', async () => {
  const readManifest = async (path: string) =>
    JSON.parse(await readFile(join(repository, path, 'package.json'), 'utf8'))
  const { repository: source } = await readManifest('.')
  for (const name of [...names, 'server']) {
    const manifest = await readManifest(`packages/${name}`)
    expect(manifest, name).toEqual(updateUrls(manifest, name, source.url))
  }
  const moved = updateUrls({ version: '1.0.0' }, 'sdk', 'git+https://git.example.com/a/b.git')
  expect(moved).toEqual({
    version: '1.0.0',
    homepage: 'https://git.example.com/a/b/tree/main/packages/sdk#readme',
    bugs: 'https://git.example.com/a/b/issues',
    repository: { type: 'git', url: 'git+https://git.example.com/a/b.git', directory: 'packages/sdk' },
  })
})

test('an instance builds packages with production dependencies only', async () => {
  const lock = JSON.parse(await readFile(join(repository, 'package-lock.json'), 'utf8'))
  const builders = findFiles('packages', /\.mjs$/).filter((file) => !file.includes('mentions'))
  const imports = builders.flatMap((file) =>
    [...readPage(file).matchAll(/(?:from |import\()'([^'.][^']*)'/g)].map(([, name = '']) => name),
  )
  const used = [...new Set(imports.filter((name) => !name.startsWith('node:')).map((name) => name.split('/')[0]))]
  expect(used.sort()).toEqual(['esbuild', 'rolldown'])
  for (const name of used) expect(lock.packages[`node_modules/${name}`]).not.toHaveProperty('dev')
})

test('names of tarballs in the documentation have the current version', () => {
  const pages = ['README.md', ...findFiles('docs', /\.md$/), ...findFiles('packages', /^README\.md$/)]
  const { version } = newest('sdk').manifest
  for (const page of pages) expect(updateMentions(readPage(page), version), page).toBe(readPage(page))
  expect(updateMentions('…/persql-endpoint-spec-0.1.22.tgz', '1.2.0')).toBe('…/persql-endpoint-spec-1.2.0.tgz')
})
