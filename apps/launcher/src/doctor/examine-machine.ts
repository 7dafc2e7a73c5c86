import { type DiskSpace, measureDisk } from '../disk-space.ts'
import type { Holder } from '../folder-hold.ts'
import { countOpenDatabases, formatOpenFileWarning, readOpenFileLimit } from '../open-files.ts'
import { type Finding, megabytes, ok, problem, warning } from './finding.ts'

/** Examines the room on the disk of the data folder. */
export async function examineDisk(data: string, reserveMb: number | undefined): Promise<Finding> {
  return judgeDisk(await measureDisk(data, reserveMb))
}

/** Compares the room on a disk with the reserve. */
export function judgeDisk({ freeBytes, reserveBytes }: DiskSpace): Finding {
  const room = `${megabytes(freeBytes)} free, reserve ${megabytes(reserveBytes)}`
  if (freeBytes < reserveBytes) {
    return problem('disk', `${room}. Calls that store data are refused. Free some space, or use a larger disk.`)
  }
  if (freeBytes < 2 * reserveBytes) {
    return warning('disk', `${room}. Below the reserve, calls that store data are refused. Free some space.`)
  }
  return ok('disk', `${room}.`)
}

/** Examines the limit of open files: that of the running instance, or else that of this process. */
export function examineOpenFiles(holder: Holder | undefined): Finding | undefined {
  const limit = readOpenFileLimit(holder?.pid === undefined ? undefined : `/proc/${holder.pid}/limits`)
  return limit === undefined ? undefined : judgeOpenFiles(limit)
}

/** Returns how many databases a limit of open files allows. */
export function judgeOpenFiles(limit: number): Finding {
  const few = formatOpenFileWarning(limit)
  if (few !== undefined) return warning('open files', few)
  return ok('open files', `the limit is ${limit}, which allows about ${countOpenDatabases(limit)} databases in use.`)
}
