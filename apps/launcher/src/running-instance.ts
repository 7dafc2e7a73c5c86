import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { secretFile } from './instance-secret.ts'
import { findInstanceUrl } from './instance-url.ts'

const defaultAttempts = 3
const timeoutMs = 30_000

/** A running instance, and the credential for calls: the operator secret or a token. */
export interface RunningInstance {
  /** Without a slash at the end. */
  readonly url: string
  readonly credential: string
}

/** Finds the instance of the data folder in `environment`. @throws Error if the operator secret isn't there */
export async function findInstance(environment: NodeJS.ProcessEnv, url?: string): Promise<RunningInstance> {
  const data = environment.PERSQL_DATA || './data'
  const given = environment.PERSQL_SECRET?.trim()
  const credential = given || (await readFile(secretFile(data), 'utf8').catch(() => '')).trim()
  if (!credential)
    throw new Error(`Operator secret not found in ${data}. Set PERSQL_DATA to the data folder, or set PERSQL_SECRET.`)
  return { url: findInstanceUrl(data, url), credential }
}

/**
 * Calls the instance with a JSON body, and returns the `data` of its response. A call without a response is repeated,
 * with up to `attempts` in total: pass 1 for a call that must not run twice.
 * @throws Error with the message of the instance, or a hint that it isn't running
 */
export async function callInstance(
  { url, credential }: RunningInstance,
  method: string,
  path: string,
  body?: object,
  attempts = defaultAttempts,
): Promise<unknown> {
  const init = {
    method,
    headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  }
  const response = await fetchPatiently(`${url}${path}`, init, attempts)
  return (parseReply(response.status, await response.text()) as { data: unknown }).data
}

/**
 * Sends a file as the body of a POST request, however long the instance takes, and returns its whole response.
 * @throws Error with the message of the instance, if the connection fails, or if `signal` is aborted
 */
export async function sendFile(
  { url, credential }: RunningInstance,
  path: string,
  file: { readonly path: string; readonly bytes: number; readonly type: string },
  signal: AbortSignal,
): Promise<unknown> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp
  const headers = {
    authorization: `Bearer ${credential}`,
    'content-type': file.type,
    'content-length': String(file.bytes),
  }
  const { status, body } = await new Promise<{ status: number; body: string }>((resolve, reject) => {
    let isAnswered = false
    const sending = request(`${url}${path}`, { method: 'POST', headers, signal }, (response) => {
      isAnswered = true
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
    // The instance can answer before it has the whole file.
    pipeline(createReadStream(file.path), sending).catch((cause) => isAnswered || reject(cause))
    sending.on('error', reject)
  })
  return parseReply(status, body)
}

async function fetchPatiently(url: string, init: RequestInit, attempts: number): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) })
    } catch (cause) {
      if (attempt === attempts)
        throw new Error(`Can't reach ${new URL(url).origin}. Is the instance running?`, { cause })
      await delay(attempt * 300)
    }
  }
}

/** Parses a response. @throws Error with the message of the instance */
function parseReply(status: number, body: string): unknown {
  if (status >= 300) throw new Error(parseError(body) ?? `The instance responded with ${status}.`)
  return JSON.parse(body)
}

function parseError(body: string): string | undefined {
  try {
    return (JSON.parse(body) as { error?: string }).error
  } catch {
    return undefined
  }
}
