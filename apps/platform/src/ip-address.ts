/** The 16-bit groups of an IP address: 2 for IPv4, 8 for IPv6. IPv4-mapped IPv6 addresses become IPv4. */
type Groups = readonly number[]

/** A range of IP addresses that share the first `bits` bits with `groups`. */
export interface AddressRange {
  readonly groups: Groups
  readonly bits: number
}

const MAPPED = [0, 0, 0, 0, 0, 0xffff]

/**
 * Returns the canonical form of an IP address, or `undefined` for other text. Accepts the forms that proxies and the
 * runtime write: quotes, brackets, a port, a zone, capitals, and IPv4-mapped IPv6, which becomes IPv4.
 */
export function normalizeAddress(text: string): string | undefined {
  const groups = parseGroups(bareAddress(text))
  return groups && formatGroups(groups)
}

/**
 * Returns the network of one customer: the IPv4 address itself, or the /64 of an IPv6 address. Providers assign at
 * least a /64.
 */
export function toNetwork(address: string): string {
  if (!address.includes(':')) return address
  const groups = parseGroups(bareAddress(address))
  if (groups?.length !== 8) return groups ? formatGroups(groups) : address
  return `${hex(groups.slice(0, 4)).join(':')}::/64`
}

/** Parses an IP address or a CIDR range. Returns `undefined` for other text. Ranges of IPv4-mapped IPv6 become IPv4. */
export function parseRange(text: string): AddressRange | undefined {
  const [address = '', suffix, ...rest] = text.split('/')
  const groups = parseGroups(address)
  if (!groups || rest.length > 0 || (suffix !== undefined && !/^\d{1,3}$/.test(suffix))) return undefined
  const isMapped = groups.length === 2 && address.includes(':')
  const bits = suffix === undefined ? groups.length * 16 : Number(suffix) - (isMapped ? 96 : 0)
  return bits >= 0 && bits <= groups.length * 16 ? { groups, bits } : undefined
}

/** Returns whether a normalized IP address is in one of the ranges. */
export function isInRanges(address: string, ranges: readonly AddressRange[]): boolean {
  const groups = parseGroups(address)
  return groups !== undefined && ranges.some((range) => includes(range, groups))
}

/** Returns whether a normalized IP address is a loopback address. */
export const isLoopbackAddress = (address: string): boolean => address === '::1' || address.startsWith('127.')

function includes({ groups, bits }: AddressRange, address: Groups): boolean {
  if (groups.length !== address.length) return false
  return groups.every((group, i) => {
    const compared = Math.min(16, Math.max(0, bits - i * 16))
    return group >> (16 - compared) === (address[i] ?? 0) >> (16 - compared)
  })
}

/** Strips quotes, brackets, port and zone: `"[2001:db8::1%eth0]:443"` becomes `2001:db8::1`. */
function bareAddress(text: string): string {
  const bare = text.trim().replace(/^"(.*)"$/, '$1')
  const bracketed = /^\[([^\]]*)\](?::\d{0,5})?$/.exec(bare)?.[1]
  const address = bracketed ?? bare.replace(/^([\d.]+):\d{0,5}$/, '$1')
  // No proxy writes an IPv4 address in brackets.
  if (bracketed !== undefined && !bracketed.includes(':')) return ''
  return address.includes(':') ? address.replace(/%.*$/, '') : address
}

function parseGroups(text: string): Groups | undefined {
  if (text.length > 45) return undefined
  return text.includes(':') ? parseIPv6(text) : parseIPv4(text)
}

/** Parses an IPv4 address. Rejects leading zeros: some programs read such numbers as octal, others as decimal. */
function parseIPv4(text: string): Groups | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined
  const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number)
  return [a * 256 + b, c * 256 + d]
}

function parseIPv6(text: string): Groups | undefined {
  const sides = text.split('::')
  const [left, right] = [parseSide(sides[0] ?? '', sides.length === 1), parseSide(sides[1] ?? '', true)]
  if (sides.length > 2 || !left || !right) return undefined
  const missing = 8 - left.length - right.length
  if (sides.length === 1 ? missing !== 0 : missing < 1) return undefined
  const groups = [...left, ...Array<number>(missing).fill(0), ...right]
  return MAPPED.every((group, i) => groups[i] === group) ? groups.slice(6) : groups
}

/** Parses the groups on one side of `::`. Only the last group of the address can be written as IPv4. */
function parseSide(text: string, isLast: boolean): Groups | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const tail = isLast && parts.at(-1)?.includes('.') ? parseIPv4(parts.pop() ?? '') : []
  if (!tail || !parts.every((part) => /^[\da-f]{1,4}$/i.test(part))) return undefined
  return [...parts.map((part) => Number.parseInt(part, 16)), ...tail]
}

function formatGroups(groups: Groups): string {
  if (groups.length === 2) return groups.flatMap((group) => [group >> 8, group & 255]).join('.')
  const zeros = longestZeros(groups)
  if (zeros.length < 2) return hex(groups).join(':')
  const [before, after] = [groups.slice(0, zeros.start), groups.slice(zeros.start + zeros.length)]
  return `${hex(before).join(':')}::${hex(after).join(':')}`
}

function longestZeros(groups: Groups): { start: number; length: number } {
  let longest = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === 0) length++
    if (length > longest.length) longest = { start, length }
  }
  return longest
}

const hex = (groups: Groups) => groups.map((group) => group.toString(16))
