import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { recordBackup } from '../last-backup.ts'
import { onLines } from '../lines.ts'
import type { Log } from '../log.ts'
import { objectFile } from '../object-files.ts'
import { processGuard } from '../process-guard.ts'
import { backOffMs } from '../restarts.ts'
import type { Settings } from '../settings.ts'

const stableAfterMs = 10 * 60_000
const stopGraceMs = 3_000
const firstDataMs = 1_000
const maxErrorLines = 20

/** Runs a command of the built server, whose module only exports its program. */
const runner = 'const { main } = await import(process.argv[1]); process.exit(await main(process.argv.slice(2)))'

export interface ContinuousBackupOptions {
  readonly settings: Settings
  /** The built program with all commands. */
  readonly program: string
  readonly log: Log
}

/**
 * Creates a backup at each interval, in a process of its own: a slow or unreachable target doesn't slow down the instance. The
 * process is started again if it ends, and ends with the launcher.
 */
export class ContinuousBackup {
  readonly #options: ContinuousBackupOptions
  readonly #stopping = new AbortController()
  #child: ChildProcess | undefined
  #running: Promise<void> | undefined

  constructor(options: ContinuousBackupOptions) {
    this.#options = options
  }

  /** Starts the process, if the settings have a target. */
  start(): void {
    const { PERSQL_BACKUP: target } = this.#options.settings
    if (target !== undefined) this.#running = this.#run(target)
  }

  /** Ends the process. A backup that it interrupts doesn't count, and leaves the earlier ones whole. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const child = this.#child
    child?.kill('SIGTERM')
    const timer = setTimeout(() => child?.kill('SIGKILL'), stopGraceMs)
    await this.#running
    clearTimeout(timer)
  }

  async #run(target: string): Promise<void> {
    const { settings, log } = this.#options
    const { PERSQL_DATA: data } = settings
    const { signal } = this.#stopping
    const wait = (ms: number) => delay(ms, undefined, { signal }).catch(() => {})
    // A new instance has nothing to copy until someone uses it.
    while (!signal.aborted && !existsSync(objectFile(data, 'directory', 'directory'))) await wait(firstDataMs)
    for (let failures = 0; !signal.aborted; ) {
      const startedAtMs = performance.now()
      const { code, reason } = await this.#runProcess(target)
      if (signal.aborted) return
      failures = performance.now() - startedAtMs > stableAfterMs ? 1 : failures + 1
      await recordBackup(data, undefined)
      // The first restart isn't immediate: a target that is out of reach stays that for a moment.
      const retryAfterMs = backOffMs(failures + 1)
      log('error', 'backup_failed', { error: reason, code, failures, retryAfterS: retryAfterMs / 1_000 })
      await wait(retryAfterMs)
    }
  }

  /** Resolves when the process has ended. */
  async #runProcess(target: string): Promise<{ code: number | null; reason: string }> {
    const { settings, program } = this.#options
    const { PERSQL_BACKUP_EVERY: every, PERSQL_BACKUP_KEEP: keep, PERSQL_BACKUP_PASSPHRASE_FILE: file } = settings
    const passphrase = file === undefined ? [] : ['--passphrase-file', file]
    const command = ['backup', target, '--every', every, '--keep', keep, ...passphrase]
    const child = spawn(
      process.execPath,
      ['--input-type=module', '--eval', runner, pathToFileURL(program).href, ...command],
      {
        stdio: ['ignore', 'inherit', 'pipe'],
        env: { ...process.env, PERSQL_DATA: settings.PERSQL_DATA },
        // With its own process group, Ctrl-C in a terminal reaches only the launcher.
        detached: process.platform !== 'win32',
        windowsHide: true,
      },
    )
    this.#child = child
    processGuard.add(child)
    const errors: string[] = []
    onLines(child.stderr as Readable, (line) => {
      if (errors.length < maxErrorLines) errors.push(line)
    })
    return new Promise((done) => {
      child.on('error', (cause) => done({ code: null, reason: cause.message }))
      child.on('close', (code, signal) => {
        done({ code, reason: errors.join('\n') || `The process of the backups ended (${signal ?? code}).` })
      })
    })
  }
}
