/** Encodes parameters for Stripe's API: `a[b]` is a member, `a[0]` is an item, and missing values are omitted. */
export function encodeForm(params: object): string {
  return pairs('', params)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join('&')
}

function pairs(name: string, value: unknown): [name: string, value: string][] {
  if (value === undefined) return []
  if (value === null) return [[name, '']]
  if (typeof value !== 'object') return [[name, String(value)]]
  return Object.entries(value).flatMap(([key, member]) => pairs(name === '' ? key : `${name}[${key}]`, member))
}

/** Encodes a text, except for brackets, which Stripe's own libraries send unencoded. */
const encode = (text: string): string =>
  encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%5B', '[')
    .replaceAll('%5D', ']')
