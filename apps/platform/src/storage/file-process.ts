import type { Env } from '../env.ts'

const KEY = 'vacuuming'

/** A failure of a process, whose file is as it was. */
export interface Failed {
  readonly failed: string
}

/** The result of shortening the log: its length before, why it is as it was, or why that failed. */
export type LogResult = { readonly freedBytes: number } | { readonly skipped: 'not_supported' | 'busy' } | Failed

export interface FileProcessOptions {
  readonly ctx: DurableObjectState
  readonly env: Pick<Env, 'VACUUM' | 'PERSQL_SECRET'>
  /** Runs a write to a system table, for an object that counts them. */
  readonly around?: (write: () => void) => void
}

/**
 * A process of the launcher that works on the file of an object. In that time, the runtime delivers no event to the object, so
 * that nothing writes and calls wait. A record in the file survives if the object ends: the next one waits until the launcher
 * has ended the process.
 */
export class FileProcess {
  readonly #options: FileProcessOptions
  /** Whether a request to shorten the log waits for its turn. */
  #isShortening = false

  constructor(options: FileProcessOptions) {
    this.#options = options
  }

  /** Whether there is a service for it. Cloudflare's objects have no file that a process could open. */
  get isSupported(): boolean {
    return this.#options.env.VACUUM !== undefined
  }

  /** Waits for the process of an earlier object, then calls `finish`. Call it when the object starts. */
  recover(finish: () => void = () => {}): void {
    const { ctx } = this.#options
    if (ctx.storage.kv.get(KEY) === undefined) return
    void ctx.blockConcurrencyWhile(async () => {
      await this.#end()
      await this.finish(finish)
    })
  }

  /**
   * Shortens the write-ahead log, which keeps the length of the longest transaction, also if that was rolled back. Calls wait.
   * With `isReady`, nothing happens if it returns false then.
   */
  async shortenLog(isReady: () => boolean = () => true): Promise<LogResult> {
    const { ctx } = this.#options
    if (!this.isSupported) return { skipped: 'not_supported' }
    // A transaction can hold this object for longer than the launcher waits. One without tables was just deleted.
    if (this.#isShortening || !this.#hasTables()) return { skipped: 'busy' }
    this.#isShortening = true
    try {
      return await ctx.blockConcurrencyWhile(async () => {
        if (!isReady()) return { skipped: 'busy' }
        const result = await this.run<LogResult>('/log')
        await this.finish()
        return result
      })
    } finally {
      this.#isShortening = false
    }
  }

  /** Runs the process, while the caller holds all events. Call `finish` afterwards. */
  async run<Result>(work: '' | '/log', body?: object): Promise<Result | Failed> {
    const { ctx, around = (write) => write() } = this.#options
    around(() => ctx.storage.kv.put(KEY, true))
    // The writes of this object are committed before the process opens the file.
    await ctx.storage.sync()
    try {
      const response = await this.#fetch('POST', work, body && JSON.stringify(body))
      return await response.json<Result>()
    } catch (cause) {
      await this.#end()
      return { failed: String(cause) }
    }
  }

  /** Removes the record, with what `write` removes, after the process has ended. */
  async finish(write: () => void = () => {}): Promise<void> {
    const { ctx, around = (write) => write() } = this.#options
    write()
    around(() => ctx.storage.kv.delete(KEY))
    await ctx.storage.sync()
  }

  #hasTables(): boolean {
    return [...this.#options.ctx.storage.sql.exec('SELECT 1 FROM sqlite_master LIMIT 1')].length > 0
  }

  /** Ends the process that can still have the file open. @throws Error if the launcher can't be reached */
  async #end(): Promise<void> {
    if (this.isSupported) await this.#fetch('DELETE', '')
  }

  async #fetch(method: 'POST' | 'DELETE', work: '' | '/log', body?: string): Promise<Response> {
    const { ctx, env } = this.#options
    const response = await (env.VACUUM as Fetcher).fetch(`http://vacuum/${ctx.id}${work}`, {
      method,
      headers: { Authorization: `Bearer ${env.PERSQL_SECRET}` },
      ...(body !== undefined && { body }),
    })
    if (!response.ok) throw new Error(`The service for VACUUM responded with ${response.status}.`)
    return response
  }
}
