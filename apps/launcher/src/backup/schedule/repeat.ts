import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../../log.ts'

const firstRetryMs = 30_000

export interface RepeatOptions {
  /** Ends the repetition. Work that has started gets the signal too, and is waited for. */
  readonly signal: AbortSignal
  readonly log: Log
  /** The clock and the timer, which tests replace. */
  readonly now?: () => number
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/**
 * Runs `work` immediately and then every `intervalMs`, never twice at a time: a run that takes longer skips the starts that it
 * missed. Failed work is logged and repeated after 30 s, 1 min, 2 min …, but never later than the next start. Resolves when
 * the signal is aborted and the work has ended.
 */
export async function repeatEvery(
  intervalMs: number,
  work: (signal: AbortSignal) => Promise<unknown>,
  { signal, log, now = Date.now, wait = (ms, signal) => delay(ms, undefined, { signal }) }: RepeatOptions,
): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    const startedAt = now()
    try {
      await work(signal)
      failures = 0
    } catch (cause) {
      if (signal.aborted) return
      failures += 1
      const error = cause instanceof Error ? cause.message : String(cause)
      const seconds = Math.ceil(toDelay(intervalMs, now() - startedAt, failures) / 1_000)
      log('error', 'backup_failed', { error, failures, retryAfterS: seconds })
    }
    if (signal.aborted) return
    await wait(toDelay(intervalMs, now() - startedAt, failures), signal).catch((cause: unknown) => {
      if (!signal.aborted) throw cause
    })
  }
}

/**
 * Returns the time until the next start, in milliseconds.
 *
 * @param tookMs the time since the last start
 * @param failures the number of failures in a row
 */
export function toDelay(intervalMs: number, tookMs: number, failures: number): number {
  // The clock can be set back.
  const untilStartMs = intervalMs - (Math.max(0, tookMs) % intervalMs)
  return failures === 0 ? untilStartMs : Math.min(untilStartMs, firstRetryMs * 2 ** (failures - 1))
}

/** Returns a signal that is aborted by SIGINT or SIGTERM. A second one ends the process as usual. */
export function stopSignal(): AbortSignal {
  const stopping = new AbortController()
  const names = ['SIGINT', 'SIGTERM'] as const
  const stop = () => {
    for (const name of names) process.off(name, stop)
    stopping.abort()
  }
  for (const name of names) process.on(name, stop)
  return stopping.signal
}
