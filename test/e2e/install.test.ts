import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'

const inner = { name: 'inner', version: '1.0.0' }

let clone: string

/** A repository whose only package is its own, so that npm needs no network; with an install script that must not run. */
beforeEach(async () => {
  clone = await mkdtemp(join(tmpdir(), 'persql-install-'))
  await mkdir(join(clone, 'apps/launcher'), { recursive: true })
  await mkdir(join(clone, 'packages/inner'), { recursive: true })
  await copyFile(join(repository, 'apps/launcher/install.mjs'), join(clone, 'apps/launcher/install.mjs'))
  await writeJson('package.json', { name: 'clone', version: '1.0.0', workspaces: ['packages/*'] })
  await writeJson('packages/inner/package.json', { ...inner, scripts: { postinstall: 'echo > script-ran' } })
  await lock('1.0.0')
})

afterEach(() => rm(clone, { recursive: true }))

async function writeJson(name: string, value: object): Promise<void> {
  await writeFile(join(clone, name), JSON.stringify(value))
}

async function lock(version: string): Promise<void> {
  const root = { name: 'clone', version }
  const packages = {
    '': { ...root, workspaces: ['packages/*'] },
    'node_modules/inner': { resolved: 'packages/inner', link: true },
    'packages/inner': { ...inner, hasInstallScript: true },
  }
  await writeJson('package-lock.json', { ...root, lockfileVersion: 3, requires: true, packages })
}

/** Whether npm was called for. */
async function ensureInstalled(dev: boolean): Promise<boolean> {
  const script = `import { ensureInstalled } from './apps/launcher/install.mjs'; await ensureInstalled({ dev: ${dev} })`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: clone,
  })
  return stdout !== ''
}

test('packages are installed when missing, once, and without install scripts', async () => {
  expect(await ensureInstalled(false)).toBe(true)
  expect(await ensureInstalled(false)).toBe(false)
  expect(existsSync(join(clone, 'packages/inner/script-ran'))).toBe(false)
})

test('packages are installed again when the lock file has changed', async () => {
  await ensureInstalled(true)
  await lock('1.0.1')
  expect(await ensureInstalled(true)).toBe(true)
  expect(await ensureInstalled(true)).toBe(false)
})

test('development dependencies are added when asked for, and kept for a start that needs none', async () => {
  await ensureInstalled(false)
  expect(await ensureInstalled(true)).toBe(true)
  expect(await ensureInstalled(false)).toBe(false)
  expect(await readFile(join(clone, 'node_modules/.persql-installed'), 'utf8')).toContain('all')
})

test('a failing npm ends the process with what npm said', async () => {
  await writeFile(join(clone, 'package.json'), '{')
  await expect(ensureInstalled(true)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('npm') })
})
