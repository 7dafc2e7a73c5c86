import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FolderHeldError, type FolderHold, holdFolder } from './folder-hold.ts'
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts'

const orphanWaitMs = 5_000

/** The processes that use a data folder, as recorded in `<data>/lock`. Only the kernel knows whether they are alive. */
interface Holder {
  launcher: ProcessIdentity
  workerd?: ProcessIdentity
  /** The cells besides the first. */
  cells?: readonly ProcessIdentity[]
  readers?: readonly ProcessIdentity[]
  /** Set by launchers that hold the folder with a socket. For older launchers, the file itself is the lock. */
  isHeld?: true
}

/** Exclusive use of a data folder. Two workerd processes on one SQLite file would corrupt it. */
export interface DataLock {
  /** The descriptor for workerd to inherit. It keeps the folder locked while workerd runs, even if the launcher is killed. */
  fd: number | undefined
  /** Whether an instance in another container can't be detected. */
  isLocal: boolean
  /**
   * Records the current processes, the first cell first, so that the next launcher finds them if this launcher is
   * killed.
   */
  hold(cellPids: readonly number[], readerPids?: readonly number[]): void
  release(): void
}

/** Thrown when another instance uses the data folder. */
export class DataInUseError extends Error {
  override readonly name = 'DataInUseError'
}

/**
 * Locks the data folder. If an earlier launcher was killed, stops the workerd that it left running.
 * @throws DataInUseError if another instance uses the folder
 */
export async function lockData(data: string): Promise<DataLock> {
  const file = join(data, 'lock')
  const hold = await takeFolder(data, file)
  try {
    const holder = read(file)
    if (holder !== undefined && !holder.isHeld && isRunning(holder.launcher) && holder.launcher.pid !== process.pid) {
      throw inUse(data, holder.launcher.pid)
    }
    if (holder !== undefined) await endOrphans(holder)
  } catch (cause) {
    hold.release()
    throw cause
  }
  const launcher = identify(process.pid)
  write(file, { launcher, isHeld: true })
  return {
    fd: hold.fd,
    isLocal: hold.isLocal,
    hold: (pids, readers = []) => {
      const [workerd, ...cells] = pids.map(identify)
      write(file, {
        launcher,
        ...(workerd && { workerd }),
        ...(cells.length > 0 && { cells }),
        readers: readers.map(identify),
        isHeld: true,
      })
    },
    release: () => {
      rmSync(file, { force: true })
      hold.release()
    },
  }
}

async function takeFolder(data: string, file: string): Promise<FolderHold> {
  try {
    return await holdFolder(data)
  } catch (cause) {
    if (!(cause instanceof FolderHeldError)) throw lockFailure(data, cause)
    const holder = read(file)
    if (cause.pid !== undefined || holder === undefined || isRunning(holder.launcher)) throw inUse(data, cause.pid)
    // The socket is held but doesn't respond, and the launcher is gone: only its workerd processes are left. Its guard is
    // ending them, also one that wasn't recorded yet. Those in another container can't be stopped from here.
    await endOrphans(holder)
    return takeFromOrphan(data)
  }
}

/**
 * Retries, because a guard needs a moment, and because a process with several threads is reported as ended shortly before
 * its last thread closes the socket.
 */
async function takeFromOrphan(data: string): Promise<FolderHold> {
  const untilMs = performance.now() + orphanWaitMs
  for (;;) {
    try {
      return await holdFolder(data)
    } catch (cause) {
      if (!(cause instanceof FolderHeldError)) throw cause
      if (cause.pid !== undefined || performance.now() >= untilMs) throw inUse(data, cause.pid)
      await delay(50)
    }
  }
}

function inUse(data: string, pid: number | undefined): DataInUseError {
  if (pid !== undefined) {
    return new DataInUseError(
      `${data} is already in use by another PerSQL process (PID ${pid}). Stop it, or set PERSQL_DATA to another folder.`,
    )
  }
  return new DataInUseError(
    `${data} is already in use by a process that doesn't respond. It may be a workerd process left by a killed launcher, possibly in another container. Stop it, or set PERSQL_DATA to another folder.`,
  )
}

function lockFailure(data: string, cause: unknown): Error {
  return noAccess(data, cause) ?? new Error(`Can't lock ${data}: ${(cause as Error).message}`, { cause })
}

/** Returns the error for the operator if `cause` means that this process can't write to the data folder. */
export function noAccess(data: string, cause: unknown): Error | undefined {
  const { code = '' } = cause as NodeJS.ErrnoException
  if (!['EACCES', 'EROFS'].includes(code)) return undefined
  return new Error(`PerSQL has no write access to ${data}. Grant access, or set PERSQL_DATA to another folder.`, {
    cause,
  })
}

/** Writes the file atomically, so that readers never see a partial file. */
function write(file: string, holder: Holder): void {
  const draft = `${file}.new`
  writeFileSync(draft, JSON.stringify(holder))
  renameSync(draft, file)
}

function read(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** Stops the processes of all cells and their readers. */
async function endOrphans({ workerd, cells = [], readers = [] }: Holder): Promise<void> {
  for (const orphan of [...(workerd ? [workerd] : []), ...cells, ...readers]) await endOrphan(orphan)
}

async function endOrphan(orphan: ProcessIdentity): Promise<void> {
  if (orphan.started === undefined || !isRunning(orphan)) return
  try {
    process.kill(orphan.pid, 'SIGKILL')
  } catch (cause) {
    // Its guard can have ended it since.
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause
  }
  while (isRunning(orphan)) await delay(20)
}
