/**
 * Returns why deliveries to this URL are not allowed, or `undefined` if they are. The connecting side resolves names.
 */
export function urlProblem(text: string, allowLoopback: boolean): string | undefined {
  const url = URL.parse(text)
  if (!url) return 'not a valid URL'
  if (url.username || url.password) return 'it contains a password'
  if (allowLoopback && isLoopback(url)) return undefined
  if (url.protocol !== 'https:') return "it isn't https"
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  const literal = ipv4(host) ?? ipv6(host)
  if (literal) return isPublic(literal) ? undefined : "the IP address isn't public"
  if (!host.includes('.') || PRIVATE_NAMES.test(host)) return "the host isn't public"
  return undefined
}

/** Returns whether a URL points to this machine, which settings can allow for development and tests. */
export const isLoopback = (url: URL): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)

const PRIVATE_NAMES = /(^|\.)(localhost|local|internal|intranet|lan|home|corp|home\.arpa|onion|test|invalid)$/i

/** Returns the bytes of an IPv4 address; `URL` normalizes all spellings to one. */
function ipv4(host: string): number[] | undefined {
  return /^\d+(\.\d+){3}$/.test(host) ? host.split('.').map(Number) : undefined
}

/** Returns the bytes of an IPv6 address. */
function ipv6(host: string): number[] | undefined {
  if (!host.includes(':')) return undefined
  const [head = '', tail] = host.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => 0)
  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 255])
}

type Range = readonly [prefix: readonly number[], bits: number]
// IANA's registries of special addresses, and the IPv6 ranges that embed an IPv4 address.
const NOT_PUBLIC_4: readonly Range[] = [
  [[0], 8],
  [[10], 8],
  [[100, 64], 10],
  [[127], 8],
  [[169, 254], 16],
  [[172, 16], 12],
  [[192, 0, 0], 24],
  [[192, 0, 2], 24],
  [[192, 88, 99], 24],
  [[192, 168], 16],
  [[198, 18], 15],
  [[198, 51, 100], 24],
  [[203, 0, 113], 24],
  [[224], 3],
]
/** Only 2000::/3 is routed; these are its exceptions. */
const NOT_PUBLIC_6: readonly Range[] = [
  [[0x20, 0x01, 0x00], 23],
  [[0x20, 0x01, 0x0d, 0xb8], 32],
  [[0x20, 0x02], 16],
  [[0x3f, 0xff, 0x00], 20],
]

function isPublic(bytes: readonly number[]): boolean {
  if (bytes.length === 4) return !NOT_PUBLIC_4.some((range) => isIn(bytes, range))
  return isIn(bytes, [[0x20], 3]) && !NOT_PUBLIC_6.some((range) => isIn(bytes, range))
}

function isIn(bytes: readonly number[], [prefix, bits]: Range): boolean {
  for (let bit = 0; bit < bits; bit++) {
    const [at, mask] = [bit >> 3, 128 >> (bit & 7)]
    if (((bytes[at] as number) & mask) !== ((prefix[at] ?? 0) & mask)) return false
  }
  return true
}
