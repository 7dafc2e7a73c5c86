import { Agent, get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

const everyMs = 250

/**
 * Sends `GET /healthz` repeatedly on its own connection, and resolves once a response has been outstanding for `timeoutMs`
 * while `progress()` stayed the same. Resolves early when `signal` aborts.
 *
 * The wait is counted in ticks of bounded length, so that a suspended machine doesn't look like a hanging process.
 */
export async function waitUntilUnresponsive(
  url: string,
  timeoutMs: number,
  progress: () => number,
  signal: AbortSignal,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    while (!signal.aborted) {
      const answer = probe(url, agent)
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

/** Resolves once the response, of any status, or the end of the connection arrives. A dead process is detected by its exit. */
export function probe(url: string, agent?: Agent): Promise<true> {
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
