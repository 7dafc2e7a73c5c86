import type { Env } from './env.ts'
import { type AddressRange, parseRange } from './ip-address.ts'
import { nanoOf } from './money.ts'

/** Settings with their meaning. */
export interface Settings {
  /** `workerd`: one machine behind nothing or a proxy of one's own. `cloudflare`: their edge sets the client's address. */
  readonly runtime: 'workerd' | 'cloudflare'
  /** Public base URL, when it is not what requests are addressed to. */
  readonly url: string | undefined
  /** The host of that URL, without its port, and its origin. */
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly welcomeCreditNano: number
  readonly floodPerMinute: number
  /** Whose word about a client's address is believed. */
  readonly trustedProxies: readonly AddressRange[]
  readonly queryTimeoutMs: number
  /** How long a copy, a merge or an import may be written: less than the runtime's 30 s. */
  readonly transactionTimeoutMs: number
  /** How long a request body can be silent before the call is refused. */
  readonly bodyTimeoutMs: number
  /** How large a file may be that is sent as the body of an import. */
  readonly importMaxBytes: number
  /** Who may make an account: anyone, whoever was invited, or nobody. */
  readonly signup: 'open' | 'invite' | 'off'
  /** Opens the doors that only development and tests need: `/api/dev/*`. */
  readonly dev: boolean
}

const parsed = new WeakMap<Env, Settings>()

/** @throws Error when a value is not what it should be: the Worker then refuses to serve rather than guess */
export function settingsOf(env: Env): Settings {
  let settings = parsed.get(env)
  if (!settings) {
    const url = publicUrl(env.PERSQL_URL)
    settings = Object.freeze({
      runtime: env.PERSQL_RUNTIME === 'workerd' ? 'workerd' : 'cloudflare',
      url,
      host: url && new URL(url).hostname,
      origin: url && new URL(url).origin,
      welcomeCreditNano: nanoOf(env.PERSQL_WELCOME_CREDIT_USD ?? '5'),
      floodPerMinute: number('FLOOD_PER_MINUTE', env.FLOOD_PER_MINUTE, 60_000),
      trustedProxies: (env.TRUSTED_PROXIES ?? '')
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean)
        .map(proxyRange),
      queryTimeoutMs: number('QUERY_TIMEOUT_S', env.QUERY_TIMEOUT_S, 30) * 1000,
      transactionTimeoutMs: number('TRANSACTION_TIMEOUT_S', env.TRANSACTION_TIMEOUT_S, 25) * 1000,
      bodyTimeoutMs: number('BODY_TIMEOUT_S', env.BODY_TIMEOUT_S, 30) * 1000,
      importMaxBytes: number('IMPORT_MAX_MB', env.IMPORT_MAX_MB, 1_024) * 1024 * 1024,
      signup: signup(env.PERSQL_SIGNUP ?? 'open'),
      dev: env.PERSQL_DEV === '1',
    })
    parsed.set(env, settings)
  }
  return settings
}

function publicUrl(text: string | undefined): string | undefined {
  const url = text?.replace(/\/+$/, '') || undefined
  if (url === undefined || (/^https?:/.test(url) && URL.canParse(url) && new URL(url).origin === url)) return url
  throw new Error('PERSQL_URL must be an http or https URL without a path, query, fragment or credentials.')
}

function proxyRange(text: string): AddressRange {
  const range = parseRange(text)
  if (!range) throw new Error(`TRUSTED_PROXIES must be a list of IP addresses and CIDR ranges, but contains "${text}".`)
  return range
}

function signup(text: string): Settings['signup'] {
  if (text === 'open' || text === 'invite' || text === 'off') return text
  throw new Error(`PERSQL_SIGNUP must be open, invite or off, not "${text}".`)
}

function number(name: string, text: string | undefined, fallback: number): number {
  const value = text ? Number(text) : fallback
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${name} must be a positive number, not "${text}".`)
  return value
}
