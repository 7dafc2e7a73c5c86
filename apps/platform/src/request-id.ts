const VISIBLE = /^[\x21-\x7e]{1,128}$/

/** The header that carries the ID of a request, in both directions. */
export const REQUEST_ID_HEADER = 'X-Request-Id'

interface RequestId {
  readonly id: string
  readonly isSent: boolean
}

/** Returns the ID of a request: the one that the caller sent if it is valid, or a new one. */
export function readRequestId(headers: Headers): RequestId {
  const sent = headers.get(REQUEST_ID_HEADER)
  const isSent = sent !== null && VISIBLE.test(sent)
  return { id: isSent ? sent : crypto.randomUUID(), isSent }
}

/** Adds the ID of a request to its response. */
export const withRequestIdHeader = (response: Response, requestId: string): Response =>
  withHeader(response, REQUEST_ID_HEADER, requestId)

/** Adds a header to a response. */
export function withHeader(response: Response, name: string, value: string): Response {
  try {
    response.headers.set(name, value)
    return response
  } catch {
    // Some responses have immutable headers, for example redirects. A WebSocket's response can't be created again.
    return response.webSocket ? response : withHeader(new Response(response.body, response), name, value)
  }
}
