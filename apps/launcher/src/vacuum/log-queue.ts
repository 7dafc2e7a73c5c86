import type { LogOutcome } from './program.ts'
import { FileProcess } from './vacuum-process.ts'

/** The time after which the process is killed. The runtime ends an object that holds its calls for 30 s, also in the queue. */
const maxMs = 5_000
/** The time without a job after which the process ends. */
const idleMs = 30_000

/** A log that is being shortened or waits for that. */
interface Entry {
  readonly object: string
  readonly file: string
  readonly finish: (outcome: LogOutcome) => void
}

/**
 * Shortens write-ahead logs for objects that hold their calls, one after the other, in a process that stays for the next
 * ones: its start takes longer than its work.
 */
export class LogQueue {
  readonly #start: () => FileProcess
  readonly #waiting: Entry[] = []
  #current: Entry | undefined
  #process: FileProcess | undefined
  #idle: NodeJS.Timeout | undefined

  constructor(program: string, data: string) {
    this.#start = () => new FileProcess(program, data)
  }

  /** Shortens the log of a file. */
  shorten(object: string, file: string): Promise<LogOutcome> {
    const outcome = new Promise<LogOutcome>((resolve) => {
      this.#waiting.push({ object, file, finish: resolve })
    })
    if (this.#current === undefined) void this.#work()
    return outcome
  }

  /** Ends the work on the file of an object, or on any file. Resolves when no process has the file open. */
  async end(object?: string): Promise<void> {
    const isMeant = (entry: Entry) => object === undefined || entry.object === object
    for (const entry of this.#waiting.filter(isMeant)) {
      this.#waiting.splice(this.#waiting.indexOf(entry), 1)
      entry.finish({ failed: 'It was ended.' })
    }
    if (this.#current && isMeant(this.#current)) await this.#kill()
  }

  /** Ends all work and the process. */
  async stop(): Promise<void> {
    await this.end()
    await this.#kill()
  }

  async #work(): Promise<void> {
    clearTimeout(this.#idle)
    for (let entry = this.#waiting.shift(); entry !== undefined; entry = this.#waiting.shift()) {
      this.#current = entry
      this.#process ??= this.#startProcess()
      const timer = setTimeout(() => void this.#kill(), maxMs)
      const outcome = await this.#process.run<LogOutcome>({ file: entry.file })
      clearTimeout(timer)
      this.#current = undefined
      entry.finish(outcome)
    }
    this.#idle = setTimeout(() => void this.#kill(), idleMs).unref()
  }

  #startProcess(): FileProcess {
    const process = this.#start()
    void process.ended.then(() => {
      if (this.#process === process) this.#process = undefined
    })
    return process
  }

  async #kill(): Promise<void> {
    const process = this.#process
    this.#process = undefined
    process?.kill()
    await process?.ended
  }
}
