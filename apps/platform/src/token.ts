import { crc32 } from 'node:zlib'
import { SLUG } from '@persql/contract'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SHAPE = new RegExp(`^psql_live_(${SLUG})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$`)
const APP_SHAPE = new RegExp(`^psql_oauth_(${SLUG})_[\\w-]{1,80}:[\\w-]{1,40}:[\\w-]{1,80}$`)

/**
 * A new secret, `psql_live_<namespace>_<32 characters><6 of checksum>`: the namespace routes it without a look-up, the
 * checksum tells a typo before anything is asked.
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

/** What tokens of apps, their codes and refresh tokens begin with: they too name their namespace. */
export const appTokenUser = (namespace: string, userId: string): string => `psql_oauth_${namespace}_${userId}`

/** The namespace a token belongs to, or `null` when it cannot be one of ours. */
export function namespaceOf(token: string): string | null {
  const app = APP_SHAPE.exec(token)
  if (app) return app[1] as string
  const match = SHAPE.exec(token)
  return match && checksum(token.slice(0, -6)) === match[3] ? (match[1] as string) : null
}

/** SHA-256 in hex: all that is kept of a token. */
export async function hashToken(token: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))
  return new Uint8Array(digest).toHex()
}

/** What lists show of a token: the first four and last four characters of its secret part. */
export function previewOf(token: string): string {
  const secret = token.slice(token.lastIndexOf('_') + 1)
  return `${secret.slice(0, 4)}…${secret.slice(-4)}`
}

/** Random letters and digits, each of them equally likely. */
export function randomText(length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length))) {
      // 248 is the largest multiple of 62 in a byte: beyond it some characters would be likelier.
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
