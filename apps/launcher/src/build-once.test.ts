import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { build } from 'esbuild'
import { afterEach, beforeEach, expect, test } from 'vitest'
import manifest from '../../../packages/server/package.json' with { type: 'json' }
import { consoleSources, hashSources, listSources, serverSources } from '../sources.mjs'
import { buildOnce } from './build-once.ts'
import { repository } from './paths.ts'
import { serverBundles } from './server-build.ts'

const sources = ['LICENSE']
let parent: string
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'persql-builds-'))
})
afterEach(() => rmSync(parent, { recursive: true }))

test('sources are built once', async () => {
  let builds = 0
  const run = async () => void builds++
  const folder = await buildOnce(parent, sources, run)
  expect(folder).toBe(join(parent, hashSources(repository, sources)))
  expect(await buildOnce(parent, sources, run)).toBe(folder)
  expect(builds).toBe(1)
  expect(readdirSync(parent)).toHaveLength(1)
})

test.each([
  ['the same sources', 'LICENSE', ['start LICENSE', 'end LICENSE']],
  ['other sources', '.gitignore', ['start LICENSE', 'end LICENSE', 'start .gitignore', 'end .gitignore']],
])('a build of %s waits for the one that runs', async (_, other, expected) => {
  const events: string[] = []
  let resume = () => {}
  const paused = new Promise<void>((resolve) => {
    resume = resolve
  })
  const start = (source: string) =>
    buildOnce(parent, [source], async (folder) => {
      events.push(`start ${source}`)
      await paused
      writeFileSync(join(folder, 'file'), '')
      events.push(`end ${source}`)
    })
  const first = start('LICENSE')
  await expect.poll(() => events).toEqual(['start LICENSE'])
  const second = start(other)
  expect(existsSync(join(parent, hashSources(repository, ['LICENSE'])))).toBe(false)
  resume()
  for (const folder of await Promise.all([first, second])) expect(readdirSync(folder)).toEqual(['file'])
  expect(events).toEqual(expected)
  expect(readdirSync(parent)).toHaveLength(expected.length / 2)
})

test('a build that fails leaves nothing, and the next one succeeds', async () => {
  const broken = buildOnce(parent, sources, async (folder) => {
    writeFileSync(join(folder, 'half'), '')
    throw new Error('The console build failed.')
  })
  await expect(broken).rejects.toThrow('The console build failed.')
  expect(readdirSync(parent)).toEqual([])
  expect(existsSync(await buildOnce(parent, sources, async () => {}))).toBe(true)
})

test('a build removes those of other sources that are older than a day', async () => {
  const made = async (source: string) => buildOnce(parent, [source], async () => {})
  const [old, recent] = [await made('.gitignore'), await made('.editorconfig')]
  const yesterday = Date.now() / 1000 - 25 * 60 * 60
  utimesSync(old, yesterday, yesterday)
  const current = await made('LICENSE')
  expect([old, recent, current].map((folder) => existsSync(folder))).toEqual([false, true, true])
})

test('every input of the bundles is one of the hashed sources', async () => {
  const hashed = new Set(listSources(repository, serverSources))
  for (const options of serverBundles(parent)) {
    const { metafile } = await build({ ...options, metafile: true })
    const inputs = Object.keys(metafile.inputs).filter((file) => !file.includes('node_modules/'))
    expect(inputs.filter((file) => !hashed.has(file))).toEqual([])
  }
  expect(consoleSources.filter((source) => !serverSources.includes(source))).toEqual([])
})

test('the program needs no clone, no tool of the build and no other package than its dependencies', async () => {
  const program = serverBundles(parent).find(({ external }) => external?.includes('workerd'))
  const { metafile } = await build({ ...program, write: false, metafile: true })
  const [output] = Object.values(metafile.outputs)
  expect(Object.keys(metafile.inputs)).not.toContain(relative(repository, join(import.meta.dirname, 'paths.ts')))
  const imported = output?.imports.map(({ path }) => path.replace(/^((@[^/]+\/)?[^/]+).*/, '$1')) ?? []
  expect(imported).toContain('libsql')
  const known = [...Object.keys(manifest.dependencies), ...builtinModules]
  expect(imported.filter((name) => !known.includes(name.replace(/^node:/, '')))).toEqual([])
})
