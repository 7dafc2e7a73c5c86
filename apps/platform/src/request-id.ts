const ids = new WeakMap<Request, string>()
const VISIBLE = /^[\x21-\x7e]{1,128}$/

/** The header that carries the ID of a request, in both directions. */
export const REQUEST_ID_HEADER = 'X-Request-Id'

/** Returns the ID of a request: the one that the caller sent if it is valid, or a new one. */
export function getRequestId(request: Request): string {
  let id = ids.get(request)
  if (id === undefined) {
    const sent = request.headers.get(REQUEST_ID_HEADER)
    id = sent !== null && VISIBLE.test(sent) ? sent : createId()
    ids.set(request, id)
  }
  return id
}

const ID_BYTES = 15
/** Random bytes for the next IDs: a call for each of them takes longer than the rest of `createId`. */
const random = Buffer.alloc(ID_BYTES * 256)
let used = random.length

/** Creates a random ID. A number that counts requests would show each caller how many the others send. */
function createId(): string {
  if (used === random.length) {
    crypto.getRandomValues(random)
    used = 0
  }
  used += ID_BYTES
  return random.toString('base64url', used - ID_BYTES, used)
}

/** Adds the ID of a request to its response. */
export function withRequestIdHeader(response: Response, requestId: string): Response {
  try {
    response.headers.set(REQUEST_ID_HEADER, requestId)
    return response
  } catch {
    // Some responses have immutable headers, for example redirects. A WebSocket's response can't be created again.
    return response.webSocket ? response : withRequestIdHeader(new Response(response.body, response), requestId)
  }
}
