import type { Env } from '../env.ts'
import type { OAuthResponse } from './error-response.ts'

/**
 * The time in seconds for which a used refresh token gets the same response again: another process can have sent it
 * too, or the first response can be lost.
 */
export const REPEAT_S = 30

const IV_BYTES = 12

/**
 * Encrypts the response to a refresh. The key is derived from the instance's secret and from the request with its
 * refresh token, so stored data alone can't decrypt it.
 */
export async function sealAnswer(env: Env, form: URLSearchParams, answer: OAuthResponse): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
  const bytes = new TextEncoder().encode(JSON.stringify(answer))
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, await deriveKey(env, form), bytes)
  return new Uint8Array([...iv, ...new Uint8Array(sealed)]).toBase64()
}

/** Decrypts the response for an identical request. Returns `undefined` for any other request. */
export async function openAnswer(env: Env, form: URLSearchParams, sealed: string): Promise<OAuthResponse | undefined> {
  const bytes = Uint8Array.fromBase64(sealed)
  const algorithm = { name: 'AES-GCM', iv: bytes.slice(0, IV_BYTES) }
  try {
    const opened = await crypto.subtle.decrypt(algorithm, await deriveKey(env, form), bytes.slice(IV_BYTES))
    return JSON.parse(new TextDecoder().decode(opened)) as OAuthResponse
  } catch {
    // The request differs from the first one, or the instance's secret has changed.
    return undefined
  }
}

async function deriveKey({ PERSQL_SECRET }: Env, form: URLSearchParams): Promise<CryptoKey> {
  if (!PERSQL_SECRET) throw new Error('PERSQL_SECRET is required.')
  const utf8 = new TextEncoder()
  const secret = utf8.encode(`refresh:${PERSQL_SECRET}`)
  const hmac = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  const request = ['refresh_token', 'client_id', 'scope', 'resource'].map((name) => form.getAll(name))
  const derived = await crypto.subtle.sign('HMAC', hmac, utf8.encode(JSON.stringify(request)))
  return crypto.subtle.importKey('raw', derived, 'AES-GCM', false, ['encrypt', 'decrypt'])
}
