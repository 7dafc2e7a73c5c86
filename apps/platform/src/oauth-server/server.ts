import { OAuthAuthorizationServer } from '@cloudflare/workers-oauth-provider'
import { PerSQLError } from '@persql/contract'
import type { OAuthStore } from './store.ts'

/** Where a token of an app is taken: at the MCP door, or at `/v1`. */
export type Audience = 'mcp' | 'v1'

/** What the library finds in its environment. */
export interface OAuthEnv {
  readonly OAUTH_KV: OAuthStore
}

/** Roles that a client may ask for, as scopes. */
export const scopes = ['readonly', 'readwrite', 'admin'] as const

const ACCESS_S = 60 * 60
const REFRESH_IDLE_S = 30 * 24 * 60 * 60
/** Outlives every refresh token of its client: a registration is renewed past half its time, when one of them is used. */
export const REGISTRATION_S = 90 * 24 * 60 * 60
const MAX_KNOWN = 20
const known = new Map<string, OAuthAuthorizationServer<OAuthEnv>>()

/** The URLs that tokens are made for (RFC 8707). The MCP door is at two. */
export const resourcesOf = (baseUrl: string) => ({ mcp: `${baseUrl}/mcp`, root: `${baseUrl}/`, v1: `${baseUrl}/v1` })

/** Which door a resource is. Only the library's own spelling of one gets here. */
export const audienceOf = (resource: unknown): Audience => (String(resource).endsWith('/v1') ? 'v1' : 'mcp')

/**
 * The authorization server under one address of this instance, made once for each.
 * @throws PerSQLError `oauth_needs_https` where others could read along
 */
export function authorizationServer(baseUrl: string): OAuthAuthorizationServer<OAuthEnv> {
  const server = known.get(baseUrl) ?? makeServer(baseUrl)
  if (known.size >= MAX_KNOWN) known.clear()
  known.set(baseUrl, server)
  return server
}

function makeServer(baseUrl: string): OAuthAuthorizationServer<OAuthEnv> {
  const resources = resourcesOf(baseUrl)
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
      // Metadata documents are fetched by `clients.ts`, whose guard holds on one machine too.
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

/** Has the library answer a request. Nothing of what it is used for here outlives the answer. */
export function answerAs(baseUrl: string, path: string, init: RequestInit, store: OAuthStore): Promise<Response> {
  const context = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} } as unknown as ExecutionContext
  return authorizationServer(baseUrl).fetch(new Request(baseUrl + path, init), { OAUTH_KV: store }, context)
}
