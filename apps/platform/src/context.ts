import type { Role } from '@persql/contract'
import type { Env } from './env.ts'
import type { Audience } from './oauth/server.ts'
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

/**
 * The client's address. On Cloudflare the edge sets it; on one machine it is the peer's, or, behind a proxy of one's
 * own, the last address in `X-Forwarded-For` that is not such a proxy.
 */
export function clientAddress(request: Request, settings: Settings): string {
  if (settings.runtime === 'cloudflare') return request.headers.get('CF-Connecting-IP') ?? 'unknown'
  const peer = hostOf((request.cf as { clientIp?: string } | undefined)?.clientIp ?? 'unknown')
  const proxies = settings.trustedProxies
  if (proxies.length === 0 || !trusted(peer, proxies)) return peer
  const hops = (request.headers.get('X-Forwarded-For') ?? '')
    .split(',')
    .map((hop) => hop.trim())
    .filter(Boolean)
  return hops.findLast((hop) => !trusted(hop, proxies)) ?? peer
}

/** `127.0.0.1:47408` and `[::1]:47408` without the port. */
function hostOf(address: string): string {
  return address.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^([^:]*):\d+$/, '$1')
}

/** Whether an address is one of, or in the IPv4 range of one of, the proxies. */
function trusted(address: string, proxies: readonly string[]): boolean {
  return proxies.some((proxy) => {
    const [network = '', bits] = proxy.split('/')
    if (bits === undefined) return address === proxy
    const [a, b] = [ipv4(address), ipv4(network)]
    if (a === undefined || b === undefined) return false
    const size = 2 ** (32 - Number(bits))
    return Math.floor(a / size) === Math.floor(b / size)
  })
}

function ipv4(text: string): number | undefined {
  const parts = text.split('.').map(Number)
  const valid = parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255)
  return valid ? parts.reduce((sum, part) => sum * 256 + part, 0) : undefined
}
