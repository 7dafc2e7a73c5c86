import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../../apps/launcher/src/paths.ts'
import { PlatformClient } from '../harness.ts'
import { LauncherProcess } from '../launcher-process.ts'

/** The folder of the fixtures: data folders of released versions, each in an archive. */
export const fixtures = join(repository, 'test/upgrades/fixtures')

/** An instance that the launcher started, as its operator. */
export class LaunchedPlatform extends PlatformClient {
  readonly url: string
  readonly secret: string

  constructor(url: string, secret: string) {
    super()
    this.url = url
    this.secret = secret
  }
}

/** Starts the launcher on the data of `folder`, without a first namespace. */
export async function launchData(folder: string): Promise<{ launcher: LauncherProcess; platform: LaunchedPlatform }> {
  const launcher = new LauncherProcess(folder, { PORT: '0', PERSQL_BOOTSTRAP: 'off', PERSQL_READERS: '1' }, [])
  const { url } = await launcher.welcome()
  const secret = readFileSync(join(folder, 'data/secret'), 'utf8').trim()
  return { launcher, platform: new LaunchedPlatform(url, secret) }
}

/** Packs what an upgrade keeps of a data folder, and `made.json` beside it. Each start replaces the rest. */
export function packFixture(folder: string, archive: string): void {
  mkdirSync(fixtures, { recursive: true })
  const kept = ['made.json', 'data/objects', 'data/format.json', 'data/secret']
  execFileSync('tar', ['--owner=0', '--group=0', '-czf', archive, '-C', folder, ...kept])
}

export function unpackFixture(archive: string, folder: string): void {
  execFileSync('tar', ['--no-same-owner', '-xzf', archive, '-C', folder])
}
