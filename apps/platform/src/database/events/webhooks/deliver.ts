import { createHmac } from 'node:crypto'

/** The outcome of a delivery attempt. */
export interface Posted {
  readonly delivered: boolean
  readonly responseStatus: number | null
  readonly error: string | null
  readonly durationMs: number
}

/** Sends a request to a URL that a tenant chose. */
export type Send = (url: string, init: RequestInit) => Promise<Response>

const TIMEOUT_MS = 10_000

/**
 * Sends a signed body. Only the status of the response counts: the body is never read, and redirects are not followed.
 */
export async function post(
  send: Send,
  { url, secret }: { readonly url: string; readonly secret: string },
  { id, body, nowMs }: { readonly id: string; readonly body: string; readonly nowMs: number },
): Promise<Posted> {
  const startedMs = performance.now()
  const passed = () => Math.round(performance.now() - startedMs)
  const seconds = Math.floor(nowMs / 1000)
  const headers = {
    'Content-Type': 'application/json',
    'User-Agent': 'PerSQL-Webhooks/1',
    'X-PerSQL-Delivery': id,
    'X-PerSQL-Signature': `t=${seconds},v1=${signature(secret, seconds, body)}`,
  }
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await send(url, { method: 'POST', headers, body, redirect: 'manual', signal })
    response.body?.cancel().catch(() => {
      // The connection is already closed.
    })
    const { status } = response
    return { delivered: response.ok, responseStatus: status, error: findProblem(status), durationMs: passed() }
  } catch (cause) {
    const timedOut = (cause as Error).name === 'TimeoutError'
    // The runtime's error describes the network behind a refused connection, so it is not passed on.
    const error = timedOut ? `No response within ${TIMEOUT_MS / 1000} s.` : "Couldn't connect to the host."
    return { delivered: false, responseStatus: null, error, durationMs: passed() }
  }
}

/** Returns the signature, which receivers compute to verify the body. */
const signature = (secret: string, seconds: number, body: string): string =>
  createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')

function findProblem(status: number): string | null {
  if (status >= 200 && status < 300) return null
  if (status >= 300 && status < 400) return `The URL responded with ${status}. Redirects aren't followed.`
  return `The URL responded with ${status}.`
}
