import { parseQuota, type QuotaLimits, quotaNames, quotas, toQuotaSetting } from '@persql/contract'
import type { Env } from './env.ts'
import { type AddressRange, parseRange } from './ip-address.ts'
import type { LogFormat } from './log-text.ts'
import { parseUsdNano } from './money.ts'
import type { TracingSettings } from './tracing/tracing-settings.ts'

/** The parsed settings of the instance. */
export interface Settings {
  /**
   * `workerd`: a single machine, with or without the operator's own proxy. `cloudflare`: the edge sets the client's IP
   * address.
   */
  readonly runtime: 'workerd' | 'cloudflare'
  /** The public base URL, if it differs from the URL of incoming requests. */
  readonly url: string | undefined
  /** The hostname of `url`, without its port, and its origin. */
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly welcomeCreditNano: number
  /** Whether the welcome credit is given once per person, or to every namespace. */
  readonly welcomeCredit: 'person' | 'namespace'
  /** The number of namespaces that one account can found. */
  readonly maxNamespaces: number
  /** The limits of namespaces for which the operator set no others. */
  readonly quotas: QuotaLimits
  readonly floodPerMinute: number
  /** Proxies whose statements about a client's IP address are trusted. */
  readonly trustedProxies: readonly AddressRange[]
  readonly queryTimeoutMs: number
  /** The time limit for the transaction of a copy, a merge or an import: less than the runtime's 30 s. */
  readonly transactionTimeoutMs: number
  /** The time without new data after which a request body times out. */
  readonly bodyTimeoutMs: number
  /** The maximum size of a file that is sent as the body of an import. */
  readonly importMaxBytes: number
  /** Who can create an account: anyone, only invited people, or no one. */
  readonly signup: 'open' | 'invite' | 'off'
  /** Where traces are sent. `undefined`: nothing is recorded. */
  readonly tracing: TracingSettings | undefined
  /** The format of the request log. */
  readonly logFormat: LogFormat
  /** Where the console installs client packages from: this instance, or the npm registry. */
  readonly packages: 'self' | 'npm'
  /** The times in milliseconds until which long writes are refused, by namespace: `engine/write-suspension.ts`. */
  readonly longWritesRefused: ReadonlyMap<string, number>
  /** Enables the routes for development and tests, `/api/dev/*`. */
  readonly dev: boolean
}

const parsed = new WeakMap<Env, Settings>()

/** Returns the parsed settings. @throws Error for an invalid value, so that the Worker doesn't serve with a guess */
export function getSettings(env: Env): Settings {
  let settings = parsed.get(env)
  if (!settings) {
    const url = publicUrl(env.PERSQL_URL)
    settings = Object.freeze({
      runtime: env.PERSQL_RUNTIME === 'workerd' ? 'workerd' : 'cloudflare',
      url,
      host: url && new URL(url).hostname,
      origin: url && new URL(url).origin,
      welcomeCreditNano: parseUsdNano(env.PERSQL_WELCOME_CREDIT_USD ?? '5'),
      welcomeCredit: welcomeCredit(env.PERSQL_WELCOME_CREDIT ?? 'person'),
      maxNamespaces: Math.ceil(number('PERSQL_MAX_NAMESPACES', env.PERSQL_MAX_NAMESPACES, 10)),
      quotas: quotaLimits(env),
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
      tracing: tracingSettings(env),
      logFormat: logFormat(env.LOG_FORMAT ?? 'json'),
      packages: packageSource(env.PERSQL_PACKAGES ?? 'self'),
      longWritesRefused: refusedLongWrites(env),
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

function refusedLongWrites({ PERSQL_LONG_WRITES_REFUSED: text }: Env): Settings['longWritesRefused'] {
  return new Map(Object.entries<number>(JSON.parse(text || '{}')))
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

function tracingSettings(env: Env): TracingSettings | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers } = env
  if (!endpoint) return undefined
  const ratio = Number(env.OTEL_TRACES_SAMPLER_ARG || 1)
  if (!(ratio >= 0 && ratio <= 1)) throw new Error('OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1.')
  // Unset settings are `null` on a single machine.
  const pairs = (headers ?? '').split(',').flatMap((pair) => {
    const at = pair.indexOf('=')
    return at > 0 ? [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())] as const] : []
  })
  return {
    endpoint: endpoint.replace(/\/+$/, ''),
    headers: Object.fromEntries(pairs),
    service: env.OTEL_SERVICE_NAME || 'persql',
    ratio,
  }
}

function logFormat(text: string): LogFormat {
  if (text === 'json' || text === 'text' || text === 'color') return text
  throw new Error(`LOG_FORMAT must be json or text, not "${text}".`)
}

function packageSource(text: string): Settings['packages'] {
  if (text === 'self' || text === 'npm') return text
  throw new Error(`PERSQL_PACKAGES must be self or npm, not "${text}".`)
}

function welcomeCredit(text: string): Settings['welcomeCredit'] {
  if (text === 'person' || text === 'namespace') return text
  throw new Error(`PERSQL_WELCOME_CREDIT must be person or namespace, not "${text}".`)
}

function quotaLimits(env: Env): QuotaLimits {
  const limits = quotaNames.map((name) => {
    const text = env[toQuotaSetting(name)]
    const limit = text ? parseQuota(name, text) : quotas[name].preset
    if (limit === undefined) throw new Error(`${toQuotaSetting(name)} must be a whole number, not "${text}".`)
    return [name, limit]
  })
  return Object.freeze(Object.fromEntries(limits) as QuotaLimits)
}

function number(name: string, text: string | undefined, fallback: number): number {
  const value = text ? Number(text) : fallback
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${name} must be a positive number, not "${text}".`)
  return value
}
