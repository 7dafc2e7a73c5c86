import { existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import * as z from 'zod'
import { parseQuota, type QuotaName, quotas } from '../../../packages/contract/src/quota-limits.ts'
import { parseRange } from '../../platform/src/ip-address.ts'
import { parseKeep } from './backup/retention/retention.ts'
import { parseInterval } from './backup/schedule/durations.ts'
import { parseTarget } from './backup/stores/target.ts'

const slug = /^[a-z][a-z0-9-]{0,62}$/
const hostname = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i
const maxWelcomeCreditUsd = 1_000_000
const minSecretLength = 16
const maxCells = 64

/** The operator's settings, by the name of the environment variable. */
const Settings = z.object({
  PORT: setting('8787', 'an integer from 0 to 65535', (text) => wholeNumber(text, 0, 65_535)),
  HOST: setting('127.0.0.1', 'an IP address or hostname', (text) =>
    isIP(text) > 0 || hostname.test(text) ? text : undefined,
  ),
  PERSQL_DATA: setting('./data', 'a folder path', (text) => resolve(text)),
  PERSQL_URL: setting(
    undefined,
    'an http or https URL without a path, query, fragment or credentials, such as https://sql.example.com',
    originUrl,
  ),
  PERSQL_BOOTSTRAP: setting('acme/main', '"off" or <namespace>/<database>, each like "acme" or "my-db"', bootstrap),
  PERSQL_WELCOME_CREDIT_USD: setting('5', 'an amount in US dollars such as 5 or 0.25, up to 1,000,000', usd),
  PERSQL_WELCOME_CREDIT: setting('person', '"person" or "namespace"', choice('person', 'namespace')),
  PERSQL_MAX_NAMESPACES: setting('10', 'a positive integer', (text) => wholeNumber(text, 1, 1e6)),
  PERSQL_QUOTA_DATABASES: setting(...quota('databases')),
  PERSQL_QUOTA_NAMESPACE_BYTES: setting(...quota('namespace_bytes')),
  PERSQL_QUOTA_DATABASE_BYTES: setting(...quota('database_bytes')),
  PERSQL_QUOTA_SNAPSHOTS: setting(...quota('snapshots')),
  PERSQL_QUOTA_SUBSCRIPTIONS: setting(...quota('subscriptions')),
  PERSQL_QUOTA_REPLAY_BYTES: setting(...quota('replay_bytes')),
  PERSQL_QUOTA_EXPORTS: setting(...quota('exports')),
  PERSQL_QUOTA_IMPORTS: setting(...quota('imports')),
  PERSQL_SECRET: setting(
    undefined,
    `at least ${minSecretLength} characters: letters, digits or . _ ~ + / = -`,
    (text) => (/^[\w.~+/=-]+$/.test(text) && text.length >= minSecretLength ? text : undefined),
  ),
  FLOOD_PER_MINUTE: setting('60000', 'a positive integer', (text) => wholeNumber(text, 1, 1e9)),
  TRUSTED_PROXIES: setting(
    '',
    'a comma-separated list of IP addresses or CIDR ranges, such as 10.0.0.0/8, fd00::/8, 192.0.2.7',
    proxies,
  ),
  PERSQL_SIGNUP: setting('open', '"open", "invite" or "off"', choice('open', 'invite', 'off')),
  PERSQL_PACKAGES: setting('self', '"self" or "npm"', choice('self', 'npm')),
  LOG_FORMAT: setting(undefined, '"json" or "text"', choice('json', 'text')),
  PERSQL_DEV: setting(undefined, '1 or unset', choice('1')),
  OTEL_EXPORTER_OTLP_ENDPOINT: setting(undefined, 'an http or https URL such as http://127.0.0.1:4318', baseUrl),
  OTEL_EXPORTER_OTLP_HEADERS: setting(undefined, 'a list of headers such as name=value,other=value', otlpHeaders),
  OTEL_SERVICE_NAME: setting('persql', 'a name', (text) => text || undefined),
  OTEL_TRACES_SAMPLER_ARG: setting('1', 'a number from 0 to 1', (text) =>
    /^(0|1|0?\.\d+|[01]\.0*)$/.test(text) ? text : undefined,
  ),
  STRIPE_SECRET_KEY: setting(undefined, 'a key such as sk_live_…', secretText),
  STRIPE_WEBHOOK_SECRET: setting(undefined, 'a signing secret such as whsec_…', secretText),
  STRIPE_API_URL: setting(undefined, 'an http or https URL', baseUrl),
  SMTP_URL: setting(undefined, 'a URL such as smtps://user:password@mail.example.com:465', smtpUrl),
  RESEND_API_KEY: setting(undefined, 'an API key such as re_…', secretText),
  RESEND_API_URL: setting(undefined, 'an http or https URL', baseUrl),
  MAIL_FROM: setting(undefined, 'a sender address such as PerSQL <mail@example.com>', (text) =>
    /^[^<>@\r\n]*<?[^\s<>@]+@[^\s<>@]+>?$/.test(text) ? text : undefined,
  ),
  AI_BASE_URL: setting(undefined, 'a URL such as https://api.openai.com/v1', baseUrl),
  AI_API_KEY: setting(undefined, 'an API key', secretText),
  AI_MODEL: setting(undefined, 'a model name', secretText),
  TURNSTILE_SECRET_KEY: setting(undefined, 'a Cloudflare Turnstile secret key', secretText),
  TURNSTILE_URL: setting(undefined, 'an http or https URL', baseUrl),
  DNS_RESOLVER_URL: setting(undefined, 'an http or https URL of a DNS-over-HTTPS resolver with a JSON API', baseUrl),
  CLOUDFLARE_API_TOKEN: setting(undefined, 'an API token', secretText),
  CLOUDFLARE_ZONE_ID: setting(undefined, 'a 32-digit hexadecimal zone ID', (text) =>
    /^[0-9a-f]{32}$/.test(text) ? text : undefined,
  ),
  CLOUDFLARE_API_URL: setting(undefined, 'an http or https URL', baseUrl),
  GITHUB_CLIENT_ID: setting(undefined, 'a client ID', secretText),
  GITHUB_CLIENT_SECRET: setting(undefined, 'a client secret', secretText),
  GOOGLE_CLIENT_ID: setting(undefined, 'a client ID', secretText),
  GOOGLE_CLIENT_SECRET: setting(undefined, 'a client secret', secretText),
  NODE_EXTRA_CA_CERTS: setting(undefined, 'an existing file of PEM certificates', (text) =>
    existsSync(text) ? resolve(text) : undefined,
  ),
  QUERY_TIMEOUT_S: setting('30', 'a positive number of whole seconds', (text) => wholeNumber(text, 1, 86_400)),
  PERSQL_CELLS: setting('1', `a whole number from 1 to ${maxCells}`, (text) => wholeNumber(text, 1, maxCells)),
  PERSQL_READERS: setting(undefined, 'a whole number from 0 to 64', (text) => wholeNumber(text, 0, 64)),
  PERSQL_DISK_RESERVE_MB: setting(undefined, 'a whole number of megabytes', (text) => wholeNumber(text, 0, 1e9)),
  PERSQL_BACKUP: setting(undefined, 'the path of a folder, or s3://bucket/prefix', parseTarget),
  PERSQL_BACKUP_EVERY: setting('1m', 'a number with s, m, h or d, such as 1m, up to 24d', checked(parseInterval)),
  PERSQL_BACKUP_KEEP: setting('24h,7d,4w', 'hours, days and weeks, such as 24h,7d,4w', checked(parseKeep)),
  PERSQL_BACKUP_PASSPHRASE_FILE: setting(undefined, 'an existing file with a passphrase', (text) =>
    existsSync(text) ? resolve(text) : undefined,
  ),
  BODY_TIMEOUT_S: setting('30', 'a positive number of whole seconds', (text) => wholeNumber(text, 1, 86_400)),
  IMPORT_MAX_MB: setting('1024', 'a positive number of whole megabytes', (text) => wholeNumber(text, 1, 1_000_000)),
})

/** The settings with their defaults. */
export type Settings = z.output<typeof Settings> & {
  /** The number of reader processes of each cell. */
  readonly PERSQL_READERS: number
}

/** Thrown for invalid settings, with one sentence per setting. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/** Reads the settings; an empty variable counts as unset. @throws SettingsError */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()))
  const result = Settings.safeParse(given)
  if (result.success) {
    const problems = [...missingBeside(result.data), ...problemsOfCells(result.data)]
    if (problems.length > 0) throw new SettingsError(problems.join('\n'))
    return { ...result.data, PERSQL_READERS: result.data.PERSQL_READERS ?? defaultReaders(result.data.PERSQL_CELLS) }
  }
  throw new SettingsError(result.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('\n'))
}

