import type { AddressInfo } from 'node:net'
import { CliError } from '../cli-error.ts'
import type { Renewal } from '../config.ts'
import { reach } from '../reach.ts'
import { getExpiry, grant } from './renew.ts'

/** The OAuth metadata of a server. */
export interface LoginServer {
  issuer: string
  authorization_endpoint: string
  token_endpoint: string
  registration_endpoint: string
}

/** Returns the OAuth metadata of a server, or `undefined` if it doesn't support a login through the browser. */
export async function discover(url: string, signal: AbortSignal): Promise<LoginServer | undefined> {
  const response = await reach(`${url}/.well-known/oauth-authorization-server`, { signal })
  if (!response.ok) return undefined
  try {
    const metadata = await response.json()
    const endpoints = ['authorization_endpoint', 'token_endpoint', 'registration_endpoint'].map(
      (name) => metadata[name],
    )
    // Endpoints on another origin would receive the code and the token.
    const own = endpoints.every((one) => URL.canParse(one) && new URL(one).origin === new URL(url).origin)
    return own && metadata.code_challenge_methods_supported?.includes('S256') ? metadata : undefined
  } catch {
    return undefined
  }
}

const secret = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')

const createChallenge = async (verifier: string) =>
  Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(verifier))).toString('base64url')

/** Logs in through a browser: authorization code with PKCE, and a redirect to this machine. */
export async function browserLogin(
  server: LoginServer,
  url: string,
  signal: AbortSignal,
  show: (address: string) => void,
): Promise<{ token: string; renewal: Renewal | undefined }> {
  const state = secret()
  const verifier = secret()
  const resource = `${url}/v1`
  const landing = await listen(state, server.issuer, signal)
  try {
    const clientId = await register(server, landing.redirectUri, signal)
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: landing.redirectUri,
      code_challenge: await createChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      resource,
    })
    const address = `${server.authorization_endpoint}?${query}`
    show(address)
    const form = {
      grant_type: 'authorization_code',
      code: await landing.code,
      redirect_uri: landing.redirectUri,
      client_id: clientId,
      code_verifier: verifier,
      resource,
    }
    const granted = await grant(server.token_endpoint, form, signal)
    const { access_token: token, refresh_token: refreshToken } = granted
    const expiresAt = getExpiry(granted, Date.now())
    const renewal = refreshToken
      ? { tokenEndpoint: server.token_endpoint, clientId, refreshToken, resource, expiresAt }
      : undefined
    return { token, renewal }
  } finally {
    landing.close()
  }
}

async function register(
  { registration_endpoint }: LoginServer,
  redirectUri: string,
  signal: AbortSignal,
): Promise<string> {
  const body = {
    client_name: 'persql (command line)',
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  }
  const headers = { 'Content-Type': 'application/json' }
  const response = await reach(registration_endpoint, { method: 'POST', headers, body: JSON.stringify(body), signal })
  const { client_id } = Object(await response.json().catch(() => undefined))
  if (typeof client_id !== 'string')
    throw new CliError(
      'auth',
      'login_failed',
      "The server didn't register the CLI as an OAuth client. Log in with --token instead.",
    )
  return client_id
}

/** Listens on a local port for the redirect of the browser. */
async function listen(state: string, issuer: string, signal: AbortSignal) {
  const { createServer } = await import('node:http')
  const server = createServer()
  const code = new Promise<string>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    server.on('request', (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1')
      // Only the browser that was sent to the server knows the state.
      if (pathname !== '/callback' || searchParams.get('state') !== state) return response.writeHead(404).end()
      const failure = searchParams.get('error_description') ?? searchParams.get('error')
      const given = searchParams.get('code')
      const from = searchParams.get('iss') ?? issuer
      const good = given !== null && failure === null && from === issuer
      response.writeHead(good ? 200 : 400, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' })
      response.end(good ? 'Logged in. You can close this page.\n' : 'Login failed. See your terminal for details.\n')
      if (good) resolve(given)
      else
        reject(
          new CliError(
            'auth',
            'login_failed',
            `Login failed: ${failure?.replace(/\.$/, '') ?? 'the server returned no code'}.`,
          ),
        )
    })
  })
  code.catch(() => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { code, redirectUri: `http://127.0.0.1:${port}/callback`, close: () => server.close() }
}

/** Opens a URL in the default browser, if there is one. */
export async function openBrowser(address: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { spawn } = await import('node:child_process')
  const usual = { darwin: 'open', win32: 'explorer' } as Record<string, string>
  const program = env.BROWSER || usual[process.platform] || 'xdg-open'
  spawn(program, [address], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref()
}
