import { now } from '../clock.ts'
import { type Alarm, retryDelayMs } from './alarm.ts'

const PREFIX = 'timer/'

/**
 * Named timers on top of the single alarm of an object. They survive restarts. A handler that fails is retried with
 * growing delays and doesn't delay the others. Without that, the runtime would drop the shared alarm after some
 * attempts.
 */
export class Timers<Name extends string> {
  readonly #kv: SyncKvStorage
  readonly #alarm: Alarm
  readonly #handle: (name: Name, nowMs: number) => void | Promise<void>
  #running: Name | undefined
  #lastRun: Promise<void> = Promise.resolve()
  readonly #failures = new Map<Name, number>()

  /** @param handle runs the handler of a timer that is due */
  constructor(kv: SyncKvStorage, alarm: Alarm, handle: (name: Name, nowMs: number) => void | Promise<void>) {
    this.#kv = kv
    this.#alarm = alarm
    this.#handle = handle
  }

  /** The time of the next timer; `undefined` without timers. */
  get nextMs(): number | undefined {
    const due = this.#due().map(([, atMs]) => atMs)
    return due.length > 0 ? Math.min(...due) : undefined
  }

  /** Sets a timer unless it is already set for an earlier time. A handler can set its own timer again. */
  set(name: Name, atMs: number): void {
    const known = this.#kv.get<number>(PREFIX + name)
    if (known !== undefined && known <= atMs && name !== this.#running) return
    this.#kv.put(PREFIX + name, atMs)
    this.#arm()
  }

  /** Runs due timers, after a run in progress, and sets the next alarm. Call it when the object is woken. */
  run(): Promise<void> {
    const run = this.#lastRun.then(() => this.#run(now()))
    this.#lastRun = run.catch(() => {
      // The caller gets the error.
    })
    return run
  }

  async #run(nowMs: number): Promise<void> {
    for (const [name, atMs] of this.#due()) {
      if (atMs > nowMs) continue
      // The timer is cleared after its handler, so a crash in between runs it again. Every handler can run twice.
      this.#running = name
      let againMs: number | undefined
      try {
        await this.#handle(name, nowMs)
        this.#failures.delete(name)
      } catch (cause) {
        againMs = nowMs + this.#waitAfterFailure(name, cause)
      } finally {
        this.#running = undefined
      }
      if (this.#kv.get<number>(PREFIX + name) !== atMs) continue
      if (againMs === undefined) this.#kv.delete(PREFIX + name)
      else this.#kv.put(PREFIX + name, againMs)
    }
    this.#arm()
  }

  #arm(): void {
    const { nextMs } = this
    if (nextMs !== undefined) this.#alarm.set(nextMs)
  }

  #waitAfterFailure(name: Name, cause: unknown): number {
    const failures = this.#failures.get(name) ?? 0
    this.#failures.set(name, failures + 1)
    console.error(JSON.stringify({ level: 'error', event: 'timer_failed', timer: name, cause: String(cause) }))
    return retryDelayMs(failures)
  }

  #due(): [Name, number][] {
    return [...this.#kv.list<number>({ prefix: PREFIX })].map(([key, atMs]) => [key.slice(PREFIX.length) as Name, atMs])
  }
}
