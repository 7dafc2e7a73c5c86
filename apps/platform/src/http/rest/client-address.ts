import { type AddressRange, isInRanges, isLoopbackAddress, normalizeAddress } from '../../ip-address.ts'

/** The settings that decide which sources of an IP address are trusted. */
export interface AddressSettings {
  readonly runtime: 'workerd' | 'cloudflare'
  readonly url: string | undefined
  readonly trustedProxies: readonly AddressRange[]
}

/** A request with the peer's IP address from the runtime in `cf.clientIp`. */
interface Received {
  readonly headers: Headers
  readonly cf?: unknown
}

const MAX_KNOWN_PEERS = 10_000
const FORWARDING_HEADERS: ReadonlySet<string> = new Set([
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-original-for',
  'x-proxyuser-ip',
  'true-client-ip',
  'client-ip',
  'cf-connecting-ip',
  'cf-ray',
  'fastly-client-ip',
  'fly-client-ip',
])

/**
 * Returns the client's IP address in canonical form, or `unknown`. On Cloudflare, the edge sets it. On a single
 * machine, it is the peer's IP address or, behind trusted proxies, the last IP address before them.
 */
export function clientAddress(request: Received, settings: AddressSettings): string {
  if (settings.runtime === 'cloudflare')
    return normalizeAddress(request.headers.get('CF-Connecting-IP') ?? '') ?? 'unknown'
  const peer = peerAddress((request.cf as { clientIp?: string } | undefined)?.clientIp ?? '')
  const { trustedProxies } = settings
  if (trustedProxies.length === 0 || !isInRanges(peer, trustedProxies)) return peer
  // Entries to the left of an untrusted or malformed hop can be forged by anyone.
  let client = peer
  for (const hop of parseHops(request.headers).reverse()) {
    const address = normalizeAddress(hop)
    if (address === undefined) return client
    client = address
    if (!isInRanges(address, trustedProxies)) return client
  }
  return client
}

/**
 * Returns whether a program on this machine certainly sent the request. A local proxy has a loopback IP address too, so
 * the result is `false` if a setting or a header indicates a proxy.
 */
export function isFromThisMachine(request: Received, settings: AddressSettings): boolean {
  if (settings.runtime === 'cloudflare' || settings.url !== undefined || settings.trustedProxies.length > 0)
    return false
  return isLoopbackAddress(clientAddress(request, settings)) && ![...request.headers.keys()].some(isForwarding)
}

// One bounded cache per isolate: requests of one connection have the same IP address and port.
const knownPeers = new Map<string, string>()

function peerAddress(text: string): string {
  const known = knownPeers.get(text)
  if (known !== undefined) return known
  const address = normalizeAddress(text) ?? 'unknown'
  if (knownPeers.size >= MAX_KNOWN_PEERS) knownPeers.clear()
  knownPeers.set(text, address)
  return address
}

const isForwarding = (name: string) => name.startsWith('x-forwarded') || FORWARDING_HEADERS.has(name)

/**
 * Returns the IP addresses that proxies added, the nearest last. `X-Forwarded-For` takes precedence over `Forwarded`.
 */
function parseHops(headers: Headers): string[] {
  const listed = headers.get('X-Forwarded-For')
  const hops =
    listed !== null
      ? listed.split(',')
      : (headers.get('Forwarded') ?? '')
          .split(',')
          .map((element) => /(?:^|;)\s*for\s*=\s*("[^"]*"|[^;]*)/i.exec(element)?.[1] ?? element)
  return hops.map((hop) => hop.trim()).filter(Boolean)
}
