import { isSlug, PerSQLError } from '@persql/contract'
import { executeProtocolCall } from '../../api/execute.ts'
import type { Context } from '../../context.ts'
import type { ProtocolCall } from '../../database/operations.ts'
import { type Reply, refuseRequest } from '../../reply.ts'
import { readBody } from '../rest/body.ts'
import { formatAllow, optionsReply } from '../rest/methods.ts'
import { type Answer, respond } from '../rest/rest.ts'
import { toProtocolError } from './error.ts'
import { openSocket } from './socket.ts'

const MAX_BODY = 10 * 1024 * 1024
const PATH = /^[a-z]+:\/\/[^/]+\/libsql(?:\/([^?#]*)|(?=[?#]|$))/

/** The paths of the protocol below the URL of a database, with the call that each makes. */
const CALLS: ReadonlyMap<string, ProtocolCall> = new Map([
  ['v2/pipeline', 'libsql_pipeline'],
  ['v3/pipeline', 'libsql_pipeline'],
  ['v3/cursor', 'libsql_cursor'],
])
/** Paths that clients ask to find out which versions the server has. */
const VERSIONS: ReadonlySet<string> = new Set(['v2', 'v3'])

/** A database of the protocol, and the path below its URL. */
export interface LibsqlPath {
  readonly ns: string
  readonly db: string
  readonly path: string
}

/** Responds to a request of the libSQL protocol below `/libsql`. Returns `undefined` for any other request. */
export function answerLibsql(request: Request, url: string, ctx: Context): Promise<Answer> | undefined {
  const matched = PATH.exec(url)
  if (!matched) return undefined
  const [ns = '', db = '', ...rest] = (matched[1] ?? '').split('/')
  return answerAt(request, { ns, db, path: rest.join('/') }, ctx)
}

/** Returns whether a path below the root of a database's own hostname makes a call of the protocol. */
export const isLibsqlCall = (method: string, path: string): boolean => method === 'POST' && CALLS.has(path)

/** Returns whether a request at that root opens a WebSocket of the protocol. */
export const isLibsqlSocket = ({ headers }: Request, path: string): boolean =>
  path === '' && headers.get('Upgrade')?.toLowerCase() === 'websocket'

/** Returns whether a path below that root asks for a version of the protocol. */
export const asksForVersion = (method: string, path: string): boolean => method === 'GET' && VERSIONS.has(path)

/** Responds to a request below the URL of a database. */
export async function answerAt(request: Request, at: LibsqlPath, ctx: Context): Promise<Answer> {
  const { ns, db, path } = at
  const { method } = request
  const call = CALLS.get(path)
  const place = isSlug(ns) && isSlug(db) ? { namespace: ns, database: db } : {}
  if (method === 'OPTIONS') {
    const allow = formatAllow([VERSIONS.has(path) ? 'GET' : 'POST'])
    return { response: optionsReply(allow), operation: 'libsql', ...place, code: undefined }
  }
  if (method === 'GET' && VERSIONS.has(path)) {
    const response = new Response('This server has this version of the libSQL protocol.\n')
    return { response, operation: 'libsql', ...place, code: undefined }
  }
  if (isLibsqlSocket(request, path)) return answerSocket(request, at, ctx)
  const reply =
    call !== undefined && method === 'POST'
      ? await executeProtocolCall(call, inputFrom(request, { ns, db }, ctx), ctx)
      : refuseRequest(explainPath(method, at), ctx.requestId)
  return { response: toResponse(reply, call, ctx), operation: call ?? 'libsql', ...place, code: reply.code }
}

/** Opens a WebSocket. It authenticates with its first message. */
function answerSocket(request: Request, at: LibsqlPath, ctx: Context): Answer {
  const { ns, db } = at
  const place = { operation: 'libsql_socket', ...(isSlug(ns) && isSlug(db) && { namespace: ns, database: db }) }
  try {
    if (!isSlug(ns) || !isSlug(db)) throw explainPath('GET', at)
    return { response: openSocket(request, at, ctx), ...place, code: undefined }
  } catch (cause) {
    const reply = refuseRequest(cause, ctx.requestId)
    return { response: toResponse(reply, undefined, ctx), ...place, code: reply.code }
  }
}

const inputFrom = (request: Request, params: { ns: string; db: string }, { settings }: Context) => ({
  params,
  body: () => readBody(request, MAX_BODY, settings),
  upload: () => Promise.reject(new PerSQLError('internal')),
  replayKeys: () => Promise.resolve(undefined),
})

/** Returns the error for a path that isn't one of the protocol, or is called with another method. */
function explainPath(method: string, { ns, db, path }: LibsqlPath): PerSQLError {
  const full = `/libsql/${[ns, db, path].filter((part) => part !== '').join('/')}`.slice(0, 200)
  if (CALLS.has(path) || VERSIONS.has(path)) {
    const allowed = formatAllow([CALLS.has(path) ? 'POST' : 'GET'])
    return new PerSQLError('method_not_allowed', { path: full, method, allowed })
  }
  // A client resolves its paths relative to the URL, so a URL without the slash loses its last segment.
  const lost = CALLS.has(`${db}/${path}`) ? `/libsql/${ns}/<database>/` : undefined
  if (lost !== undefined) return new PerSQLError('libsql_url_incomplete', { url: lost })
  return new PerSQLError('route_not_found', { method, path: full })
}

/** Returns the response, with errors in the form that clients of the protocol read. */
function toResponse(reply: Reply, call: ProtocolCall | undefined, ctx: Context): Response {
  if (reply.code !== undefined) return respond({ ...reply, body: toErrorBody(reply) }, ctx)
  const response = respond(reply, ctx)
  if (call === 'libsql_cursor') response.headers.set('Content-Type', 'application/x-ndjson')
  return response
}

/** Clients of the protocol read `message` and `code`, or `error`. */
function toErrorBody(reply: Reply): string {
  const { message, code, ...more } = toProtocolError(reply)
  return JSON.stringify({ message, code, error: message, ...more })
}
