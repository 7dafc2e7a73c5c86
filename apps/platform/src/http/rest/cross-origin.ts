import type { CallingPage } from '../../page-origin.ts'

/** The APIs that take tokens, which pages of other sites can use: `/v1` and the libSQL protocol below `/libsql`. */
const TOKEN_API = /^[a-z]+:\/\/[^/]+\/(?:v1|libsql)(?:[/?#]|$)/
/** The calls of the libSQL protocol on a database's own hostname. No endpoint has such a path. */
const LIBSQL_AT_ROOT = /^[a-z]+:\/\/[^/]+\/v[23]\/(?:pipeline|cursor)(?:[?#]|$)/

/** Returns whether a URL belongs to an API that pages of other sites can use with a token. */
export const isTokenApi = (url: string): boolean => TOKEN_API.test(url) || LIBSQL_AT_ROOT.test(url)

const ALLOWED_HEADERS = [
  ...['Authorization', 'Content-Type', 'Idempotency-Key', 'Plan-Key', 'Plan-Step', 'X-Request-Id'],
  ...['traceparent', 'tracestate'],
].join(', ')
const EXPOSED_HEADERS = [
  ...['Retry-After', 'Idempotency-Replayed', 'Plan-Replayed', 'X-Request-Id', 'PAYMENT-REQUIRED'],
  ...['WWW-Authenticate', 'Content-Disposition', 'traceparent'],
].join(', ')
const DAY_S = '86400'

/**
 * Returns the response to a preflight request. It is the same for every origin, because browsers send no token with it:
 * the origin is checked against the token when the browser sends the request itself.
 */
export const preflightReply = ({ origin }: CallingPage): Response =>
  new Response(null, {
    status: 204,
    headers: {
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      'Access-Control-Allow-Headers': ALLOWED_HEADERS,
      'Access-Control-Max-Age': DAY_S,
      Vary: 'Origin',
    },
  })

/** Adds the headers with which a page of another site can read the response, if it is allowed to. */
export function shareWithPage(response: Response, page: CallingPage): Response {
  if (response.webSocket) return response
  try {
    const { headers } = response
    headers.set('Vary', 'Origin')
    if (!page.canRead(response.status)) return response
    headers.set('Access-Control-Allow-Origin', page.origin)
    headers.set('Access-Control-Expose-Headers', EXPOSED_HEADERS)
    return response
  } catch {
    // Some responses have immutable headers, for example those of an object.
    return shareWithPage(new Response(response.body, response), page)
  }
}
