import { readdir, readFile } from 'node:fs/promises'

/** The memory, open files and CPU time of a process. */
export interface ProcessUse {
  readonly residentBytes: number
  /** Unset on systems without `/proc`. */
  readonly openFds?: number
  /** User and system time since its start. */
  readonly cpuSeconds: number
}

/** The unit of times in `/proc`, which is the same on all architectures. */
const ticksPerSecond = 100

/**
 * Reads the use of a process from `/proc`. Returns `undefined` if it doesn't run, and on systems without `/proc`, except for
 * this process.
 */
export async function readProcessUse(pid: number): Promise<ProcessUse | undefined> {
  try {
    const [status, stat, fds] = await Promise.all([
      readFile(`/proc/${pid}/status`, 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readdir(`/proc/${pid}/fd`),
    ])
    const residentBytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
    // The name of the program is in parentheses and can contain spaces. User and system time are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return {
      residentBytes,
      openFds: fds.length,
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    }
  } catch {
    return pid === process.pid ? ownUse() : undefined
  }
}

function ownUse(): ProcessUse {
  const { user, system } = process.cpuUsage()
  return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 }
}
