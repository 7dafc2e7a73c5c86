import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../apps/launcher/src/paths.ts'
import { LauncherProcess } from './launcher-process.ts'

export interface Restriction {
  /** Shell commands that run before the start, as root: `$clone` is the clone, and `$data` a folder for all users. */
  mounts?: string
  /** Starts as a user that owns nothing. */
  asOtherUser?: boolean
  /** Shell commands that run the program, which is `"$@"`. Default: they run it and wait. */
  within?: string
}

/**
 * Runs the command as a child. The kernel ends all processes of the namespace together with its first one, which must not
 * change its user: that would cancel the signal of --kill-child.
 */
const runAndWait = 'status=0; "$@" || status=$?; exit $status'

/**
 * This clone with restrictions that are mounts, which only the started process sees. Needs root, or sudo without a
 * password.
 */
export class RestrictedClone {
  /** Not below the temporary folder, so that a test can make that one read-only. */
  readonly #folder = mkdtempSync('/var/tmp/persql-clone-')

  constructor() {
    chmodSync(this.#folder, 0o755)
    for (const name of ['clone', 'data']) mkdirSync(join(this.#folder, name))
    writeFileSync(join(this.#folder, 'node'), '')
  }

  /** The path of the clone in the started process. */
  get path(): string {
    return join(this.#folder, 'clone')
  }

  /** Runs `npm start` of the clone, with the data in memory. */
  start({ mounts = '', asOtherUser = false, within = runAndWait }: Restriction): LauncherProcess {
    const user = asOtherUser ? 'setpriv --reuid=65534 --regid=65534 --clear-groups' : ''
    const script = [
      `set -e; clone=${this.path} data=${join(this.#folder, 'data')} node=${join(this.#folder, 'node')}`,
      'mount --make-rprivate /',
      `mount --bind ${repository} "$clone"`,
      // A user can be forbidden to open the folder of this Node.
      'mount --bind "$1" "$node"',
      'mount -t tmpfs -o mode=777 tmpfs "$data"',
      mounts,
      `cd "$data"; set -- ${user} "$node" "$clone/apps/launcher/main.mjs"`,
      within,
    ]
    const root = process.getuid?.() === 0 ? [] : ['sudo', '-n', '-E']
    const namespaces = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
    const command = [...root, ...namespaces, 'sh', '-c', script.join('\n'), 'sh']
    return new LauncherProcess('/', { PORT: '0', PERSQL_READERS: '1' }, command)
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true })
  }
}
