import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { onLines } from '../lines.ts'
import { processGuard } from '../process-guard.ts'
import { inheritedEnvironment } from '../workerd-process.ts'
import type { Failed, LogJob, LogOutcome, VacuumJob, VacuumOutcome } from './program.ts'

/** A process that runs one VACUUM. */
export interface VacuumProcess {
  /** Resolves when the process has ended, with what it printed or why it printed nothing. */
  readonly outcome: Promise<VacuumOutcome>
  kill(): void
}

/** Starts a process that runs VACUUM on a file, with temporary files in the data folder. */
export function startVacuum(program: string, data: string, job: Omit<VacuumJob, 'libsql'>): VacuumProcess {
  const process = new FileProcess(program, data)
  const outcome = process.run<VacuumOutcome>(job).then(async (result) => {
    process.kill()
    await process.ended
    return result
  })
  return { outcome, kill: () => process.kill() }
}

/** A process that works on files of the running platform. It ends together with the launcher, even if that gets SIGKILL. */
export class FileProcess {
  /** Resolves when the process has ended, with the reason. */
  readonly ended: Promise<string>
  readonly #kill: () => void
  readonly #send: (job: object) => void
  #printed: (line: string) => void = () => {}

  constructor(program: string, data: string) {
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
    const errors: string[] = []
    onLines(child.stdout, (line) => this.#printed(line))
    onLines(child.stderr, (line) => void errors.push(line))
    // The input stays open: the process ends when it closes.
    child.stdin.on('error', () => {})
    this.#send = (job) => void child.stdin.write(`${JSON.stringify(job)}\n`)
    this.#kill = () => void child.kill('SIGKILL')
    this.ended = once(child, 'close').then(
      ([code, signal]) => errors.join('\n') || `The process ended with ${signal ?? `code ${code}`}.`,
      (cause: Error) => cause.message,
    )
  }

  /** Runs a job. One runs at a time. */
  async run<Outcome extends VacuumOutcome | LogOutcome>(
    job: Omit<VacuumJob, 'libsql'> | Omit<LogJob, 'libsql'>,
  ): Promise<Outcome | Failed> {
    const printed = new Promise<Outcome>((resolve) => {
      this.#printed = (line) => resolve(JSON.parse(line) as Outcome)
    })
    this.#send({ ...job, libsql: createRequire(import.meta.url).resolve('libsql') })
    return Promise.race([printed, this.ended.then((failed) => ({ failed }))])
  }

  kill(): void {
    this.#kill()
  }
}
