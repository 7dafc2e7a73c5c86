import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { npmCommand } from '../install.mjs'
import { repository } from './paths.ts'
import { startCommand } from './process-identity.ts'
import { inheritedEnvironment } from './workerd-process.ts'

interface Entry {
  version?: string
  integrity?: string
  link?: boolean
  inBundle?: boolean
  resolved?: string
  os?: string[]
  cpu?: string[]
  dev?: boolean
  devOptional?: boolean
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  peerDependenciesMeta?: Record<string, { optional?: boolean }>
}

const read = (file: string) => JSON.parse(readFileSync(join(repository, file), 'utf8'))
const packages: Record<string, Entry> = read('package-lock.json').packages

/** Returns the entry that a package at `path` gets for the name `name`. */
function resolve(path: string, name: string): Entry | undefined {
  const entry = packages[`${path === '' ? '' : `${path}/`}node_modules/${name}`]
  if (entry || path === '') return entry
  const parent = path.lastIndexOf('/node_modules/')
  return resolve(parent < 0 ? '' : path.slice(0, parent), name)
}

const platforms = [
  ['darwin', 'arm64'],
  ['darwin', 'x64'],
  ['linux', 'arm64'],
  ['linux', 'x64'],
  ['win32', 'x64'],
] as const

test.each(platforms)('the lock file has all that is native for %s on %s', (os, cpu) => {
  const native = [
    'workerd',
    'esbuild',
    '@biomejs/biome',
    'rolldown',
    '@tailwindcss/oxide',
    'lightningcss',
    'typescript',
  ]
  for (const name of native) {
    const path = `node_modules/${name}`
    const binaries = Object.keys(packages[path]?.optionalDependencies ?? {}).map((each) => resolve(path, each))
    const fitting = binaries.filter((entry) => entry?.os?.includes(os) && entry.cpu?.includes(cpu))
    expect(fitting.length, name).toBeGreaterThan(0)
  }
})

test('the launcher pins one version of workerd for every platform', () => {
  const { workerd } = read('apps/launcher/package.json').dependencies
  const found = Object.entries(packages).filter(([path]) => /(^|\/)(workerd|workerd-[\w-]+)$/.test(path))
  expect(found.map(([, { version }]) => version)).toEqual(Array(6).fill(workerd))
})

test('each optional dependency is locked at the requested version', () => {
  for (const [path, { optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, wanted] of Object.entries(optionalDependencies)) {
      const entry = resolve(path, name)
      expect(entry, `${path} asks for ${name}`).toBeDefined()
      if (/^\d/.test(wanted)) expect(entry?.version, `${path} asks for ${name}`).toBe(wanted)
    }
  }
})

test('operators install no package that only development needs', () => {
  const installed = Object.entries(packages).filter(
    ([path, { dev, link }]) => path.startsWith('node_modules/') && !dev && !link,
  )
  expect(installed.filter(([, { devOptional }]) => devOptional)).toEqual([])
  expect(installed.length).toBeGreaterThan(200)
  for (const name of ['typescript', 'vitest', 'drizzle-orm', 'mysql2', 'postgres', '@electric-sql/pglite']) {
    expect(packages[`node_modules/${name}`]?.dev, name).toBe(true)
  }
  // The lock file ignores peer dependencies, so those that are required must be dependencies as well.
  for (const [path, { peerDependencies = {}, peerDependenciesMeta = {} }] of installed) {
    for (const name of Object.keys(peerDependencies).filter((each) => !peerDependenciesMeta[each]?.optional)) {
      const peer = resolve(path, name)
      expect([path, name, peer !== undefined && !peer.dev]).toEqual([path, name, true])
    }
  }
})

test('each package is locked by its hash, without a download URL', () => {
  for (const [path, { link, inBundle, integrity, resolved }] of Object.entries(packages)) {
    // A package that is bundled in another one has no own hash.
    if (!path.includes('node_modules/') || link || inBundle) continue
    expect(integrity, path).toMatch(/^sha512-/)
    expect(resolved, path).toBeUndefined()
  }
  expect(packages['node_modules/wrangler']).toBeUndefined()
})

const any = () => true
const none = () => false
const inLib = (path: string) => path.includes('lib')
const beside = '/opt/node/bin/node_modules/npm/bin/npm-cli.js'
test.each([
  ['npm', '/usr/lib/npm/bin/npm-cli.js', '/usr/bin/node', 'linux', any, '/usr/lib/npm/bin/npm-cli.js'],
  ['npx', '/opt/npm/bin/npx-cli.js', '/usr/bin/node', 'darwin', any, '/opt/npm/bin/npm-cli.js'],
  ['Yarn', '/opt/yarn/bin/yarn.js', '/opt/node/bin/node', 'darwin', any, beside],
  ['pnpm', '/opt/pnpm.cjs', '/opt/node/bin/node', 'linux', inLib, '/opt/node/lib/node_modules/npm/bin/npm-cli.js'],
  ['node itself', undefined, '/opt/node/bin/node', 'linux', any, beside],
  ['an npm that is gone', '/gone/npm-cli.js', '/usr/bin/node', 'linux', none, undefined],
  ['Windows without npm beside node', undefined, '/c/node.exe', 'win32', none, undefined],
] as const)('finds npm when %s starts PerSQL', (_name, npmExecPath, execPath, platform, exists, script) => {
  const expected = script
    ? { command: execPath, first: [script], shell: false }
    : { command: 'npm', first: [], shell: platform === 'win32' }
  expect(npmCommand({ npmExecPath, execPath, platform, exists })).toEqual(expected)
})

test('workerd inherits only the variables that Windows needs for sockets', () => {
  const environment = { SystemRoot: 'C:\\Windows', TEMP: 'C:\\Temp', PATH: 'x', STRIPE_SECRET_KEY: 'x' }
  expect(inheritedEnvironment('win32', environment)).toEqual({ SystemRoot: 'C:\\Windows', TEMP: 'C:\\Temp' })
  expect(inheritedEnvironment('linux', environment)).toEqual({})
  expect(inheritedEnvironment('darwin', environment)).toEqual({})
})

test('reads the start time of a process with a command of the system', () => {
  expect(startCommand('darwin', 7)).toEqual(['ps', '-o', 'lstart=', '-p', '7'])
  expect(startCommand('win32', 7).at(-1)).toBe('(Get-Process -Id 7).StartTime.Ticks')
})
