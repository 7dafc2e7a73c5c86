import { statSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants, getPriority, setPriority } from 'node:os'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { onLines } from '../lines.ts'
import { type FileVacuum, type VacuumLimits, vacuumFile } from './vacuum-file.ts'

// The program of the processes that work on files of the running platform. Each line on its input is a job in JSON. It prints
// the outcome of each on a line. It ends when its input closes, so that it never outlives the launcher.

/** A VACUUM of a file. */
export interface VacuumJob {
  readonly file: string
  readonly limits: VacuumLimits
  /** The path of the package, because this program is not in the repository. */
  readonly libsql: string
}

/** A job that shortens the write-ahead log of a file. */
export type LogJob = Omit<VacuumJob, 'limits'>

export interface Failed {
  readonly failed: string
}

/** The line that the process prints for a VACUUM. */
export type VacuumOutcome = FileVacuum | Failed

/** The line that the process prints for a log: its length before, or why it is as long as before. */
export type LogOutcome = { readonly freedBytes: number } | { readonly skipped: 'busy' } | Failed

/** The time that SQLite waits for a lock: the platform doesn't write. */
const lockTimeoutMs = 1_000
/** The same for a log, which another process can be reading. */
const readersTimeoutMs = 100

if (isMainThread) main()
else parentPort?.on('message', (job: VacuumJob | LogJob) => parentPort?.postMessage(run(job)))

function main(): void {
  // Before the thread starts, which inherits the priority.
  const { PRIORITY_BELOW_NORMAL: low } = constants.priority
  if (getPriority() < low) setPriority(low)
  // SQLite holds its thread, so another one notices the end of the input. `process.exit` would wait for SQLite.
  const end = (): void => void process.kill(process.pid, 'SIGKILL')
  process.stdin.on('close', end).on('error', end)
  const worker = new Worker(__filename)
  worker.on('message', print).once('error', ({ message }) => {
    print({ failed: message })
    end()
  })
  onLines(process.stdin, (line) => worker.postMessage(JSON.parse(line)))
}

function print(outcome: VacuumOutcome | LogOutcome): void {
  writeSync(1, `${JSON.stringify(outcome)}\n`)
}

function run(job: VacuumJob | LogJob): VacuumOutcome | LogOutcome {
  try {
    const Sqlite = createRequire(job.libsql)(job.libsql) as typeof import('libsql')
    if (!('limits' in job)) return shortenLog(Sqlite, job.file)
    const sqlite = new Sqlite(job.file, { timeout: lockTimeoutMs })
    try {
      return vacuumFile(sqlite, job.limits)
    } finally {
      sqlite.close()
    }
  } catch (cause) {
    return { failed: cause instanceof Error ? cause.message : String(cause) }
  }
}

/** Copies the committed part of the log into the file, and leaves an empty log. A reader of the file prevents that. */
function shortenLog(Sqlite: typeof import('libsql'), file: string): LogOutcome {
  // SQLite would create a missing file.
  const { size } = statSync(`${file}-wal`)
  const sqlite = new Sqlite(file, { timeout: readersTimeoutMs })
  try {
    const [result] = sqlite.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all() as { busy: number }[]
    return result?.busy === 0 ? { freedBytes: size } : { skipped: 'busy' }
  } finally {
    sqlite.close()
  }
}
