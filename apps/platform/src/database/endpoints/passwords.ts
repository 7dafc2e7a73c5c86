import { timingSafeEqual } from 'node:crypto'
import { pbkdf2Async } from '@noble/hashes/pbkdf2.js'
import { sha256 } from '@noble/hashes/sha2.js'

const ITERATIONS = 210_000
const SALT_BYTES = 16
const HASH_BYTES = 32
/** More would let a row in the users table keep the database busy. */
const MAX_ITERATIONS = 2_000_000
const FORMAT = /^pbkdf2_sha256\$(\d{1,7})\$([A-Za-z0-9+/=_-]+)\$([A-Za-z0-9+/=_-]+)$/

type Bytes = Uint8Array<ArrayBuffer>

/** Derives a key as the runtime does, or refuses to. */
export type Derive = (password: Bytes, salt: Bytes, iterations: number, bytes: number) => Promise<Bytes>

/** `pbkdf2_sha256$<iterations>$<salt, base64>$<hash, base64>`, as it is stored in `password_hash`. */
export async function hashPassword(password: string, derive: Derive = native): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES))
  const hash = await derived(derive, password, salt, ITERATIONS, HASH_BYTES)
  return `pbkdf2_sha256$${ITERATIONS}$${salt.toBase64()}$${hash.toBase64()}`
}

/**
 * Whether the password is the one that was hashed. Without a hash, or with one that cannot be read, it works as long
 * and says no, so that nobody learns who has an account.
 */
export async function verifyPassword(password: string, stored: unknown, derive: Derive = native): Promise<boolean> {
  const known = partsOf(stored)
  const { iterations, salt, hash } = known ?? NOBODY
  const given = await derived(derive, password, salt, iterations, hash.length)
  return timingSafeEqual(given, hash) && known !== undefined
}

interface Parts {
  readonly iterations: number
  readonly salt: Bytes
  readonly hash: Bytes
}

const NOBODY: Parts = { iterations: ITERATIONS, salt: new Uint8Array(SALT_BYTES), hash: new Uint8Array(HASH_BYTES) }

function partsOf(stored: unknown): Parts | undefined {
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

/** Cloudflare's own PBKDF2 refuses more than 100,000 iterations (workerd's does not): there a library makes up for it. */
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
