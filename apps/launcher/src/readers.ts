import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from './log.ts'
import { backOffMs } from './restarts.ts'
import { startReader, type Workerd } from './workerd-process.ts'

/** Options of the reader processes. */
export interface ReadersOptions {
  data: string
  /** The cell whose files they read. Default: 0. */
  cell?: number
  count: number
  log: Log
  /** Called with every line that a reader writes to stderr. */
  onStderr: (line: string) => void
  /** Called with the PIDs of all readers after one started. */
  onStart?: (pids: readonly number[]) => void
}

/** A read that the platform ends, with the process that runs it. */
interface EndedRead {
  reader: number
  /** The process, which can already have been replaced. */
  run: string
  reason: string
  database: string
  tokenId: string
  sql: string
}

interface Process {
  run: string
  /** Set once the process listens. */
  workerd?: Workerd
  /** The platform asked for its end, which can happen before it listens. */
  isEnded: boolean
}

/**
 * The processes that run long reads, so that none blocks the platform's process. A process that ends is replaced. The
 * platform ends a read by ending its process: it writes a line to stderr.
 */
export class Readers {
  readonly #options: ReadersOptions
  readonly #processes: (Process | undefined)[]
  readonly #stopping = new AbortController()
  #supervised: Promise<void>[] = []
  #crashes = 0

  constructor(options: ReadersOptions) {
    this.#options = options
    this.#processes = Array.from({ length: options.count }, () => undefined)
  }

  /** The number of processes. */
  get count(): number {
    return this.#processes.length
  }

  /** The number of processes that ended on their own. */
  get crashes(): number {
    return this.#crashes
  }

  /** Starts the processes. The platform waits for them. */
  start(): void {
    this.#supervised = this.#processes.map((_, index) => this.#supervise(index))
  }

  /** Reads a line of the platform; returns false if it isn't about a read. */
  read(line: string): boolean {
    if (!line.startsWith('{"event":"read_ended"')) return false
    const { reader, run, ...about } = JSON.parse(line) as EndedRead & { event: string }
    const { event: _, ...fields } = about
    const process = this.#processes[reader]
    if (process?.run === run && !process.isEnded) {
      this.#options.log('info', 'read_ended', fields)
      end(process)
    }
    return true
  }

  /** Ends all reads. Call it when the platform's process ended, because no call waits for them any more. */
  endAll(): void {
    for (const process of this.#processes) if (process) end(process)
  }

  /** The PIDs of the processes. */
  get pids(): number[] {
    return this.byIndex.flatMap((pid) => pid ?? [])
  }

  /** The PIDs of the processes by their index; `undefined` for one that starts. */
  get byIndex(): readonly (number | undefined)[] {
    return this.#processes.map((process) => process?.workerd?.pid)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.endAll()
    await Promise.all(this.#supervised)
  }

  async #supervise(index: number): Promise<void> {
    const { log, onStart } = this.#options
    const { signal } = this.#stopping
    for (let failures = 0; !signal.aborted; ) {
      const process: Process = { run: randomUUID(), isEnded: false }
      this.#processes[index] = process
      try {
        process.workerd = await startReader(index, process.run, this.#options)
        failures = 0
        onStart?.(this.pids)
        if (process.isEnded || signal.aborted) void process.workerd.kill()
        const exit = await process.workerd.exited
        if (!process.isEnded && !signal.aborted) {
          this.#crashes++
          log('error', 'reader_crashed', { reader: index, ...exit })
        }
      } catch (cause) {
        failures++
        if (!signal.aborted) log('error', 'reader_start_failed', { reader: index, reason: String(cause) })
      }
      this.#processes[index] = undefined
      // Only a reader that can't start waits: one that was ended, or killed by the system, is needed immediately.
      await delay(backOffMs(failures), undefined, { signal }).catch(() => {})
    }
  }
}

function end(process: Process): void {
  process.isEnded = true
  void process.workerd?.kill()
}
