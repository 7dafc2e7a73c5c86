import { errorOf, PerSQLError } from './errors.ts'
import type { CallOptions, WriteOptions } from './types.ts'

/** One call of the API. */
export interface Call extends WriteOptions {
  method: string
  /** Below the base URL, with its query string. */
  path: string
  body?: unknown
  /** Doing it twice is doing it once, with or without a key. */
  repeatable?: boolean
  /** Take the answer as it is instead of as JSON. */
  raw?: boolean
}

/** What a call answered: `data`, and what stands beside it. */
export interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: each method says what its call answers
  data: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  meta?: any
}

/** What serves calls: HTTP, or a database in this process. */
export interface Transport {
  call(call: Call): Promise<Answer>
  close(): Promise<unknown> | undefined
}

/** Where calls go, and with what. */
export interface HttpSettings extends CallOptions {
  baseURL: string
  token: string | undefined
  fetch: typeof globalThis.fetch
}

/** The failures that another attempt can mend. All others repeat: refusals, faults of the server, wrong URLs. */
const PASSING = /^(network|unavailable|model_failed)$/

/** The transport over HTTP. */
export const http = (settings: HttpSettings): Transport => ({
  call: (call) => send(settings, call),
  close: () => undefined,
})

/**
 * Sends a call until it is answered: again after 429, and if doing it twice is doing it once, after failures that pass.
 * Before each further attempt it waits as long as the server asks, or a random while that grows.
 */
async function send(settings: HttpSettings, call: Call): Promise<Answer> {
  const { timeoutMs = settings.timeoutMs ?? 60_000, maxRetries = settings.maxRetries ?? 3 } = call
  const timeout = timeoutMs ? AbortSignal.timeout(timeoutMs) : undefined
  const signals = [call.signal, settings.signal, timeout].filter((signal) => signal !== undefined)
  const signal = signals.length > 0 ? AbortSignal.any(signals) : undefined
  const safe = call.repeatable ?? !!(call.method === 'GET' || call.idempotencyKey || (call.planKey && call.planStep))
  for (let attempt = 0; ; attempt++) {
    try {
      return await once(settings, call, signal)
    } catch (cause) {
      if (timeout?.aborted && signal?.reason === timeout.reason) {
        throw new PerSQLError({
          status: 0,
          code: 'timeout',
          message: `No response from ${settings.baseURL} within ${timeoutMs} ms.`,
          cause,
        })
      }
      signal?.throwIfAborted()
      const failure = cause instanceof PerSQLError ? cause : await network(cause, settings.baseURL)
      const { status, code, retryAfter = 0 } = failure
      // A proxy that can't reach the server answers 502, 503 or 504 in its own words.
      const passes = PASSING.test(code) || (code === 'not_persql' && status > 501 && status < 505)
      // A call that was answered 429 was not served, whatever it was.
      const again = status === 429 || (safe && passes)
      if (!again || attempt >= maxRetries || retryAfter > 60) throw failure
      await pause(retryAfter * 1000 + Math.random() * Math.min(8000, 200 * 2 ** attempt), signal).catch((reason) => {
        throw reason === timeout?.reason ? failure : reason
      })
    }
  }
}

async function once(settings: HttpSettings, call: Call, signal: AbortSignal | undefined): Promise<Answer> {
  const { method, path, body, idempotencyKey, planKey, planStep } = call
  const headers: Record<string, string> = {}
  if (settings.token) headers.Authorization = `Bearer ${settings.token}`
  if (idempotencyKey) headers['Idempotency-Key'] = idempotencyKey
  if (planKey) headers['Plan-Key'] = planKey
  if (planStep) headers['Plan-Step'] = planStep
  const file = body instanceof Blob
  if (body !== undefined && !file) headers['Content-Type'] = 'application/json'
  const content = file ? body : JSON.stringify(body)
  // Called as a function: as a method of something else, `fetch` of browsers and Workers refuses to run.
  const { fetch } = settings
  const response = await fetch(settings.baseURL + path, { method, headers, body: content, signal })
  if (call.raw && response.ok) return { data: response }
  const text = await response.text()
  const answer = parsed(text)
  if (response.ok && answer?.success === true) return answer as unknown as Answer
  const { status, headers: answered } = response
  const foreign = `${settings.baseURL} didn't respond as PerSQL (${status}, ${answered.get('Content-Type')}): ${text.slice(0, 200)}`
  const { code, error } = answer?.success === false ? answer : { code: 'not_persql', error: foreign }
  throw errorOf({
    status,
    code: String(code),
    message: code === 'token_missing' ? NO_TOKEN : String(error),
    body: answer,
    retryAfterS: Number(answered.get('Retry-After')) || undefined,
  })
}

const NO_TOKEN = 'Set PERSQL_TOKEN, or pass { token } to new PerSQL().'

/** Names a failure of the network. A browser that is offline can't load the names. */
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

/** Waits, unless the signal ends it. */
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
    signal?.addEventListener('abort', end, { once: true })
  })
