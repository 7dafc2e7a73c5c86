import { pbkdf2, scrypt } from 'node:crypto'
import { promisify } from 'node:util'

/** The callers of one kind. Each kind has a queue of its own. */
export type Lane = (typeof lanes)[number]
export const lanes = ['account', 'endpoint'] as const

/** A request to derive a key from a password. */
export interface KeyRequest {
  readonly lane: Lane
  /** The client or database that the request is for. Sources of one lane take turns. */
  readonly source: string
  readonly algorithm: Algorithm
  readonly password: Uint8Array
  readonly salt: Uint8Array
  /** The length of the key. */
  readonly bytes: number
}

type Algorithm = { readonly name: 'scrypt' } | { readonly name: 'pbkdf2'; readonly iterations: number }

/** The parameters of Better Auth's password hashes. */
const scryptOptions = { N: 16_384, r: 16, p: 1, maxmem: 128 * 16_384 * 16 * 2 }
const maxIterations = 2_000_000
const maxKeyBytes = 64
const maxSourceLength = 200
/** The PBKDF2 iterations that take about as long as one scrypt key. */
const iterationsPerUnit = 210_000

/** Parses a request in JSON. Returns `undefined` if it is invalid. */
export function parseKeyRequest(text: string): KeyRequest | undefined {
  const { lane, source, algorithm, password, salt, bytes } = parseObject(text)
  const isKnown = lanes.some((name) => name === lane) && typeof source === 'string' && source.length <= maxSourceLength
  const known = parseAlgorithm(algorithm)
  if (!isKnown || !known || typeof password !== 'string' || typeof salt !== 'string') return undefined
  if (!isIntegerUpTo(bytes, maxKeyBytes)) return undefined
  const [secret, salted] = [Buffer.from(password, 'base64'), Buffer.from(salt, 'base64')]
  return { lane: lane as Lane, source, algorithm: known, password: secret, salt: salted, bytes }
}

/** Derives the key of a request in a thread of Node's pool. */
export function deriveKey({ algorithm, password, salt, bytes }: KeyRequest): Promise<Buffer> {
  return algorithm.name === 'scrypt'
    ? scryptAsync(password, salt, bytes, scryptOptions)
    : promisify(pbkdf2)(password, salt, algorithm.iterations, bytes, 'sha256')
}

/** Returns the time that a request takes, as a multiple of the time for one scrypt key. */
export function estimateCost({ algorithm }: KeyRequest): number {
  return algorithm.name === 'scrypt' ? 1 : algorithm.iterations / iterationsPerUnit
}

const scryptAsync = promisify<Uint8Array, Uint8Array, number, object, Buffer>(scrypt)

function parseAlgorithm(given: unknown): Algorithm | undefined {
  const { name, iterations } = Object(given) as Record<string, unknown>
  if (name === 'scrypt') return { name }
  return name === 'pbkdf2' && isIntegerUpTo(iterations, maxIterations) ? { name, iterations } : undefined
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

const isIntegerUpTo = (value: unknown, max: number): value is number =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max
