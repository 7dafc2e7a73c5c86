import { networkError } from '../../sdk/src/network-error.ts'

/** Calls `fetch` with the SDK's network errors. @throws PerSQLError */
export async function reach(url: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (cause) {
    init.signal.throwIfAborted()
    throw networkError(cause, url)
  }
}

/** Returns why a stream was interrupted. Network failures are `TypeError`s. */
export const cutOff = (cause: unknown, url: string): string =>
  cause instanceof TypeError ? networkError(cause, url).message : (cause as Error).message
