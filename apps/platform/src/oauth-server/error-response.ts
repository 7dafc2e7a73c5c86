/** A response of the token endpoint, in a form that can be passed between objects. */
export interface OAuthResponse {
  readonly status: number
  readonly headers: [string, string][]
  readonly body: string
}

/**
 * Creates the response of the token endpoint for unknown codes and tokens. The client isn't checked first, because a
 * client ID can be a URL, and no document is fetched for anonymous callers. Revoking an unknown token succeeds (RFC
 * 7009).
 */
export function createOAuthError(form: URLSearchParams): OAuthResponse {
  if (form.has('token')) return { status: 200, headers: [['Cache-Control', 'no-store']], body: '' }
  const type = form.get('grant_type')
  const known = type === 'authorization_code' || type === 'refresh_token'
  const error = known ? 'invalid_grant' : type === null ? 'invalid_request' : 'unsupported_grant_type'
  const body = JSON.stringify({ error, error_description: 'Unknown code or token for this client.' })
  return {
    status: 400,
    headers: [
      ['Content-Type', 'application/json'],
      ['Cache-Control', 'no-store'],
    ],
    body,
  }
}
