import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Stamp } from '../../apps/launcher/src/data-format.ts'
import { objectFile } from '../../apps/launcher/src/object-files.ts'
import { repository } from '../../apps/launcher/src/paths.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { overwrite } from '../file-damage.ts'
import { LauncherProcess } from '../launcher-process.ts'
import { checkContents, type Made } from '../upgrades/contents.ts'
import { fixtures, LaunchedPlatform, unpackFixture } from '../upgrades/fixture.ts'

const archive = join(fixtures, readdirSync(fixtures).find((name) => name.endsWith('.tar.gz')) ?? '')

let folder: string
beforeEach(async () => {
  folder = await makeDataFolder('persql-backup-first-')
})
afterEach(() => removeDataFolder(folder))

const readStamp = (data = 'data'): Stamp => JSON.parse(readFileSync(join(folder, data, 'format.json'), 'utf8'))

/** Unpacks a data folder that another version was the last to use. */
function unpack(writtenBy = '0.9.0'): Made {
  unpackFixture(archive, folder)
  writeFileSync(join(folder, 'data/format.json'), JSON.stringify({ ...readStamp(), writtenBy }))
  return JSON.parse(readFileSync(join(folder, 'made.json'), 'utf8'))
}

/** Starts PerSQL with options. */
function start(options: string[], settings: Record<string, string> = {}): LauncherProcess {
  const program = [process.execPath, join(repository, 'apps/launcher/main.mjs'), ...options]
  return new LauncherProcess(folder, { PORT: '0', PERSQL_BOOTSTRAP: 'off', ...settings }, [], program)
}

const listBackups = (target: string): string[] =>
  existsSync(join(folder, target, 'backups')) ? readdirSync(join(folder, target, 'backups')) : []

/** Runs an operator command. Rejects unless its exit code is 0. */
async function operate(args: string[], environment: Record<string, string> = {}): Promise<string> {
  const program = join(repository, 'apps/launcher/operator.mjs')
  const env = { PATH: process.env.PATH, ...environment }
  return (await promisify(execFile)(process.execPath, [program, ...args], { cwd: folder, env })).stdout
}

/** Returns a hash of all files that have data. */
function hashData(): string {
  const digest = createHash('sha256').update(readFileSync(join(folder, 'data/format.json')))
  const names = readdirSync(join(folder, 'data/objects'), { recursive: true, encoding: 'utf8' }).sort()
  for (const name of names.filter((each) => each.endsWith('.sqlite')))
    digest.update(name).update(readFileSync(join(folder, 'data/objects', name)))
  return digest.digest('hex')
}

test('an upgrade first creates a backup of the old data, which can be restored, and the next start none', async () => {
  const made = unpack()
  const old = readStamp()
  for (let starts = 1; starts <= 2; starts++) {
    const launcher = start(['--backup-first=backups'])
    const { url } = await launcher.welcome()
    const secret = readFileSync(join(folder, 'data/secret'), 'utf8').trim()
    if (starts === 2) await checkContents(new LaunchedPlatform(url, secret), made)
    expect(await launcher.stop()).toBe(0)
    expect(launcher.stderr).toBe('')
    expect(launcher.stdout.includes('has the data of PerSQL 0.9.0.')).toBe(starts === 1)
    expect(listBackups('backups')).toHaveLength(1)
  }
  expect(readStamp().writtenBy).not.toBe('0.9.0')
  expect(await operate(['verify', 'backups'])).toContain('is whole')
  await operate(['restore', 'backups'], { PERSQL_DATA: join(folder, 'restored') })
  expect(readStamp('restored')).toEqual(old)
})

test('the target is that of continuous backups, encrypted with their passphrase', async () => {
  unpack()
  writeFileSync(join(folder, 'passphrase'), 'correct horse battery staple')
  const passphrase = join(folder, 'passphrase')
  const settings = { PERSQL_BACKUP: 'mine', PERSQL_BACKUP_EVERY: '1d', PERSQL_BACKUP_PASSPHRASE_FILE: passphrase }
  const launcher = start(['--backup-first'], settings)
  await launcher.printed('has the data of PerSQL 0.9.0.')
  await launcher.stop()
  await expect(operate(['verify', 'mine'])).rejects.toMatchObject({ code: 2 })
  expect(await operate(['verify', 'mine', '--passphrase-file', passphrase])).toContain('is whole')
})

const refusals: [string, string[], () => void, RegExp][] = [
  ['no target', ['--backup-first'], () => {}, /requires a target\. Set PERSQL_BACKUP/],
  ['an invalid target', ['--backup-first=ftp://backups'], () => {}, /Invalid target "ftp:\/\/backups"/],
  ['an unknown option', ['--backup-last'], () => {}, /Unexpected argument "--backup-last"/],
  [
    'a target that is a file',
    ['--backup-first=backups'],
    () => writeFileSync(join(folder, 'backups'), ''),
    /didn't start, because the backup failed\. The data is unchanged\.\n.*backups/,
  ],
  [
    'a damaged object',
    ['--backup-first=backups'],
    () => overwrite(objectFile(join(folder, 'data'), 'namespace', 'acme'), 100, 3_996),
    /not copied\..*\nTo start with these files as they are, start without --backup-first\./s,
  ],
]
test.each(refusals)('with %s, the start stops and the data is unchanged', async (_, options, prepare, message) => {
  unpack()
  prepare()
  const before = hashData()
  const launcher = start(options)
  expect(await launcher.exitCode()).toBe(1)
  expect(launcher.stderr).toMatch(message)
  expect(hashData()).toBe(before)
  expect(readStamp().writtenBy).toBe('0.9.0')
})

test('data without format.json is not converted without a backup', async () => {
  unpack()
  rmSync(join(folder, 'data/format.json'))
  const launcher = start(['--backup-first=backups'])
  expect(await launcher.exitCode()).toBe(1)
  expect(launcher.stderr).toContain('was written by a version of PerSQL without format.json')
  expect(existsSync(join(folder, 'data/format.json'))).toBe(false)
})

/** Makes the data folder one that an older version was the last to use. */
const makeOutdated = (): void =>
  writeFileSync(join(folder, 'data/format.json'), JSON.stringify({ ...readStamp(), writtenBy: '0.9.0' }))

test('a new data folder, one that was never used, and one that was just restored start without a backup', async () => {
  const startOnce = async (settings?: Record<string, string>) => {
    const launcher = start(['--backup-first=backups'], settings)
    await launcher.welcome()
    expect(await launcher.stop()).toBe(0)
  }
  await startOnce()
  makeOutdated()
  await startOnce({ PERSQL_BOOTSTRAP: 'acme/main' })
  expect(existsSync(join(folder, 'backups'))).toBe(false)
  await operate(['backup', 'backups'])
  rmSync(join(folder, 'data'), { recursive: true })
  await operate(['restore', 'backups'])
  makeOutdated()
  await startOnce()
  expect(listBackups('backups')).toHaveLength(1)
})
