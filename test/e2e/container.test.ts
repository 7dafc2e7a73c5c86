import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LauncherProcess } from '../launcher-process.ts'
import { dockerCommand, dockerEnvironment, makeRoot } from '../minimal-image.ts'
import { askPool } from '../pool-client.ts'

const run = promisify(execFile)
let folder: string
let root: string
beforeAll(async () => {
  folder = mkdtempSync('/var/tmp/persql-image-')
  root = join(folder, 'root')
  chmodSync(folder, 0o755)
  makeRoot(root, await askPool('POST', 'server-app'))
}, 600_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A command that runs what follows in the root file system, which is read-only, as the user of the image. */
const inContainer = (): string[] => {
  const script = [
    `mount --bind ${root} ${root}`,
    `mount -t proc proc ${root}/proc`,
    `mount --rbind /dev ${root}/dev`,
    `mount -t tmpfs -o mode=700,uid=65532,gid=65532 tmpfs ${root}/data`,
    `mount -o remount,bind,ro ${root}`,
    `exec chroot --userspec=65532:65532 --groups= ${root} "$@"`,
  ]
  const namespaces = ['unshare', '--mount', '--pid', '--fork', '--kill-child']
  return [...namespaces, 'sh', '-c', `set -e\n${script.join('\n')}`, 'sh']
}

test('the root file system has no shell', () => {
  expect(existsSync(join(root, 'bin'))).toBe(false)
  expect(execFileSync('find', [root, '-name', 'sh', '-o', '-name', 'nice', '-o', '-name', 'bash']).toString()).toBe('')
})

test('the commands of the Dockerfile start PerSQL without a shell, as another user, on a read-only root', async () => {
  const entrypoint = [...dockerCommand('ENTRYPOINT'), ...dockerCommand('CMD')]
  const settings = { ...dockerEnvironment(), PORT: '0', PERSQL_READERS: '1' }
  const launcher = new LauncherProcess('/', settings, inContainer(), entrypoint)
  try {
    const { url } = await launcher.welcome()
    const [, token] = /Token\s+(\S+)/.exec(launcher.stdout) ?? []
    const query = async (sql: string) => {
      const headers = { authorization: `Bearer ${token}` }
      const body = JSON.stringify({ sql })
      return (await fetch(`${url}/v1/db/acme/main/query`, { method: 'POST', headers, body })).json()
    }
    expect(await query('SELECT 1')).toMatchObject({ data: { rows: [[1]] } })
    // A reader runs this read.
    const long =
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n'
    expect(await query(long)).toMatchObject({ data: { rows: [[300_000]] } })

    const { port } = new URL(url)
    const [node = '', ...args] = dockerCommand('HEALTHCHECK')
    expect(node).toBe('/nodejs/bin/node')
    await run(process.execPath, args, { env: { PORT: port } })
    await expect(run(process.execPath, args, { env: { PORT: '1' } })).rejects.toMatchObject({ code: 1 })
    expect(launcher.stderr).toBe('')
  } finally {
    await launcher.stop('SIGKILL')
  }
})
