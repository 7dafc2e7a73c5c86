import { Agent, get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

const everyMs = 250
/** A running process that refuses all connections for this time doesn't listen any more. */
const refusedMs = 3_000

/** Why a running process must be replaced: it doesn't respond, or it doesn't listen. */
export type Unresponsive = 'blocked' | 'not_listening'

/**
 * Sends `GET /healthz` repeatedly on its own connection, and resolves once a response has been outstanding for `timeoutMs`
 * while `progress()` stayed the same, or once connections have been refused for some time. Resolves early when `signal`
 * aborts.
 *
 * The wait is counted in ticks of bounded length, so that a suspended machine doesn't look like a hanging process.
 */
export async function waitUntilUnresponsive(
  url: string,
  timeoutMs: number,
  progress: () => number,
  signal: AbortSignal,
): Promise<Unresponsive> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    for (let refusals = 0; !signal.aborted && refusals * everyMs < refusedMs; ) {
      const answer = probe(url, agent)
      let heldMs = 0
      let seen = progress()
      let outcome = await Promise.race([answer, tick(signal)])
      while (outcome === undefined) {
        heldMs = progress() === seen ? heldMs + everyMs : 0
        seen = progress()
        if (heldMs >= timeoutMs || signal.aborted) return 'blocked'
        outcome = await Promise.race([answer, tick(signal)])
      }
      refusals = outcome === 'refused' ? refusals + 1 : 0
      await tick(signal)
    }
    return 'not_listening'
  } finally {
    agent.destroy()
  }
}

type Probed = 'answered' | 'refused'

/** Resolves once the response, of any status, or the end of the connection arrives. A dead process is detected by its exit. */
export function probe(url: string, agent?: Agent): Promise<Probed> {
  return new Promise((resolve) => {
    const request = get(`${url}/healthz`, { agent }, (response) => {
      response.resume().on('close', () => resolve('answered'))
    })
    request.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED' ? 'refused' : 'answered'))
  })
}

async function tick(signal: AbortSignal): Promise<undefined> {
  await delay(everyMs, undefined, { signal }).catch(() => {})
}
