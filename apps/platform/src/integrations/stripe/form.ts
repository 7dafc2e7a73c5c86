/**
 * Encodes parameters as Stripe's API takes them: `a[b]` names a member, `a[0]` an item, and missing values are left out.
 */
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

/** Brackets stay readable, as Stripe's own libraries send them. */
const encode = (text: string): string =>
  encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%5B', '[')
    .replaceAll('%5D', ']')
