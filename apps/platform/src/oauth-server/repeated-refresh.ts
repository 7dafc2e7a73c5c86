import type { Env } from '../env.ts'
import type { OAuthResponse } from './error-response.ts'

/**
 * Seconds in which a refresh token that was replaced gets the same answer: another process sent it too, or the first
 * answer was lost.
 */
export const REPEAT_S = 30

const IV_BYTES = 12

/**
 * Encrypts the answer to a refresh, under a key that takes both the secret of the instance and the request with its
 * refresh token to derive: nothing that is stored opens it.
 */
export async function sealAnswer(env: Env, form: URLSearchParams, answer: OAuthResponse): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
  const bytes = new TextEncoder().encode(JSON.stringify(answer))
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, await keyOf(env, form), bytes)
  return new Uint8Array([...iv, ...new Uint8Array(sealed)]).toBase64()
}

/** Decrypts the answer for a request that asks for the same, or returns nothing. */
export async function openAnswer(env: Env, form: URLSearchParams, sealed: string): Promise<OAuthResponse | undefined> {
  const bytes = Uint8Array.fromBase64(sealed)
  const algorithm = { name: 'AES-GCM', iv: bytes.slice(0, IV_BYTES) }
  try {
    const opened = await crypto.subtle.decrypt(algorithm, await keyOf(env, form), bytes.slice(IV_BYTES))
    return JSON.parse(new TextDecoder().decode(opened)) as OAuthResponse
  } catch {
    // The request asks for something else than the first one, or the instance has another secret since.
    return undefined
  }
}

async function keyOf({ PERSQL_SECRET }: Env, form: URLSearchParams): Promise<CryptoKey> {
  if (!PERSQL_SECRET) throw new Error('PERSQL_SECRET is required.')
  const utf8 = new TextEncoder()
  const secret = utf8.encode(`refresh:${PERSQL_SECRET}`)
  const hmac = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  const request = ['refresh_token', 'client_id', 'scope', 'resource'].map((name) => form.getAll(name))
  const derived = await crypto.subtle.sign('HMAC', hmac, utf8.encode(JSON.stringify(request)))
  return crypto.subtle.importKey('raw', derived, 'AES-GCM', false, ['encrypt', 'decrypt'])
}