/** A setting for the documentation. */
interface SettingInfo {
  readonly name: string
  /** The value of an unset variable, if it is always the same. */
  readonly preset: string | undefined
  /** The accepted values, such as `a folder path`. */
  readonly what: string
}

/** Lists all settings in the order of their declaration. */
export const listSettings = (): SettingInfo[] =>
  Object.entries(Settings.shape).map(([name, schema]) => ({ name, ...(schema.meta() as Omit<SettingInfo, 'name'>) }))

/** Returns the default number of readers: cells share the cores. Windows can't delete files that a reader has open. */
function defaultReaders(cells: number): number {
  if (process.platform === 'win32') return 0
  return Math.min(64, Math.max(2, Math.ceil(availableParallelism() / cells)))
}

function problemsOfCells({ PERSQL_CELLS: cells, PORT }: z.output<typeof Settings>): string[] {
  if (cells === 1) return []
  const last = PORT + cells - 1
  return [
    ...(process.platform === 'win32' ? ['PERSQL_CELLS must be 1 on Windows: cells need Unix sockets.'] : []),
    ...(PORT > 0 && last > 65_535
      ? [`PORT must be at most ${65_536 - cells}: each of the ${cells} cells has a port.`]
      : []),
  ]
}

/** Returns a sentence for each setting that another setting requires. */
function missingBeside(settings: z.output<typeof Settings>): string[] {
  const mail = settings.SMTP_URL ?? settings.RESEND_API_KEY
  const pairs = [
    ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET'],
    ['AI_BASE_URL', 'AI_MODEL'],
    ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_ZONE_ID'],
    ['GITHUB_CLIENT_ID', 'GITHUB_CLIENT_SECRET'],
    ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'],
  ] as const
  return [
    ...(mail && !settings.MAIL_FROM ? ['MAIL_FROM is required: it is the sender address of emails.'] : []),
    ...(mail && !settings.PERSQL_URL ? ['PERSQL_URL is required: emails contain links to it.'] : []),
    ...pairs.flatMap(([one, other]) => {
      if ((settings[one] === undefined) === (settings[other] === undefined)) return []
      return [`${settings[one] ? other : one} is required when ${settings[one] ? one : other} is set.`]
    }),
  ]
}

