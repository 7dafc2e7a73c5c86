import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FolderHeldError, type FolderHold, holdFolder } from './folder-hold.ts'
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts'

const orphanAttempts = 5

/** The processes that work on a data folder, as `<data>/lock` names them. The kernel alone knows whether they live. */
interface Holder {
  launcher: ProcessIdentity
  workerd?: ProcessIdentity
  /** Set by launchers that hold the folder by a socket. Of an older one, the file itself is the lock. */
  isHeld?: true
}

/** A data folder that nobody else works on: two workerd on one SQLite file would destroy it. */
export interface DataLock {
  /** To be inherited by workerd, so that the folder stays held while it lives, even without its launcher. */
  fd: number | undefined
  /** Whether a PerSQL in another container would not be noticed. */
  isLocal: boolean
  /** Notes the workerd of the moment, so that the next launcher finds it should this one be killed. */
  hold(workerdPid: number): void
  release(): void
}

/** Thrown when another instance runs on the data folder. */
export class DataInUseError extends Error {
  override readonly name = 'DataInUseError'
}

/**
 * Takes the data folder. Where a launcher was killed, ends the workerd that it left behind.
 * @throws DataInUseError when another instance runs
 */
export async function lockData(data: string): Promise<DataLock> {
  const file = join(data, 'lock')
  const hold = await takeFolder(data, file)
  try {
    const holder = read(file)
    if (holder !== undefined && !holder.isHeld && isRunning(holder.launcher) && holder.launcher.pid !== process.pid) {
      throw inUse(data, holder.launcher.pid)
    }
    if (holder?.workerd !== undefined) await endOrphan(holder.workerd)
  } catch (cause) {
    hold.release()
    throw cause
  }
  const launcher = identify(process.pid)
  write(file, { launcher, isHeld: true })
  return {
    fd: hold.fd,
    isLocal: hold.isLocal,
    hold: (pid) => write(file, { launcher, workerd: identify(pid), isHeld: true }),
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
    if (!(cause instanceof FolderHeldError)) throw new Error(lockFailure(data, cause), { cause })
    const holder = read(file)
    if (cause.pid !== undefined || holder?.workerd === undefined || isRunning(holder.launcher)) {
      throw inUse(data, cause.pid)
    }
    // Nobody speaks for the folder: a killed launcher has left its workerd. In another container it is not ours to end.
    if (!(await endOrphan(holder.workerd))) throw inUse(data, undefined)
    return takeFromOrphan(data)
  }
}

/** A process of many threads counts as ended a moment before the last of them has let go of the folder. */
async function takeFromOrphan(data: string): Promise<FolderHold> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await holdFolder(data)
    } catch (cause) {
      if (!(cause instanceof FolderHeldError)) throw cause
      if (cause.pid !== undefined || attempt === orphanAttempts) throw inUse(data, cause.pid)
      await delay(50)
    }
  }
}

function inUse(data: string, pid: number | undefined): DataInUseError {
  if (pid !== undefined) return new DataInUseError(`${data} is in use by another PerSQL (process ${pid}).`)
  return new DataInUseError(
    `${data} is in use by a process that does not answer. It may be a workerd that a killed launcher left behind, here or in another container. Stop it first.`,
  )
}

function lockFailure(data: string, cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EROFS')
    return `${data} cannot be written by this user. PerSQL needs a folder that it can write.`
  return `${data} cannot be locked: ${message}`
}

/** Writes the file in one step: a reader never sees it half written. */
function write(file: string, holder: Holder): void {
  const draft = `${file}.${process.pid}`
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

/** Returns whether the process was there to be ended. */
async function endOrphan(workerd: ProcessIdentity): Promise<boolean> {
  if (workerd.started === undefined || !isRunning(workerd)) return false
  process.kill(workerd.pid, 'SIGKILL')
  while (isRunning(workerd)) await delay(20)
  return true
}
