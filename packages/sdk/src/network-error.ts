import { PerSQLError } from './errors.ts'

/** A kind of network failure. Node and Bun identify it by code, Deno by message. */
interface Kind {
  pattern: RegExp
  code: string
  problem: string
  advice?: string
  /** The connection was open before it failed. */
  wasOpen?: true
}

const CHECK_URL = 'Check the server URL.'

const kinds: readonly Kind[] = [
  { pattern: /^EAI_|Temporary failure in name/, code: 'network', problem: 'DNS lookup failed' },
  {
    pattern: /^ENOTFOUND$|^dns error| dns error: /,
    code: 'host_not_found',
    problem: 'hostname not found',
    advice: CHECK_URL,
  },
  {
    pattern: /^CERT_HAS_EXPIRED$|certificate: (C|c)?(ertificate )?[Ee]xpired/,
    code: 'tls_failed',
    problem: 'the TLS certificate has expired',
  },
  {
    pattern: /^ERR_TLS_CERT_ALTNAME_INVALID$|certificate: (certificate )?not valid for name|NotValidForName/,
    code: 'tls_failed',
    problem: 'the TLS certificate is for another hostname',
    advice: CHECK_URL,
  },
  {
    pattern: /SELF_SIGNED_CERT|^UNABLE_TO_|^CERT_|^ERR_TLS_|invalid peer certificate/,
    code: 'tls_failed',
    problem: 'the TLS certificate is not trusted',
    advice: 'Trust its issuer (in Node: NODE_EXTRA_CA_CERTS), or use a certificate of a public CA.',
  },
  {
    pattern: /^ERR_SSL_|^EPROTO$|received corrupt message|received fatal alert/,
    code: 'tls_failed',
    problem: 'the TLS handshake failed',
    advice: 'Check that the server accepts https on this port.',
  },
  {
    pattern: /^ERR_INVALID_URL$|^unknown scheme$|^Url scheme |^Invalid URL/,
    code: 'invalid_url',
    problem: 'invalid URL',
    advice: 'Expected http(s)://….',
  },
  {
    pattern: /^ECONNREFUSED$|onnection refused/,
    code: 'network',
    problem: 'connection refused',
    advice: 'Check that the server is running.',
  },
  { pattern: /^E(HOST|NET)(UNREACH|DOWN)$| is unreachable/i, code: 'network', problem: 'host unreachable' },
  { pattern: /^ETIMEDOUT$|^UND_ERR_CONNECT_TIMEOUT$|timed out/, code: 'network', problem: 'connection timed out' },
  { pattern: /^ECONNRESET$|reset by peer/, code: 'network', problem: 'connection reset', wasOpen: true },
  {
    pattern: /^EPIPE$|^UND_ERR_SOCKET$|closed before|reading a body|onnection lost/,
    code: 'network',
    problem: 'connection closed',
    wasOpen: true,
  },
  {
    pattern: /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/,
    code: 'network',
    problem: 'response timed out',
    wasOpen: true,
  },
  {
    pattern: /^HPE_|^Malformed_HTTP|invalid HTTP|not match the HTTP/,
    code: 'network',
    problem: 'the response is not HTTP',
    advice: 'Check the port.',
    wasOpen: true,
  },
]

/** Converts a failure of `fetch` to an error that names the host and port. */
export function networkError(cause: unknown, url: string): PerSQLError {
  const chain = listCauses(cause)
  const names = chain.flatMap(({ code, message }) => [code, message].filter((name) => typeof name === 'string'))
  const kind = kinds.find(({ pattern }) => names.some((name) => pattern.test(name)))
  const { code, problem, advice, wasOpen } = kind ?? { code: 'network', problem: names.at(-1) ?? String(cause) }
  const reason = kind && chain.find((one) => typeof one.code === 'string')?.code
  const what = `${problem}${reason ? ` (${reason})` : ''}`.replace(/\.$/, '')
  const message = `${wasOpen ? 'No response from' : "Can't connect to"} ${getHost(url)}: ${what}.${advice ? ` ${advice}` : ''}`
  return new PerSQLError({ status: 0, code, message, cause })
}

/** Returns the error and its causes. */
function listCauses(error: unknown): { code?: unknown; message?: unknown }[] {
  const chain: { code?: unknown; message?: unknown; cause?: unknown }[] = []
  for (let one = error; one instanceof Object && chain.length < 5; one = (one as Error).cause) chain.push(one)
  return chain
}

/** Returns the host of a URL, with its port unless it is the default. */
function getHost(url: string): string {
  const base = (globalThis as { location?: { href?: string } }).location?.href
  return (URL.canParse(url, base) && new URL(url, base).host) || `"${url}"`
}
