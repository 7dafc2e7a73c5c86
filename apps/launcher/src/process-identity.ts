import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'

/** The identity of a process. A later process with the same PID, as after a container restart, has another one. */
export interface ProcessIdentity {
  pid: number
  /** The start time as the system reports it; absent if it doesn't. */
  started?: string
  /** The PID namespace, in which `pid` is unique: each container has its own. */
  namespace?: string
}

export function identify(pid: number): ProcessIdentity {
  return { pid, started: readStart(pid), namespace }
}

/** Returns whether the process still runs, as far as this process can see. */
export function isRunning({ pid, started, namespace: where = namespace }: ProcessIdentity): boolean {
  if (where !== namespace) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return started === undefined || started === readStart(pid)
}

/** Returns the command that prints the start time of a process, for systems without `/proc`. */
export function startCommand(platform: string, pid: number): [string, ...string[]] {
  return platform === 'win32'
    ? ['powershell', '-NoProfile', '-NonInteractive', '-Command', `(Get-Process -Id ${pid}).StartTime.Ticks`]
    : ['ps', '-o', 'lstart=', '-p', `${pid}`]
}

const namespace = namespaceOfPids()

function namespaceOfPids(): string | undefined {
  try {
    return process.platform === 'linux' ? readlinkSync('/proc/self/ns/pid') : undefined
  } catch {
    return undefined
  }
}

function readStart(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux') {
      const [command, ...args] = startCommand(process.platform, pid)
      return (
        execFileSync(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
          .toString()
          .trim() || undefined
      )
    }
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field, the command in parentheses, can contain spaces and parentheses; the start time is the 22nd
    // field.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' ? undefined : rest[18]
  } catch {
    return undefined
  }
}
