import { describeIssue, toSentence } from '@persql/endpoint-spec'
import * as z from 'zod'
import { isDeepJson } from '../json-object.ts'

/** The client metadata (RFC 7591) that PerSQL reads. */
export const ClientMetadata = z.object({
  client_name: z.string().trim().min(1).max(100).optional(),
  client_uri: z.url().max(500).optional(),
  redirect_uris: z.array(z.string().min(1).max(1_000)).min(1).max(20),
})

const Document = ClientMetadata.extend({
  client_id: z.string(),
  client_name: z.string().trim().min(1).max(100),
  client_secret: z.undefined('must be omitted: a client with a metadata document has no secret').optional(),
  token_endpoint_auth_method: z.string().optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
})

const MAX_AGE_S = 24 * 60 * 60
const DEFAULT_AGE_S = 5 * 60
/** The minimum cache time: one page reads a document several times. */
const MIN_AGE_S = 10
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/**
 * Returns the problem with a URL as a client ID. It must be https, have a public hostname, and have a path. `local`
 * allows http on this machine, for development.
 */
export function urlProblem(text: string, local: boolean): string | undefined {
  if (text.length > 500 || !URL.canParse(text)) return 'client_id is not a URL'
  const url = new URL(text)
  if (url.href !== text) return 'client_id is not a normalized URL'
  if (url.username || url.password || url.hash) return 'client_id contains a user name, password or fragment'
  if (url.pathname === '/') return 'client_id has no path'
  if (local && url.protocol === 'http:' && LOOPBACK.test(url.hostname)) return undefined
  if (url.protocol !== 'https:') return 'client_id is not https'
  const numeric = /^[\d.]+$|^\[/.test(url.hostname)
  if (numeric || !url.hostname.includes('.') || /\.(local|localhost|internal)$/.test(url.hostname)) {
    return 'client_id is not on the public internet'
  }
  return undefined
}

/** Returns the library's record of a client, or the problem with its document. */
export function toClientRecord(url: string, text: string): object | string {
  let json: unknown
  if (isDeepJson(text)) return 'the document is nested too deeply'
  try {
    json = JSON.parse(text)
  } catch {
    return 'the document is not valid JSON'
  }
  const result = Document.safeParse(json, { error: describeIssue(Document) })
  if (!result.success) return toSentence(result.error.issues[0] as z.core.$ZodIssue).replace(/\.$/, '')
  const { client_id, client_name, client_uri, redirect_uris, ...methods } = result.data
  if (client_id !== url) return "the document's client_id doesn't match its URL"
  const offered = [
    methods.token_endpoint_auth_method ?? 'none',
    ...(methods.token_endpoint_auth_methods_supported ?? []),
  ]
  if (!offered.includes('none')) return 'token_endpoint_auth_method must be "none"'
  return {
    clientId: url,
    clientName: client_name,
    clientUri: client_uri,
    redirectUris: redirect_uris,
    grantTypes: ['authorization_code', 'refresh_token'],
    responseTypes: ['code'],
    tokenEndpointAuthMethod: 'none',
    authMethodExplicit: true,
  }
}

/** Returns the cache time in seconds from a `Cache-Control` header, 24 hours at most. */
export function parseMaxAge(cacheControl: string | null): number {
  if (cacheControl === null) return DEFAULT_AGE_S
  if (/no-store|no-cache/i.test(cacheControl)) return MIN_AGE_S
  const age = /(?:^|[\s,])max-age=(\d{1,10})/i.exec(cacheControl)?.[1]
  return age === undefined ? DEFAULT_AGE_S : Math.min(Math.max(Number(age), MIN_AGE_S), MAX_AGE_S)
}
