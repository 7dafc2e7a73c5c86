import { OAuthAuthorizationServer } from '@cloudflare/workers-oauth-provider'
import { PerSQLError } from '@persql/contract'
import type { OAuthStore } from './store.ts'

/** The API that accepts an app's token: MCP or `/v1`. */
export type Audience = 'mcp' | 'v1'

/** The environment of the OAuth library. */
export interface OAuthEnv {
  readonly OAUTH_KV: OAuthStore
}

/** Roles that a client can request as scopes. */
export const scopes = ['readonly', 'readwrite', 'admin'] as const

const ACCESS_S = 60 * 60
const REFRESH_IDLE_S = 30 * 24 * 60 * 60
/**
 * The lifetime of a registration. It exceeds that of every refresh token: using one renews a registration that is past
 * half of its lifetime.
 */
export const REGISTRATION_S = 90 * 24 * 60 * 60
const MAX_KNOWN = 20
const known = new Map<string, OAuthAuthorizationServer<OAuthEnv>>()

/** Returns the resources of tokens (RFC 8707). MCP has two URLs. */
export const listResources = (baseUrl: string) => ({ mcp: `${baseUrl}/mcp`, root: `${baseUrl}/`, v1: `${baseUrl}/v1` })

/** Returns the API of a resource. The library has normalized the URL. */
export const getAudience = (resource: unknown): Audience => (String(resource).endsWith('/v1') ? 'v1' : 'mcp')

/**
 * Returns the authorization server for a base URL of this instance. Servers are cached.
 * @throws PerSQLError `oauth_needs_https` if others could read the traffic
 */
export function authorizationServer(baseUrl: string): OAuthAuthorizationServer<OAuthEnv> {
  const server = known.get(baseUrl) ?? makeServer(baseUrl)
  if (known.size >= MAX_KNOWN) known.clear()
  known.set(baseUrl, server)
  return server
}

function makeServer(baseUrl: string): OAuthAuthorizationServer<OAuthEnv> {
  const resources = listResources(baseUrl)
  try {
    return new OAuthAuthorizationServer<OAuthEnv>({
      issuer: baseUrl,
      resources: Object.values(resources),
      defaultResource: resources.mcp,
      authorizeEndpoint: `${baseUrl}/oauth/authorize`,
      tokenEndpoint: `${baseUrl}/oauth/token`,
      clientRegistrationEndpoint: `${baseUrl}/oauth/register`,
      clientRegistrationTTL: REGISTRATION_S,
      scopesSupported: [...scopes],
      allowPrivateUseRedirectUris: true,
      // `clients.ts` fetches metadata documents instead: its protection also works on a single machine.
      clientIdMetadataDocumentEnabled: false,
      accessTokenTTL: ACCESS_S,
      refreshTokenTTL: REFRESH_IDLE_S,
      refreshTokenIdleTTL: REFRESH_IDLE_S,
      onError: () => {},
    })
  } catch (cause) {
    throw new PerSQLError('oauth_needs_https', { origin: baseUrl.slice(0, 200) }, { cause })
  }
}

/** Responds to a request with the library. The library starts no work that outlives the response. */
export function answerAs(baseUrl: string, path: string, init: RequestInit, store: OAuthStore): Promise<Response> {
  const context = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} } as unknown as ExecutionContext
  return authorizationServer(baseUrl).fetch(new Request(baseUrl + path, init), { OAUTH_KV: store }, context)
}
