import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants, getPriority, setPriority } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type FileVacuum, type VacuumLimits, vacuumFile } from './vacuum-file.ts'

// The program of the process that runs one VACUUM. A line on its input starts the VACUUM: a `VacuumJob` in JSON. It prints
// a `VacuumOutcome`. It ends when its input closes, so that it never outlives the launcher.

/** The job of the process. */
export interface VacuumJob {
  readonly file: string
  readonly limits: VacuumLimits
  /** The path of the package, because this program is not in the repository. */
  readonly libsql: string
}

/** The line that the process prints. */
export type VacuumOutcome = FileVacuum | { readonly failed: string }

/** The time that SQLite waits for a lock: the platform doesn't write. */
const lockTimeoutMs = 1_000

if (isMainThread) main()
else parentPort?.postMessage(run(workerData as VacuumJob))

function main(): void {
  // Before the thread starts, which inherits the priority.
  const { PRIORITY_BELOW_NORMAL: low } = constants.priority
  if (getPriority() < low) setPriority(low)
  // SQLite holds its thread, so another one notices the end of the input. `process.exit` would wait for SQLite.
  const end = (): void => void process.kill(process.pid, 'SIGKILL')
  process.stdin.on('close', end).on('error', end)
  process.stdin.once('data', (line) => {
    const worker = new Worker(__filename, { workerData: JSON.parse(String(line)) })
    worker.once('error', ({ message }) => print({ failed: message })).once('message', print)
  })
}

function print(outcome: VacuumOutcome): void {
  writeSync(1, `${JSON.stringify(outcome)}\n`)
  process.exit()
}

function run({ file, limits, libsql }: VacuumJob): VacuumOutcome {
  try {
    const Sqlite = createRequire(libsql)(libsql) as typeof import('libsql')
    const sqlite = new Sqlite(file, { timeout: lockTimeoutMs })
    try {
      return vacuumFile(sqlite, limits)
    } finally {
      sqlite.close()
    }
  } catch (cause) {
    return { failed: cause instanceof Error ? cause.message : String(cause) }
  }
}
