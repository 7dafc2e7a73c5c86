import { PerSQLError } from '@persql/contract'
import type { Env } from '../env.ts'

const TIMEOUT_MS = 10_000
const NOT_SET_UP = "Captchas aren't set up on this instance. The operator must set TURNSTILE_SECRET_KEY."
const UNREACHABLE = 'Captcha verification is temporarily unavailable. Try again.'

/**
 * Verifies with Cloudflare Turnstile that a token was created for this IP address and not used before.
 * @throws PerSQLError `captcha_failed`, or `captcha_unavailable` if Turnstile isn't set up or can't be reached: an
 * unverified token is refused
 */
export async function verifyCaptcha(env: Env, token: string, address: string): Promise<void> {
  const { TURNSTILE_SECRET_KEY: secret, TURNSTILE_URL: url = 'https://challenges.cloudflare.com' } = env
  if (!secret) throw new PerSQLError('captcha_unavailable', { problem: NOT_SET_UP })
  let passed: unknown
  try {
    const response = await fetch(`${url}/turnstile/v0/siteverify`, {
      method: 'POST',
      body: new URLSearchParams({ secret, response: token.slice(0, 2_048), remoteip: address }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (!response.ok) throw new Error(`Turnstile responded with ${response.status}`)
    passed = ((await response.json()) as { success?: unknown }).success
  } catch (cause) {
    throw new PerSQLError('captcha_unavailable', { problem: UNREACHABLE }, { cause })
  }
  if (passed !== true) throw new PerSQLError('captcha_failed')
}
