import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setPriority } from 'node:os'
import { resolve } from 'node:path'
import type { PackageSource } from './built-files.ts'
import type { Log } from './log.ts'
import { processGuard } from './process-guard.ts'
import { packagesFolder } from './workerd-process.ts'

/** The instance serves requests while packages are built. */
const NICENESS = 10

/**
 * Puts the client packages into the data folder, in a process of its own, which returns its memory when it ends. Builds
 * them only if their sources changed, and writes nothing outside of the data folder.
 */
export class PackageBuilder {
  readonly #data: string
  readonly #source: PackageSource
  readonly #log: Log
  #child: ChildProcess | undefined
  #isStopped = false

  constructor(data: string, source: PackageSource, log: Log) {
    this.#data = data
    this.#source = source
    this.#log = log
  }

  /** Starts the process. A failure is logged. */
  start(): void {
    if (this.#isStopped) return
    const { program, prebuilt } = this.#source
    const args = [program, resolve(packagesFolder(this.#data)), prebuilt]
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      // With its own process group, Ctrl-C in a terminal reaches only the launcher.
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    this.#child = child
    processGuard.add(child)
    if (child.pid !== undefined) lowerPriority(child.pid)
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-2_000)
    })
    const fail = (reason: string): void => {
      if (!this.#isStopped) this.#log('error', 'packages_failed', { reason })
    }
    child.on('error', (cause) => fail(cause.message))
    child.on('close', (code) => {
      this.#child = undefined
      if (code !== 0) fail(stderr.trim())
    })
  }

  /** Ends the process. The next start builds what is missing. */
  async stop(): Promise<void> {
    this.#isStopped = true
    const child = this.#child
    if (child?.pid === undefined) return
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, NICENESS)
  } catch {
    // The process has ended already.
  }
}
