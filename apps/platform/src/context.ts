import type { Role } from '@persql/contract'
import type { Env } from './env.ts'
import type { Audience } from './oauth-server/server.ts'
import { findRequestId } from './request-id.ts'
import { getSettings, type Settings } from './settings.ts'

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
  /** The base URL that callers use for this instance. */
  readonly baseUrl: string
  /** The highest role that the caller wants for this request. A higher role is lowered to it. */
  readonly atMost?: Role
  /** The API of this request, for tokens that are valid for one API only. Defaults to `v1`. */
  readonly audience?: Audience
}

/**
 * Creates the context of a request. Pass `url` if it is known: the runtime builds `request.url` again on each access.
 */
export function createContext(request: Request, env: Env, url = request.url): Context {
  const settings = getSettings(env)
  const { id: requestId, isSent } = findRequestId(request)
  const pathAt = url.indexOf('/', 8)
  return {
    env,
    settings,
    headers: request.headers,
    route: `${request.method} ${url.slice(pathAt)}`,
    requestId,
    sentRequestId: isSent ? requestId : undefined,
    baseUrl: settings.url ?? url.slice(0, pathAt),
  }
}
