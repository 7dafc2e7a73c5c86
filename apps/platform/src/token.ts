import { crc32 } from 'node:zlib'
import { SLUG } from '@persql/contract'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SHAPE = new RegExp(`^psql_live_(${SLUG})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$`)
const APP_SHAPE = new RegExp(`^psql_oauth_(${SLUG})_[\\w-]{1,80}:[\\w-]{1,40}:[\\w-]{1,80}$`)

/**
 * Creates a secret, `psql_live_<namespace>_<32 characters><6 characters of checksum>`. The namespace routes the request
 * without a lookup; the checksum detects typos without a call.
 */
export function mintToken(namespace: string): string {
  const body = `psql_live_${namespace}_${randomText(32)}`
  return body + checksum(body)
}

/** Creates the secret of a token, with its hash. */
export async function newSecret(namespace: string): Promise<{ secret: string; hash: string }> {
  const secret = mintToken(namespace)
  return { secret, hash: await hashToken(secret) }
}

/** Returns the prefix of an app's tokens, codes and refresh tokens. It contains the namespace too. */
export const appTokenUser = (namespace: string, userId: string): string => `psql_oauth_${namespace}_${userId}`

/** Returns the namespace of a token, or `null` for text that can't be a valid token. */
export function parseNamespace(token: string): string | null {
  const app = APP_SHAPE.exec(token)
  if (app) return app[1] as string
  const match = SHAPE.exec(token)
  return match && checksum(token.slice(0, -6)) === match[3] ? (match[1] as string) : null
}

/** Returns the SHA-256 of a token in hex. Only this hash is stored. */
export async function hashToken(token: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))
  return new Uint8Array(digest).toHex()
}

/** Returns the preview of a token for lists: the first 4 and the last 4 characters of its secret part. */
export function createPreview(token: string): string {
  const secret = token.slice(token.lastIndexOf('_') + 1)
  return `${secret.slice(0, 4)}…${secret.slice(-4)}`
}

/** Returns random letters and digits with equal probabilities. */
export function randomText(length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length))) {
      // 248 is the largest multiple of 62 that fits in a byte. Higher values would make some characters more likely.
      if (byte < 248 && text.length < length) text += ALPHABET[byte % 62]
    }
  }
  return text
}

function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let i = 0; i < 6; i++) {
    digits = ALPHABET[rest % 62] + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}
