import { alarmAt } from '../clock.ts'

const PREFIX = 'timer/'

const FIRST_RETRY_MS = 2_000
const LAST_RETRY_MS = 60 * 60 * 1000

/**
 * Named timers on top of the single alarm of an object. They survive restarts. A handler that fails is retried with
 * growing delays and doesn't delay the others. Without that, the runtime would drop the shared alarm after some
 * attempts.
 */
export class Timers<Name extends string> {
  readonly #storage: DurableObjectStorage
  readonly #handlers: Readonly<Record<Name, (nowMs: number) => void | Promise<void>>>
  #running: Name | undefined
  readonly #failures = new Map<Name, number>()

  constructor(
    storage: DurableObjectStorage,
    handlers: Readonly<Record<Name, (nowMs: number) => void | Promise<void>>>,
  ) {
    this.#storage = storage
    this.#handlers = handlers
  }

  /** Sets a timer unless it is already set for an earlier time. A handler can set its own timer again. */
  set(name: Name, atMs: number): void {
    const known = this.#storage.kv.get<number>(PREFIX + name)
    if (known !== undefined && known <= atMs && name !== this.#running) return
    this.#storage.kv.put(PREFIX + name, atMs)
    this.#arm()
  }

  /** Runs due timers and sets the next alarm. Call it from the object's `alarm()`. */
  async run(nowMs: number): Promise<void> {
    for (const [name, atMs] of this.#due()) {
      if (atMs > nowMs) continue
      // The timer is cleared after its handler, so a crash in between runs it again. Every handler can run twice.
      this.#running = name
      let againMs: number | undefined
      try {
        await this.#handlers[name](nowMs)
        this.#failures.delete(name)
      } catch (cause) {
        againMs = nowMs + this.#waitAfterFailure(name, cause)
      } finally {
        this.#running = undefined
      }
      if (this.#storage.kv.get<number>(PREFIX + name) !== atMs) continue
      if (againMs === undefined) this.#storage.kv.delete(PREFIX + name)
      else this.#storage.kv.put(PREFIX + name, againMs)
    }
    // An alarm can fire slightly early. The runtime would then ignore a new alarm for the same time, so it is set
    // later.
    this.#arm(Date.now() + 2)
  }

  #waitAfterFailure(name: Name, cause: unknown): number {
    const failures = this.#failures.get(name) ?? 0
    this.#failures.set(name, failures + 1)
    console.error(JSON.stringify({ level: 'error', event: 'timer_failed', timer: name, cause: String(cause) }))
    return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures)
  }

  #due(): [Name, number][] {
    return [...this.#storage.kv.list<number>({ prefix: PREFIX })].map(([key, atMs]) => [
      key.slice(PREFIX.length) as Name,
      atMs,
    ])
  }

  #arm(earliestMs = 0): void {
    const next = Math.min(...this.#due().map(([, atMs]) => atMs))
    if (Number.isFinite(next)) void this.#storage.setAlarm(Math.max(alarmAt(next), earliestMs))
  }
}
