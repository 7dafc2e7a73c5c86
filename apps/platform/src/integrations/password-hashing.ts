import { PerSQLError } from '@persql/contract'
import type { Env } from '../env.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** The origin of a key request. Each lane has a queue of its own, and the sources of a lane take turns. */
export interface KeyOrigin {
  /** A sign-in to the instance, or a call of an endpoint. */
  readonly lane: 'account' | 'endpoint'
  /** The client's network, or the database. */
  readonly source: string
}

/** A key to derive from a password. `scrypt` has the parameters of Better Auth. */
export interface KeyRequest {
  readonly algorithm: { readonly name: 'scrypt' } | { readonly name: 'pbkdf2'; readonly iterations: number }
  readonly password: Bytes
  readonly salt: Bytes
  /** The length of the key. */
  readonly bytes: number
}

/** Delays before the next attempts while the process is restarting, about 3 s together. */
const RETRY_MS = [50, 100, 200, 400, 800, 1_600]
/** A request that waits longer is refused. */
const TIMEOUT_MS = 30_000
/** A full queue is served in about this time. */
const BUSY_S = 2
const BUSY = 'Too many passwords are being checked.'
const RESTARTING = 'The process that checks passwords is restarting.'

/**
 * Returns whether a process beside the Worker hashes passwords, as on a single machine, where one thread serves all
 * data. Elsewhere the Worker hashes them itself.
 */
export const hasHashing = ({ HASHING }: Env): boolean => HASHING !== undefined

/**
 * Derives a key in the process that hashes passwords.
 * @throws PerSQLError `too_busy` if too many requests are waiting, or if the process doesn't restart in time
 */
export async function deriveKey(env: Env, origin: KeyOrigin, request: KeyRequest): Promise<Bytes> {
  const { algorithm, password, salt, bytes } = request
  const body = JSON.stringify({
    ...origin,
    algorithm,
    bytes,
    password: password.toBase64(),
    salt: salt.toBase64(),
  })
  for (const retryMs of [...RETRY_MS, undefined]) {
    const answer = await ask(env, body)
    if (answer?.key !== undefined) return Uint8Array.fromBase64(answer.key)
    if (answer?.status === 429) throw busy(BUSY)
    if (answer) throw new Error(`The process that hashes passwords responded with ${answer.status}.`)
    if (retryMs !== undefined) await new Promise((resolve) => setTimeout(resolve, retryMs))
  }
  throw busy(RESTARTING)
}

/** The queue of the process that hashes passwords. */
export interface HashingQueue {
  readonly running: number
  /** The waiting hashes, and those that were refused since the process started, by lane. */
  readonly lanes: Readonly<Record<KeyOrigin['lane'], { readonly waiting: number; readonly refused: number }>>
}

/** Fetches the state of the queue. @throws Error if the process doesn't respond in this time */
export async function fetchQueue(env: Env, limitMs: number): Promise<HashingQueue> {
  const response = await (env.HASHING as Fetcher).fetch('http://hashing/', {
    headers: { Authorization: `Bearer ${env.PERSQL_HASHING_KEY}` },
    signal: AbortSignal.timeout(limitMs),
  })
  if (!response.ok) throw new Error(`The process that hashes passwords responded with ${response.status}.`)
  return response.json()
}

/** Returns `undefined` if the process ended before it responded. @throws PerSQLError `too_busy` after the timeout */
async function ask(env: Env, body: string): Promise<{ status: number; key?: string } | undefined> {
  try {
    const response = await (env.HASHING as Fetcher).fetch('http://hashing/', {
      method: 'POST',
      headers: { Authorization: `Bearer ${env.PERSQL_HASHING_KEY}` },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const { key } = (await response.json()) as { key?: string }
    return { status: response.status, ...(key !== undefined && { key }) }
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'TimeoutError') throw busy(BUSY)
    return undefined
  }
}

const busy = (problem: string): PerSQLError => new PerSQLError('too_busy', { problem, seconds: BUSY_S })
