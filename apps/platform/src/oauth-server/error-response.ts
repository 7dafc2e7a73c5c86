/** An answer of the token endpoint, as it travels between objects. */
export interface OAuthResponse {
  readonly status: number
  readonly headers: [string, string][]
  readonly body: string
}

/**
 * What the token endpoint says where nothing that was sent is known, before it looks at the client: a client may be a URL,
 * and URLs are asked for nobody. To give back what is not there has worked (RFC 7009).
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
