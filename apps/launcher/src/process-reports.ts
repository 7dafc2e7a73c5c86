import { BackgroundLoop } from './background-loop.ts'
import { readLastBackup } from './last-backup.ts'
import { readProcessUse } from './process-use.ts'
import type { LogUse } from './vacuum/log-sweep.ts'
import type { EndReason } from './watchdog.ts'

const everyMs = 5_000
const postTimeoutMs = 5_000

/** A cell, as its report describes it. */
export interface ReportedCell {
  readonly localUrl: string
  /** The PIDs of its processes by their name in the metrics. */
  readonly processes: Readonly<Record<string, number>>
  readonly readers: { readonly running: number; readonly crashes: number }
  readonly restarts: Readonly<Record<EndReason, number>>
  readonly logs: LogUse
}

export interface ProcessReportsOptions {
  readonly data: string
  readonly secret: string
  readonly cells: () => readonly ReportedCell[]
  /** The interval of the backups that the instance creates itself, if it does. */
  readonly backupEveryMs?: number | undefined
}

/** Reports to each cell what only the launcher knows about its processes, for the metrics of the cell. */
export class ProcessReports {
  readonly #options: ProcessReportsOptions
  readonly #loop: BackgroundLoop

  constructor(options: ProcessReportsOptions) {
    this.#options = options
    // Metrics are not worth an entry in the log: a cell that is restarting misses a report.
    this.#loop = new BackgroundLoop({ everyMs, firstAfterMs: 0, work: () => this.report(), onError: () => {} })
  }

  /** Reports in the background until `stop`. */
  start(): void {
    this.#loop.start()
  }

  /** Ends the reports. */
  stop(): Promise<void> {
    return this.#loop.stop()
  }

  /** Reports once. */
  async report(): Promise<void> {
    const { data, cells } = this.#options
    const backup = await readLastBackup(data)
    await Promise.all(cells().map((cell, index) => this.#send(cell, index, backup).catch(() => {})))
  }

  async #send(
    { localUrl, processes, readers, restarts, logs }: ReportedCell,
    cell: number,
    backup: Awaited<ReturnType<typeof readLastBackup>>,
  ): Promise<void> {
    const uses = await Promise.all(
      Object.entries(processes).map(async ([process, pid]) => {
        const use = await readProcessUse(pid)
        return use && { process, ...use }
      }),
    )
    const response = await fetch(`${localUrl}/api/launcher/processes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#options.secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        cell,
        processes: uses.filter((use) => use !== undefined),
        readers: readers.running,
        readerCrashes: readers.crashes,
        restarts,
        logs,
        backup,
        backupEveryMs: this.#options.backupEveryMs,
      }),
      signal: AbortSignal.any([this.#loop.signal, AbortSignal.timeout(postTimeoutMs)]),
    })
    await response.arrayBuffer()
  }
}
