import type { Role } from '@persql/contract'
import type { Env } from './env.ts'
import type { Audience } from './oauth-server/server.ts'
import { CallingPage } from './page-origin.ts'
import { readRequestId } from './request-id.ts'
import { getSettings, type Settings } from './settings.ts'
import type { Span } from './tracing/tracer.ts'

/** The context of one request. */
export interface Context {
  readonly env: Env
  readonly settings: Settings
  readonly headers: Headers
  /** Method and path. An idempotency key is bound to them and to the body. */
  readonly route: string
  readonly requestId: string
  /** The same ID, if the caller chose it. */
  readonly sentRequestId: string | undefined
  /** The span of the request, if its trace is recorded. */
  readonly span: Span | undefined
  /** The web page that sends the request, if a page sends it. */
  readonly page: CallingPage | undefined
  /** The base URL that callers use for this instance. */
  readonly baseUrl: string
  /** The highest role that the caller wants for this request. A higher role is lowered to it. */
  readonly atMost?: Role
  /** The API of this request, for tokens that are valid for one API only. Defaults to `v1`. */
  readonly audience?: Audience
}

// Only for requests that a router serves: an entry costs more time than anything else here.
const contexts = new WeakMap<Request, Context>()

/** Creates the context of a request. `url` is its URL, which the runtime builds again on each access. */
export function createContext(request: Request, env: Env, url: string): Context {
  const settings = getSettings(env)
  const { headers } = request
  const { id: requestId, isSent } = readRequestId(headers)
  const pathAt = url.indexOf('/', 8)
  const origin = headers.get('Origin')
  return {
    env,
    settings,
    headers,
    route: `${request.method} ${url.slice(pathAt)}`,
    requestId,
    sentRequestId: isSent ? requestId : undefined,
    span: undefined,
    page: origin === null ? undefined : new CallingPage(origin),
    baseUrl: settings.url ?? url.slice(0, pathAt),
  }
}

/** Keeps the context of a request for the routes that serve it. */
export const keepContext = (request: Request, context: Context): void => void contexts.set(request, context)

/** Returns the context of a request, which a route needs. */
export const getContext = (request: Request, env: Env): Context =>
  contexts.get(request) ?? createContext(request, env, request.url)
