import { PerSQLError, toError } from './errors.ts'
import type { CallOptions, WriteOptions } from './types.ts'

/** An API call. */
export interface Call extends WriteOptions {
  method: string
  /** The path after the base URL, with the query string. */
  path: string
  body?: unknown
  /** Whether the call is idempotent, with or without a key. */
  repeatable?: boolean
  /** Whether to return the response itself instead of its JSON. */
  raw?: boolean
}

/** The response of a call. */
export interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: each method declares the type of its response
  data: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  meta?: any
}

/** The transport of calls: HTTP, or a database in this process. */
export interface Transport {
  call(call: Call): Promise<Answer>
  close?(): Promise<unknown>
}

/** The settings of the HTTP transport. */
export interface HttpSettings extends CallOptions {
  baseURL: string
  token: string | undefined
  fetch: typeof globalThis.fetch
}

/** The codes of errors that a retry can fix. */
const PASSING = /^(network|unavailable|cell_unavailable|model_failed|transaction_busy)$/

/** Creates the HTTP transport. */
export const http = (settings: HttpSettings): Transport => ({
  call: (call) => send(settings, call),
})

/**
 * Sends a call with retries: after 429, and for idempotent calls also after temporary errors. The delay before a retry is
 * `Retry-After`, or random and increasing.
 */
async function send(settings: HttpSettings, call: Call): Promise<Answer> {
  const { timeoutMs = settings.timeoutMs ?? 60_000, maxRetries = settings.maxRetries ?? 3 } = call
  const timeout = timeoutMs ? AbortSignal.timeout(timeoutMs) : undefined
  // Without any signal, this one never aborts.
  const signal = AbortSignal.any([call.signal, settings.signal, timeout].filter((given) => given !== undefined))
  const safe = call.repeatable ?? (call.method === 'GET' || call.idempotencyKey || (call.planKey && call.planStep))
  for (let attempt = 0; ; attempt++) {
    try {
      return await once(settings, call, signal)
    } catch (cause) {
      if (timeout?.aborted && signal.reason === timeout.reason) {
        throw new PerSQLError({
          status: 0,
          code: 'timeout',
          message: `No response from ${settings.baseURL} within ${timeoutMs} ms.`,
          cause,
        })
      }
      signal.throwIfAborted()
      const failure = cause instanceof PerSQLError ? cause : await network(cause, settings.baseURL)
      const { status, code, retryAfter = 0 } = failure
      // A proxy that can't reach the server responds with its own 502, 503 or 504.
      const passes = PASSING.test(code) || (code === 'not_persql' && status > 501 && status < 505)
      // A call with a 429 response didn't run, so every call can be retried.
      const again = status === 429 || (safe && passes)
      if (!again || attempt >= maxRetries || retryAfter > 60) throw failure
      await pause(retryAfter * 1000 + Math.random() * Math.min(8000, 200 * 2 ** attempt), signal).catch((reason) => {
        throw reason === timeout?.reason ? failure : reason
      })
    }
  }
}

async function once(settings: HttpSettings, call: Call, signal: AbortSignal): Promise<Answer> {
  const { method, path, body } = call
  const content = body instanceof Blob ? body : JSON.stringify(body)
  const given = {
    Authorization: settings.token && `Bearer ${settings.token}`,
    'Idempotency-Key': call.idempotencyKey,
    'Plan-Key': call.planKey,
    'Plan-Step': call.planStep,
    'Content-Type': typeof content === 'string' && 'application/json',
  }
  const headers = Object.fromEntries(Object.entries(given).filter(([, value]) => value)) as Record<string, string>
  // Called as a function, because `fetch` of browsers and Workers throws if called as a method of another object.
  const { fetch } = settings
  const response = await fetch(settings.baseURL + path, { method, headers, body: content, signal })
  if (call.raw && response.ok) return { data: response }
  const text = await response.text()
  const answer = parsed(text)
  if (response.ok && answer?.success === true) return answer as unknown as Answer
  const { status, headers: received } = response
  const foreign = `${settings.baseURL} didn't respond as PerSQL (${status}, ${received.get('Content-Type')}): ${text.slice(0, 200)}`
  const { code, error } = answer?.success === false ? answer : { code: 'not_persql', error: foreign }
  throw toError({
    status,
    code: String(code),
    message: code === 'token_missing' ? 'Set PERSQL_TOKEN, or pass { token }.' : String(error),
    body: answer,
    retryAfterS: Number(received.get('Retry-After')) || undefined,
  })
}

/** Converts a network failure to an error. An offline browser can't load the module with the details. */
const network = (cause: unknown, url: string) =>
  import('./network-error.ts').then(
    ({ networkError }) => networkError(cause, url),
    () => new PerSQLError({ status: 0, code: 'network', message: `Can't connect to ${url}.`, cause }),
  )

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return Object(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** Waits for a time, or until the signal aborts. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end)
      resolve()
    }, ms)
    signal?.addEventListener('abort', end)
  })
