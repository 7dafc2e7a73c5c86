import { timingSafeEqual } from 'node:crypto'
import { pbkdf2Async } from '@noble/hashes/pbkdf2.js'
import { sha256 } from '@noble/hashes/sha2.js'

const ITERATIONS = 210_000
const SALT_BYTES = 16
const HASH_BYTES = 32
/** A row of the users' table with more iterations could block the database. */
const MAX_ITERATIONS = 2_000_000
const FORMAT = /^pbkdf2_sha256\$(\d{1,7})\$([A-Za-z0-9+/=_-]+)\$([A-Za-z0-9+/=_-]+)$/

type Bytes = Uint8Array<ArrayBuffer>

/** Derives a key with PBKDF2, or rejects an iteration count that the runtime doesn't support. */
export type Derive = (password: Bytes, salt: Bytes, iterations: number, bytes: number) => Promise<Bytes>

/** Returns `pbkdf2_sha256$<iterations>$<salt, base64>$<hash, base64>`, the format of `password_hash`. */
export async function hashPassword(password: string, derive: Derive = native): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES))
  const hash = await derived(derive, password, salt, ITERATIONS, HASH_BYTES)
  return `pbkdf2_sha256$${ITERATIONS}$${salt.toBase64()}$${hash.toBase64()}`
}

/**
 * Returns whether the password matches the stored hash. A missing or unreadable hash takes the same time and returns
 * false, so the response time doesn't reveal who has an account.
 */
export async function verifyPassword(password: string, stored: unknown, derive: Derive = native): Promise<boolean> {
  const known = parseParts(stored)
  const { iterations, salt, hash } = known ?? UNKNOWN_USER
  const given = await derived(derive, password, salt, iterations, hash.length)
  return timingSafeEqual(given, hash) && known !== undefined
}

interface Parts {
  readonly iterations: number
  readonly salt: Bytes
  readonly hash: Bytes
}

const UNKNOWN_USER: Parts = {
  iterations: ITERATIONS,
  salt: new Uint8Array(SALT_BYTES),
  hash: new Uint8Array(HASH_BYTES),
}

function parseParts(stored: unknown): Parts | undefined {
  const [, count, saltText = '', hashText = ''] = (typeof stored === 'string' && FORMAT.exec(stored)) || []
  const iterations = Number(count)
  if (!(iterations >= 1 && iterations <= MAX_ITERATIONS)) return undefined
  try {
    const [salt, hash] = [Uint8Array.fromBase64(saltText), Uint8Array.fromBase64(hashText)]
    return hash.length >= 16 && hash.length <= 64 ? { iterations, salt, hash } : undefined
  } catch {
    return undefined
  }
}

/**
 * Derives a key. Cloudflare's PBKDF2 rejects more than 100,000 iterations, unlike workerd's; a library takes over
 * there.
 */
async function derived(
  derive: Derive,
  password: string,
  salt: Bytes,
  iterations: number,
  bytes: number,
): Promise<Bytes> {
  const secret = Uint8Array.from(new TextEncoder().encode(password))
  try {
    return await derive(secret, salt, iterations, bytes)
  } catch (cause) {
    if (!(cause instanceof DOMException && cause.name === 'NotSupportedError')) throw cause
    return Uint8Array.from(await pbkdf2Async(sha256, secret, salt, { c: iterations, dkLen: bytes }))
  }
}

const native: Derive = async (password, salt, iterations, bytes) => {
  const key = await crypto.subtle.importKey('raw', password, 'PBKDF2', false, ['deriveBits'])
  return new Uint8Array(
    await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations }, key, bytes * 8),
  )
}
