import { existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import * as z from 'zod'
import { parseRange } from '../../platform/src/ip-address.ts'

const slug = /^[a-z][a-z0-9-]{0,62}$/
const hostname = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i
const maxWelcomeCreditUsd = 1_000_000
const minSecretLength = 16

/** Where the operator's settings come from, each under the name it has in the environment. */
const Settings = z.object({
  PORT: setting('8787', 'a whole number from 0 to 65535', (text) => wholeNumber(text, 0, 65_535)),
  HOST: setting('127.0.0.1', 'an IP address or a host name', (text) =>
    isIP(text) > 0 || hostname.test(text) ? text : undefined,
  ),
  PERSQL_DATA: setting('./data', 'a folder', (text) => resolve(text)),
  PERSQL_URL: setting(
    undefined,
    'an http or https URL without a path, query, fragment or credentials, such as https://sql.example.com',
    originUrl,
  ),
  PERSQL_BOOTSTRAP: setting('acme/main', '"off" or <namespace>/<database>, each like "acme" or "my-db"', bootstrap),
  PERSQL_WELCOME_CREDIT_USD: setting('5', 'an amount such as 5 or 0.25, up to a million', usd),
  PERSQL_SECRET: setting(undefined, `at least ${minSecretLength} letters, digits or any of . _ ~ + / = -`, (text) =>
    /^[\w.~+/=-]+$/.test(text) && text.length >= minSecretLength ? text : undefined,
  ),
  FLOOD_PER_MINUTE: setting('60000', 'a whole number from 1', (text) => wholeNumber(text, 1, 1e9)),
  TRUSTED_PROXIES: setting(
    '',
    'a list of IP addresses and CIDR ranges such as 10.0.0.0/8, fd00::/8, 192.0.2.7',
    proxies,
  ),
  PERSQL_SIGNUP: setting('open', '"open", "invite" or "off"', oneOf('open', 'invite', 'off')),
  PERSQL_DEV: setting(undefined, '1, or unset', oneOf('1')),
  STRIPE_SECRET_KEY: setting(undefined, 'a key such as sk_live_…', secretText),
  STRIPE_WEBHOOK_SECRET: setting(undefined, 'a signing secret such as whsec_…', secretText),
  STRIPE_API_URL: setting(undefined, 'an http or https URL', baseUrl),
  SMTP_URL: setting(undefined, 'a URL such as smtps://user:password@mail.example.com:465', smtpUrl),
  RESEND_API_KEY: setting(undefined, 'a key such as re_…', secretText),
  RESEND_API_URL: setting(undefined, 'an http or https URL', baseUrl),
  MAIL_FROM: setting(undefined, 'an address such as PerSQL <mail@example.com>', (text) =>
    /^[^<>@\r\n]*<?[^\s<>@]+@[^\s<>@]+>?$/.test(text) ? text : undefined,
  ),
  AI_BASE_URL: setting(undefined, 'a URL such as https://api.openai.com/v1', baseUrl),
  AI_API_KEY: setting(undefined, 'a key', secretText),
  AI_MODEL: setting(undefined, 'the name of a model', secretText),
  TURNSTILE_SECRET_KEY: setting(undefined, 'a secret key of Cloudflare Turnstile', secretText),
  TURNSTILE_URL: setting(undefined, 'an http or https URL', baseUrl),
  DNS_RESOLVER_URL: setting(undefined, 'an http or https URL of DNS over HTTPS in JSON', baseUrl),
  CLOUDFLARE_API_TOKEN: setting(undefined, 'an API token', secretText),
  CLOUDFLARE_ZONE_ID: setting(undefined, 'the 32 hexadecimal digits of a zone', (text) =>
    /^[0-9a-f]{32}$/.test(text) ? text : undefined,
  ),
  CLOUDFLARE_API_URL: setting(undefined, 'an http or https URL', baseUrl),
  GITHUB_CLIENT_ID: setting(undefined, 'a client id', secretText),
  GITHUB_CLIENT_SECRET: setting(undefined, 'a client secret', secretText),
  GOOGLE_CLIENT_ID: setting(undefined, 'a client id', secretText),
  GOOGLE_CLIENT_SECRET: setting(undefined, 'a client secret', secretText),
  NODE_EXTRA_CA_CERTS: setting(undefined, 'a file with certificates in PEM', (text) =>
    existsSync(text) ? resolve(text) : undefined,
  ),
  QUERY_TIMEOUT_S: setting('30', 'a whole number of seconds from 1', (text) => wholeNumber(text, 1, 86_400)),
  BODY_TIMEOUT_S: setting('30', 'a whole number of seconds from 1', (text) => wholeNumber(text, 1, 86_400)),
  IMPORT_MAX_MB: setting('1024', 'a whole number of megabytes from 1', (text) => wholeNumber(text, 1, 1_000_000)),
})

/** What the operator set, or left to its default. */
export type Settings = z.output<typeof Settings>

/** Every setting that is wrong, one sentence each. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/** Reads the settings; an empty variable counts as unset. Throws a `SettingsError`. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()))
  const result = Settings.safeParse(given)
  if (result.success) {
    const missing = missingBeside(result.data)
    if (missing.length > 0) throw new SettingsError(missing.join('\n'))
    return result.data
  }
  throw new SettingsError(result.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('\n'))
}

/** Settings that others need beside them. */
function missingBeside(settings: Settings): string[] {
  const mail = settings.SMTP_URL ?? settings.RESEND_API_KEY
  const pairs = [
    ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET'],
    ['AI_BASE_URL', 'AI_MODEL'],
    ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_ZONE_ID'],
    ['GITHUB_CLIENT_ID', 'GITHUB_CLIENT_SECRET'],
    ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'],
  ] as const
  return [
    ...(mail && !settings.MAIL_FROM ? ['MAIL_FROM must be set: the address that mail comes from.'] : []),
    ...(mail && !settings.PERSQL_URL ? ['PERSQL_URL must be set: links in mail start with it.'] : []),
    ...pairs.flatMap(([one, other]) => {
      if ((settings[one] === undefined) === (settings[other] === undefined)) return []
      return [`${settings[one] ? other : one} must be set: it goes with ${settings[one] ? one : other}.`]
    }),
  ]
}

/** Secret values stay out of the sentence: it may end up in a log. */
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
    }) as never
}

function oneOf<const T extends string>(...values: T[]): (text: string) => T | undefined {
  return (text) => values.find((value) => value === text)
}

function wholeNumber(text: string, min: number, max: number): number | undefined {
  const value = Number(text)
  return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined
}

/** A key or secret: printable, without spaces. */
function secretText(text: string): string | undefined {
  return /^[\x21-\x7e]+$/.test(text) ? text : undefined
}

function smtpUrl(text: string): string | undefined {
  return URL.canParse(text) && ['smtp:', 'smtps:'].includes(new URL(text).protocol) && new URL(text).hostname
    ? text
    : undefined
}

/** Kept as text, to the nano-dollar. */
function usd(text: string): string | undefined {
  return /^\d+(\.\d{1,9})?$/.test(text) && Number(text) <= maxWelcomeCreditUsd ? text : undefined
}

function baseUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { protocol, origin, pathname, search, hash, username, password } = new URL(text)
  if (!['http:', 'https:'].includes(protocol) || search || hash || username || password) return undefined
  return origin + pathname.replace(/\/+$/, '')
}

/** The instance's own URL: cookies, OAuth metadata and links all start at its root. */
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
