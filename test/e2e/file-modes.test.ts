import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { LauncherProcess } from '../launcher-process.ts'
import { RestrictedClone } from '../restricted-clone.ts'

let clone: RestrictedClone
let launched: LauncherProcess | undefined
beforeAll(() => {
  clone = new RestrictedClone()
})
afterEach(async () => {
  await launched?.stop('SIGKILL')
  launched = undefined
})
afterAll(() => clone.remove())

/** Data as an older version left it: every user of the machine can read it. */
const older = `
  mkdir -p "$data/data/objects/database" "$data/data/run/console" "$data/data/tmp" "$data/data/packages"
  head -c 5000 /dev/urandom > "$data/data/objects/database/$(printf 'a%.0s' $(seq 64)).sqlite"
  echo 0123456789abcdef0123456789abcdef > "$data/data/secret"`

/** Starts, makes a backup to a folder of mode 755 as a user, and lists what other users can use. */
const report = (user: string) => `umask 022
  "$@" & started=$!
  until [ -e "$data/data/bootstrap.json" ]; do sleep 0.2; done
  ${user} mkdir -m 755 "$data/target"
  ${user} "$node" "$clone/apps/launcher/operator.mjs" backup "$data/target" > /dev/null
  echo "OPEN $(cd "$data" && find data target -mindepth 1 -perm /077 ! -type l | sort | tr '\\n' ' ')"
  echo "FILES $(find "$data/data/objects" "$data/target/files" -type f | wc -l)"
  echo REPORTED
  wait $started`

test.each<[string, { asOtherUser: boolean; mounts: string }]>([
  ['root, in a new folder', { asOtherUser: false, mounts: 'mkdir -m 755 "$data/data"' }],
  ['root, in older data', { asOtherUser: false, mounts: `mkdir -m 755 "$data/data"; ${older}` }],
  ['another user, in a new folder', { asOtherUser: true, mounts: 'mkdir -m 755 "$data/data"; chown -R 65534 "$data"' }],
  [
    'another user, in older data',
    { asOtherUser: true, mounts: `mkdir -m 755 "$data/data"; ${older}; chown -R 65534 "$data"` },
  ],
])('no other user can use the files of %s, if they can open the data folder', async (_, { asOtherUser, mounts }) => {
  const user = asOtherUser ? 'setpriv --reuid=65534 --regid=65534 --clear-groups' : ''
  launched = clone.start({ asOtherUser, mounts, within: report(user) })
  await launched.printed('REPORTED')
  const [, open] = /^OPEN (.*)$/m.exec(launched.stdout) ?? []
  const [, files] = /^FILES (\d+)$/m.exec(launched.stdout) ?? []
  expect(open).toBe('')
  expect(Number(files)).toBeGreaterThan(5)
  expect(launched.stderr).toBe('')
})