/** Parses one setting. The message never contains the value, because it may be a secret and end up in a log. */
function setting<T, const D extends string | undefined>(
  preset: D,
  what: string,
  parse: (text: string) => T | undefined,
): z.ZodType<D extends string ? T : T | undefined> {
  return z
    .string()
    .optional()
    .transform((text = preset, context) => {
      if (text === undefined) return undefined
      const value = parse(text.trim())
      if (value === undefined) context.addIssue({ code: 'custom', message: `must be ${what}.` })
      return value
    })
    .meta({ preset, what }) as never
}

/** Returns the arguments of the setting for a quota: its limit in namespaces for which the operator set no other. */
function quota(name: QuotaName): [string, string, (text: string) => number | undefined] {
  const what = quotas[name].unit === 'bytes' ? 'a size such as 10 GB or 500 MB' : 'a whole number'
  return [String(quotas[name].preset), what, (text) => parseQuota(name, text)]
}

function choice<const T extends string>(...values: T[]): (text: string) => T | undefined {
  return (text) => values.find((value) => value === text)
}

function wholeNumber(text: string, min: number, max: number): number | undefined {
  const value = Number(text)
  return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined
}

/** Accepts a text that `parse` reads. */
function checked(parse: (text: string) => unknown): (text: string) => string | undefined {
  return (text) => {
    try {
      parse(text)
      return text
    } catch {
      return undefined
    }
  }
}

/** Accepts a key or secret: printable characters without spaces. */
function secretText(text: string): string | undefined {
  return /^[\x21-\x7e]+$/.test(text) ? text : undefined
}

function smtpUrl(text: string): string | undefined {
  return URL.canParse(text) && ['smtp:', 'smtps:'].includes(new URL(text).protocol) && new URL(text).hostname
    ? text
    : undefined
}

/** Accepts an amount as text, exact to the nano-dollar. */
function usd(text: string): string | undefined {
  return /^\d+(\.\d{1,9})?$/.test(text) && Number(text) <= maxWelcomeCreditUsd ? text : undefined
}

/** Accepts headers with percent-encoded values. */
function otlpHeaders(text: string): string | undefined {
  return /^[\w-]+=(?:[!-$&-+.-~]|%[\da-f]{2})*(?:,[\w-]+=(?:[!-$&-+.-~]|%[\da-f]{2})*)*$/i.test(text) ? text : undefined
}

function baseUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { protocol, origin, pathname, search, hash, username, password } = new URL(text)
  if (!['http:', 'https:'].includes(protocol) || search || hash || username || password) return undefined
  return origin + pathname.replace(/\/+$/, '')
}

/** Accepts the URL of the instance. Cookies, OAuth metadata and links start at its root. */
function originUrl(text: string): string | undefined {
  const url = baseUrl(text)
  return url !== undefined && url === new URL(url).origin && !/[?#@]/.test(text) ? url : undefined
}

function bootstrap(text: string): { namespace: string; database: string } | 'off' | undefined {
  if (text === 'off') return 'off'
  const [namespace = '', database = '', ...rest] = text.split('/')
  return slug.test(namespace) && slug.test(database) && rest.length === 0 ? { namespace, database } : undefined
}

function proxies(text: string): string | undefined {
  const list = text.split(',').map((entry) => entry.trim())
  return text === '' || list.every((entry) => parseRange(entry)) ? list.join(',') : undefined
}
