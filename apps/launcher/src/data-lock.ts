import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts'

/** Who works on a data folder. Two workerd on one SQLite file would destroy it. */
interface Holder {
  launcher: ProcessIdentity
  workerd?: ProcessIdentity
}

export interface DataLock {
  /** Notes the workerd of the moment, so that the next launcher finds it should this one be killed. */
  hold(workerdPid: number): void
  release(): void
}

export class DataInUseError extends Error {
  override readonly name = 'DataInUseError'
}

/**
 * Takes `<data>/lock`. A lock whose launcher is dead is taken over, after ending the workerd it may have left behind.
 * Throws a `DataInUseError` when another instance runs.
 */
export async function lockData(data: string): Promise<DataLock> {
  const file = join(data, 'lock')
  const launcher = identify(process.pid)
  if (!take(file, { launcher })) {
    const holder = read(file)
    if (holder !== undefined && isRunning(holder.launcher) && holder.launcher.pid !== process.pid) {
      throw new DataInUseError(`${data} is in use by another PerSQL (process ${holder.launcher.pid}).`)
    }
    if (holder?.workerd !== undefined) await endOrphan(holder.workerd)
    rmSync(file, { force: true })
    if (!take(file, { launcher })) throw new DataInUseError(`${data} is being taken by another PerSQL right now.`)
  }
  return {
    hold: (pid) => renameSync(draftOf(file, { launcher, workerd: identify(pid) }), file),
    release: () => rmSync(file, { force: true }),
  }
}

/** Creates the file with its content in one step: a reader never sees it half written. */
function take(file: string, holder: Holder): boolean {
  const draft = draftOf(file, holder)
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

function draftOf(file: string, holder: Holder): string {
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, JSON.stringify(holder))
  return draft
}

function read(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

async function endOrphan(workerd: ProcessIdentity): Promise<void> {
  if (workerd.started === undefined || !isRunning(workerd)) return
  process.kill(workerd.pid, 'SIGKILL')
  while (isRunning(workerd)) await delay(20)
}
