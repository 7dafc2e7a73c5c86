import { PerSQLError } from '@persql/contract'
import type { Hono } from 'hono'
import type { Env } from '../../env.ts'

/** Returns the GET request whose response a HEAD request gets. It opens no WebSocket. */
export function asGet(request: Request): Request {
  const headers = new Headers(request.headers)
  headers.delete('Upgrade')
  return new Request(request, { method: 'GET', headers })
}

/** Returns the value of `Allow` for a path that accepts these methods. */
export function formatAllow(methods: readonly string[]): string {
  const all = new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))
  return [...all, 'OPTIONS'].join(', ')
}

/** Returns the response to OPTIONS. */
export const optionsReply = (allow: string, headers: HeadersInit = {}): Response =>
  new Response(null, { status: 204, headers: { ...Object.fromEntries(new Headers(headers)), Allow: allow } })

/**
 * Adds responses for the methods that a path doesn't accept: 204 for OPTIONS and 405 for the others, both with `Allow`.
 * Call it after all routes are added.
 */
export function answerOtherMethods(app: Hono<{ Bindings: Env }>): void {
  const methods = new Map<string, Set<string>>()
  for (const { method, path } of app.routes) {
    const known = methods.get(path) ?? new Set()
    if (method !== 'ALL') methods.set(path, known.add(method))
  }
  for (const [path, given] of methods) {
    if (path === '*' || path === '/*') continue
    const allowed = formatAllow([...given].filter((method) => method !== 'OPTIONS'))
    app.all(path, (c) => {
      if (c.req.method === 'OPTIONS') return optionsReply(allowed)
      throw new PerSQLError('method_not_allowed', { path: c.req.path, method: c.req.method, allowed })
    })
  }
}

/** Adds `Vary: Origin`: the response depends on the calling page, so a cache must not reuse it for another origin. */
export function varyByOrigin(response: Response): Response {
  if (response.webSocket) return response
  try {
    if (!/\borigin\b/i.test(response.headers.get('Vary') ?? '')) response.headers.append('Vary', 'Origin')
    return response
  } catch {
    // Some responses have immutable headers, for example redirects.
    return varyByOrigin(new Response(response.body, response))
  }
}
