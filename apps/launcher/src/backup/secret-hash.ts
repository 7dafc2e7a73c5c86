import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'

/** The hash of a secret that a backup doesn't contain. */
export interface SecretHash {
  readonly salt: string
  readonly hash: string
}

/** Hashes a secret, which an operator can have chosen, with a new salt. */
export function hashSecret(secret: string): SecretHash {
  const salt = randomBytes(16)
  return { salt: salt.toString('base64url'), hash: derive(secret, salt).toString('base64url') }
}

/** Returns whether this is the hashed secret. */
export function matchesSecret(secret: string, { salt, hash }: SecretHash): boolean {
  const known = Buffer.from(hash, 'base64url')
  const derived = derive(secret, Buffer.from(salt, 'base64url'))
  return known.length === derived.length && timingSafeEqual(known, derived)
}

const derive = (secret: string, salt: Buffer): Buffer => scryptSync(secret, salt, 32)
