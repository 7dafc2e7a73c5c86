import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CHECKSUMS, NAMESPACE, signChecksums, sortByNeeds, writeChecksums } from '../../apps/launcher/release-files.mjs'
import { listBlocks, readPage } from '../docs/pages.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'persql-release-'))
  await writeFile(join(folder, 'persql-sdk-1.0.0.tgz'), 'the SDK')
  await writeFile(join(folder, 'persql-server-1.0.0.tgz'), 'the server')
})
afterEach(() => rm(folder, { recursive: true }))

const sums = () => readFileSync(join(folder, CHECKSUMS), 'utf8')

/** Runs the commands of the documentation in the folder of the release. */
function runDocumented(command: string) {
  const blocks = listBlocks(readPage('docs/self-hosting/verify.md'))
  const line = blocks
    .flatMap(({ code }) => code.replaceAll('\\\n', '').split('\n'))
    .find((each) => each.startsWith(command))
  return spawnSync('bash', ['-euo', 'pipefail', '-c', line ?? 'exit 99'], { cwd: folder, encoding: 'utf8' })
}

function createKey(name: string): string {
  const file = join(folder, `../${name}-${process.pid}`)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'releases', '-f', file])
  return file
}

test('packages are published after those that they need', () => {
  const adapter = { name: '@persql/kysely', peerDependencies: { '@persql/sdk': '^1.0.0', kysely: '*' } }
  const sdk = { name: '@persql/sdk', dependencies: { '@persql/endpoint-spec': '1.0.0' } }
  const spec = { name: '@persql/endpoint-spec' }
  expect(sortByNeeds([adapter, sdk, spec]).map(({ name }) => name)).toEqual([spec.name, sdk.name, adapter.name])
  const needsAdapter = { name: '@persql/sdk', dependencies: { '@persql/kysely': '1.0.0' } }
  expect(() => sortByNeeds([adapter, needsAdapter])).toThrow('need each other: @persql/kysely, @persql/sdk')
})

test('the documented command accepts the files of a release, and names a file that was changed', async () => {
  await writeChecksums(folder)
  expect(sums()).toMatch(/^[0-9a-f]{64} {2}persql-sdk-1\.0\.0\.tgz\n[0-9a-f]{64} {2}persql-server-1\.0\.0\.tgz\n$/)
  expect(runDocumented('sha256sum')).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('persql-server-1.0.0.tgz: OK'),
  })
  await writeFile(join(folder, 'persql-server-1.0.0.tgz'), 'another server')
  const changed = runDocumented('sha256sum')
  expect(changed.status).not.toBe(0)
  expect(changed.stdout).toContain('persql-server-1.0.0.tgz: FAILED')
})

test('the documented command accepts only a signature by the key of releases, for releases, of these checksums', async () => {
  const [key, otherKey] = [createKey('key'), createKey('other')]
  try {
    await writeChecksums(folder)
    expect(await signChecksums(folder, key)).toBe(true)
    await writeFile(join(folder, 'allowed_signers'), `releases ${readFileSync(`${key}.pub`, 'utf8')}`)
    const verify = () => runDocumented('ssh-keygen -Y verify')
    expect(verify()).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Good "persql-release" signature for releases'),
    })
    // A second run, after the release was built again.
    await writeFile(
      join(folder, CHECKSUMS),
      sums().replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    )
    expect(verify().status).not.toBe(0)
    await writeChecksums(folder)
    await rm(join(folder, `${CHECKSUMS}.sig`))
    expect(await signChecksums(folder, otherKey)).toBe(true)
    expect(verify().status).not.toBe(0)
    await rm(join(folder, `${CHECKSUMS}.sig`))
    execFileSync('ssh-keygen', ['-Y', 'sign', '-n', 'file', '-f', key, join(folder, CHECKSUMS)], { stdio: 'pipe' })
    expect(verify().status).not.toBe(0)
    expect(NAMESPACE).toBe('persql-release')
    expect(await signChecksums(folder, join(folder, 'absent'))).toBe(false)
    // A signature is never among the files that are signed.
    await writeChecksums(folder)
    expect(sums()).not.toContain(CHECKSUMS)
  } finally {
    for (const file of [key, otherKey]) for (const end of ['', '.pub']) await rm(file + end)
  }
})
