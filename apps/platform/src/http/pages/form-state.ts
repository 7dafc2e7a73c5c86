import { now } from '../../clock.ts'
import type { Env } from '../../env.ts'

const LASTS_MS = 10 * 60 * 1000

/** The subject that a form is signed for. The signature is valid for nothing else. */
export interface FormSubject {
  readonly userId: string
  /** The query string of the authorization request, unchanged. */
  readonly query: string
  readonly namespace: string
}

/** Returns a signature that binds a form to its user and purpose for 10 minutes. Only this instance can create it. */
export async function signForm(env: Env, subject: FormSubject): Promise<string> {
  const until = String(now() + LASTS_MS)
  return `${until}.${new Uint8Array(await crypto.subtle.sign('HMAC', await importKey(env), encode(subject, until))).toHex()}`
}

/** Returns whether a form was signed for this subject and hasn't expired. */
export async function isSigned(env: Env, subject: FormSubject, state: string): Promise<boolean> {
  const [, until, hex] = /^(\d{13,16})\.([0-9a-f]{64})$/.exec(state) ?? []
  if (until === undefined || hex === undefined || Number(until) <= now()) return false
  return crypto.subtle.verify('HMAC', await importKey(env), Uint8Array.fromHex(hex), encode(subject, until))
}

const encode = ({ userId, query, namespace }: FormSubject, until: string) =>
  new TextEncoder().encode(JSON.stringify([until, userId, namespace, query]))

function importKey({ PERSQL_SECRET }: Env): Promise<CryptoKey> {
  if (!PERSQL_SECRET) throw new Error('PERSQL_SECRET is required.')
  const bytes = new TextEncoder().encode(`consent:${PERSQL_SECRET}`)
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
}
