import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Stamp } from '../../apps/launcher/src/data-format.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { fillContents } from './contents.ts'
import { fixtures, launchData, packFixture } from './fixture.ts'

const maxBytes = 300_000

/** Makes the fixture of this version. `npm run upgrade:fixture` runs it. */
test('makes a fixture with the data of this version', async () => {
  const folder = await makeDataFolder('persql-fixture-')
  try {
    const { launcher, platform } = await launchData(folder)
    const made = await fillContents(platform).finally(() => launcher.stop())
    const { writtenBy: version, format } = JSON.parse(readFileSync(join(folder, 'data/format.json'), 'utf8')) as Stamp
    writeFileSync(join(folder, 'made.json'), `${JSON.stringify({ version, format, ...made }, null, 2)}\n`)
    const archive = join(fixtures, `${version}-format-${format}.tar.gz`)
    packFixture(folder, archive)
    expect(statSync(archive).size).toBeLessThan(maxBytes)
  } finally {
    await removeDataFolder(folder)
  }
})
