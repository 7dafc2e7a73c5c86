import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { LauncherProcess } from '../launcher-process.ts'
import { RestrictedClone, type Restriction } from '../restricted-clone.ts'

let clone: RestrictedClone
let launched: LauncherProcess | undefined
beforeAll(() => {
  clone = new RestrictedClone()
})
afterEach(async () => {
  // Container runtimes don't forward Ctrl-C either.
  await launched?.stop('SIGKILL')
  launched = undefined
})
afterAll(() => clone.remove())

function start(restriction: Restriction): LauncherProcess {
  launched = clone.start(restriction)
  return launched
}

async function query(launcher: LauncherProcess) {
  const { url } = await launcher.welcome()
  const [, token] = /Token\s+(\S+)/.exec(launcher.stdout) ?? []
  const body = JSON.stringify({ sql: 'SELECT ? AS greeting', params: ['hello'] })
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${url}/v1/db/acme/main/query`, { method: 'POST', headers, body })
  return (await response.json()).data
}

const readOnlyClone = 'mount -o remount,bind,ro "$clone"'
const readOnlyRoot = 'mount -o remount,bind,ro /'
const readOnlyTmp = 'for f in /tmp /dev/shm; do mount -t tmpfs -o ro,mode=555 tmpfs $f; done'

test.each<[string, Restriction]>([
  ["another user than the files' (setpriv)", { asOtherUser: true }],
  ['a read-only clone (bind mount)', { mounts: readOnlyClone }],
  ['a read-only root file system (bind mounts)', { mounts: `${readOnlyClone}; ${readOnlyRoot}` }],
  ['no writable temporary folder (read-only tmpfs)', { mounts: readOnlyTmp }],
  ['all of these', { mounts: `${readOnlyClone}; ${readOnlyRoot}; ${readOnlyTmp}`, asOtherUser: true }],
])('a built clone starts and answers a query with %s', async (_, restriction) => {
  const launcher = start(restriction)
  expect(await query(launcher)).toMatchObject({ columns: ['greeting'], rows: [['hello']] })
  expect(launcher.stderr).toBe('')
})

const unbuilt = 'mount -t tmpfs -o mode=755 tmpfs "$clone/dist"'
const uninstalled = 'mount --bind /dev/null "$clone/node_modules/.persql-installed"'

test.each<[string, Restriction]>([
  ['not built, for another user', { mounts: unbuilt, asOtherUser: true }],
  [
    'not built, on a read-only file system',
    { mounts: `${unbuilt}; ${readOnlyClone}; mount -o remount,ro "$clone/dist"` },
  ],
  ['not installed, for another user', { mounts: uninstalled, asOtherUser: true }],
  ['not installed, on a read-only file system', { mounts: `${uninstalled}; ${readOnlyClone}` }],
])('a clone that is %s, ends with the command that builds it', async (_, restriction) => {
  const launcher = start(restriction)
  expect(await launcher.exitCode()).toBe(1)
  expect(launcher.stdout).toBe('')
  expect(launcher.stderr).toMatch(/^PerSQL isn't built yet, and \S+ can't be written\. Run "npm run build" in .*\n$/)
  expect(launcher.stderr).toContain(`in ${clone.path} as`)
})

test.each<[string, Restriction]>([
  ['another user', { mounts: 'chmod 755 "$data"', asOtherUser: true }],
  ['a read-only file system', { mounts: 'mount -o remount,ro "$data"' }],
])('a data folder that %s forbids to write ends the start with its name', async (_, restriction) => {
  const launcher = start(restriction)
  expect(await launcher.exitCode()).toBe(1)
  expect(launcher.stderr).toMatch(/^PerSQL has no write access to \S+\/data\. .*\n$/)
})

test('two first starts at the same time both build and run', async () => {
  // The build of the console takes the most time, so it stays.
  const mounts = `mkdir "$data/console" && mount --bind "$clone/dist/console" "$data/console"
    ${unbuilt}; mkdir "$clone/dist/console"; mount --bind "$data/console" "$clone/dist/console"`
  const within = 'PERSQL_DATA="$data/one" "$@" & PERSQL_DATA="$data/two" "$@"; wait'
  const launcher = start({ mounts, within })
  await expect.poll(() => launcher.stdout.split('PerSQL is running.').length, { timeout: 120_000 }).toBe(3)
  expect(launcher.stdout.match(/^Built PerSQL/gm)).toHaveLength(2)
  expect(launcher.stderr).toBe('')
})
