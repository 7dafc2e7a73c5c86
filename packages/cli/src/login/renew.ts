import { CliError } from '../cli-error.ts'
import type { Profile } from '../config.ts'
import { reach } from '../reach.ts'

/** The response of a token endpoint. */
export interface TokenResponse {
  access_token: string
  refresh_token?: string
  expires_in?: number
}

/** Requests a token from a token endpoint. @throws CliError */
export async function grant(
  endpoint: string,
  form: Record<string, string>,
  signal: AbortSignal,
): Promise<TokenResponse> {
  const response = await reach(endpoint, { method: 'POST', body: new URLSearchParams(form), signal })
  const answer = Object(await response.json().catch(() => undefined))
  if (!response.ok || typeof answer.access_token !== 'string') {
    const reason = String(answer.error_description ?? answer.error ?? `status ${response.status}`).replace(/\.$/, '')
    throw new CliError('auth', 'login_failed', `Login failed: ${reason}. Run persql login.`)
  }
  return answer as TokenResponse
}

/** Returns the expiry time of a token, one minute early because clocks differ and calls take time. */
export const getExpiry = ({ expires_in = 3600 }: TokenResponse, nowMs: number) => nowMs + (expires_in - 60) * 1000

/** Returns the profile with a valid token, after refreshing an expired one. */
export async function refreshToken(
  profile: Profile,
  signal: AbortSignal,
  keep: (next: Profile) => Promise<void>,
): Promise<Profile> {
  const { renewal } = profile
  if (!renewal || renewal.expiresAt > Date.now()) return profile
  const { tokenEndpoint, clientId, refreshToken, resource } = renewal
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId, resource }
  const granted = await grant(tokenEndpoint, form, signal)
  const next = {
    ...renewal,
    refreshToken: granted.refresh_token ?? refreshToken,
    expiresAt: getExpiry(granted, Date.now()),
  }
  const account = { ...profile, token: granted.access_token, renewal: next }
  await keep(account)
  return account
}
