import { Agent, get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

const everyMs = 250

/**
 * Asks `GET /healthz` on a connection of its own, again and again, and resolves once an answer has been outstanding for
 * `timeoutMs` without `progress()` changing meanwhile. Resolves early when `signal` aborts.
 *
 * Waiting is counted in ticks of bounded length, so that a machine that slept is not taken for a process that hangs.
 */
export async function untilHeldUp(
  url: string,
  timeoutMs: number,
  progress: () => number,
  signal: AbortSignal,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    while (!signal.aborted) {
      const answer = answered(url, agent)
      let heldMs = 0
      let seen = progress()
      while (!(await Promise.race([answer, tick(signal)]))) {
        heldMs = progress() === seen ? heldMs + everyMs : 0
        seen = progress()
        if (heldMs >= timeoutMs || signal.aborted) return
      }
      await tick(signal)
    }
  } finally {
    agent.destroy()
  }
}

/** True once the answer, of whatever status, or the connection's end is here: a dead process is noticed by its exit. */
export function answered(url: string, agent?: Agent): Promise<true> {
  return new Promise((resolve) => {
    const request = get(`${url}/healthz`, { agent }, (response) => {
      response.resume().on('close', () => resolve(true))
    })
    request.on('error', () => resolve(true))
  })
}

async function tick(signal: AbortSignal): Promise<false> {
  await delay(everyMs, undefined, { signal }).catch(() => {})
  return false
}
