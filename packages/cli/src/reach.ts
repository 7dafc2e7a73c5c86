import { networkError } from '../../sdk/src/network-error.ts'

/** Calls `fetch`, and names failures of the network as the SDK does. @throws PerSQLError */
export async function reach(url: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (cause) {
    init.signal.throwIfAborted()
    throw networkError(cause, url)
  }
}

/** Returns in one sentence why a stream was cut off. Failures of the network are `TypeError`s. */
export const cutOff = (cause: unknown, url: string): string =>
  cause instanceof TypeError ? networkError(cause, url).message : (cause as Error).message
