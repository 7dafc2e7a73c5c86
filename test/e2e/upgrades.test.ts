import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Stamp } from '../../apps/launcher/src/data-format.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { launch } from '../launcher-process.ts'
import { checkContents, type Made } from '../upgrades/contents.ts'
import { fixtures, launchData, unpackFixture } from '../upgrades/fixture.ts'

const archives = readdirSync(fixtures).filter((name) => name.endsWith('.tar.gz'))
let folder: string
beforeEach(async () => {
  folder = await makeDataFolder('persql-upgrade-')
})
afterEach(() => removeDataFolder(folder))

const readJson = <T>(name: string): T => JSON.parse(readFileSync(join(folder, name), 'utf8'))

test('there are fixtures, each named after its version and format', () => {
  expect(archives.length).toBeGreaterThan(0)
  for (const name of archives) expect(name).toMatch(/^\d+\.\d+\.\d+-format-\d+\.tar\.gz$/)
})

test.each(archives)('everything in the data folder %s is there after a start, and after another one', async (name) => {
  unpackFixture(join(fixtures, name), folder)
  const made = readJson<Made>('made.json')
  expect(name).toBe(`${made.version}-format-${made.format}.tar.gz`)
  expect(readJson<Stamp>('data/format.json')).toMatchObject({ format: made.format, writtenBy: made.version })
  for (let starts = 0; starts < 2; starts++) {
    const { launcher, platform } = await launchData(folder)
    try {
      await checkContents(platform, made)
    } finally {
      expect(await launcher.stop()).toBe(0)
    }
    expect(launcher.stderr).toBe('')
  }
  expect(readJson<Stamp>('data/format.json').format).toBeGreaterThanOrEqual(made.format)
})

test.each(archives)('a newer version that used the data folder %s keeps this one from starting', async (name) => {
  unpackFixture(join(fixtures, name), folder)
  const newer = { format: 1_000, writtenBy: '99.0.0', oldestReader: 1_000 }
  writeFileSync(join(folder, 'data/format.json'), JSON.stringify(newer))
  const older = launch(folder)
  expect(await older.exitCode()).toBe(1)
  expect(older.stderr).toMatch(/was written by PerSQL 99\.0\.0 .*This is PerSQL \d+\.\d+\.\d+ .*Start PerSQL 99\.0\.0/)
  expect(readJson('data/format.json')).toEqual(newer)
})
