import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { onLines } from '../lines.ts'
import { processGuard } from '../process-guard.ts'
import { inheritedEnvironment } from '../workerd-process.ts'
import type { VacuumJob, VacuumOutcome } from './program.ts'

/** A process that runs one VACUUM. */
export interface VacuumProcess {
  /** Resolves when the process has ended, with what it printed or why it printed nothing. */
  readonly outcome: Promise<VacuumOutcome>
  kill(): void
}

/** Starts a process that runs VACUUM on a file, with temporary files in the data folder. It ends together with the launcher, even if that gets SIGKILL. */
export function startVacuum(program: string, data: string, job: Omit<VacuumJob, 'libsql'>): VacuumProcess {
  const tmp = resolve(data, 'tmp')
  const child = spawn(process.execPath, [resolve(program)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // SQLite's copy is as large as the database, so it belongs on the volume whose room was measured.
    env: { ...inheritedEnvironment(process.platform, process.env), SQLITE_TMPDIR: tmp, TMP: tmp, TEMP: tmp },
    // Ctrl-C in a terminal must reach only the launcher, which stops workerd first.
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  processGuard.add(child)
  let printed: string | undefined
  const errors: string[] = []
  onLines(child.stdout, (line) => {
    printed = line
  })
  onLines(child.stderr, (line) => void errors.push(line))
  // The input stays open: the process ends when it closes.
  child.stdin.on('error', () => {})
  child.stdin.write(JSON.stringify({ ...job, libsql: createRequire(import.meta.url).resolve('libsql') }))
  const ended = once(child, 'close').then(
    ([code, signal]) => errors.join('\n') || `The process ended with ${signal ?? `code ${code}`}.`,
    (cause: Error) => cause.message,
  )
  return {
    outcome: ended.then((failed) => (printed === undefined ? { failed } : (JSON.parse(printed) as VacuumOutcome))),
    kill: () => void child.kill('SIGKILL'),
  }
}
