import { readFileSync } from 'node:fs'

/** The files of an open database: the file, its write-ahead log, and the log's shared memory. */
const perDatabase = 3
/** Descriptors for everything else: the program, connections, other objects. */
const others = 256
const enough = 8_192

/** Returns the maximum number of open files of this process and its children, if the system has this information. */
export function readOpenFileLimit(limits = '/proc/self/limits'): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync(limits, 'utf8')) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}

/** Returns the number of databases that can be open at the same time with this limit of open files. */
export const countOpenDatabases = (limit: number): number => Math.max(0, Math.floor((limit - others) / perDatabase))

/** Returns a warning if the limit allows few open databases. Node has already raised it to the hard limit. */
export function formatOpenFileWarning(limit: number | undefined): string | undefined {
  if (limit === undefined || limit >= enough) return undefined
  return `The limit of open files is ${limit}, which allows about ${countOpenDatabases(limit)} databases that are in use within 20 s. Above that, calls fail. Raise the hard limit (ulimit -Hn, or LimitNOFILE in systemd) to at least ${enough}.`
}
