import type { Role } from '@persql/contract'
import type { Env } from './env.ts'
import type { Audience } from './oauth-server/server.ts'
import { type Settings, settingsOf } from './settings.ts'

/** What one request brings, gathered in one place. */
export interface Context {
  readonly env: Env
  readonly settings: Settings
  readonly headers: Headers
  /** Method and path: what an idempotency key is bound to, with the body. */
  readonly route: string
  /** Base URL under which callers reach this instance. */
  readonly baseUrl: string
  /** A role that the caller's is lowered to, where the caller asked for it. */
  readonly atMost?: Role
  /** The door of this request, where tokens are made for one; `v1` unless it says otherwise. */
  readonly audience?: Audience
}

/** `url` is `request.url`, which the runtime makes anew each time it is asked. */
export function contextOf(request: Request, env: Env, url = request.url): Context {
  const settings = settingsOf(env)
  const pathAt = url.indexOf('/', 8)
  return {
    env,
    settings,
    headers: request.headers,
    route: `${request.method} ${url.slice(pathAt)}`,
    baseUrl: settings.url ?? url.slice(0, pathAt),
  }
}
