// `\u` and `\U` differ, so hexadecimal digits are listed in both cases.
const HEX = '[0-9a-fA-F]'
const ESCAPE = new RegExp(`\\\\(?:(\\\\)|(?:u|(?=${HEX}))(${HEX}{4})|\\+(${HEX}{6})|U(${HEX}{8}))`, 'y')

/**
 * Decodes escapes to bytes like SQLite's `unistr`: halves of surrogate pairs and numbers beyond Unicode are encoded
 * separately, like characters. Returns `undefined` for an invalid escape.
 */
export function unistr(text: string): Uint8Array | undefined {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf('\\', at)
    const end = next < 0 ? text.length : next
    if (end > at) pieces.push(utf8.encode(text.slice(at, end)))
    if (next < 0) break
    ESCAPE.lastIndex = next
    const [found, slash, ...digits] = ESCAPE.exec(text) ?? []
    if (found === undefined) return undefined
    const number = slash === undefined ? Number.parseInt(digits.find((each) => each !== undefined) ?? '', 16) : 0x5c
    pieces.push(Uint8Array.from(encodeNumber(number)))
    at = next + found.length
  }
  return concat(pieces)
}

const utf8 = new TextEncoder()

function encodeNumber(number: number): number[] {
  const next = (shift: number) => 0x80 + ((number >>> shift) & 0x3f)
  if (number < 0x80) return [number]
  if (number < 0x800) return [0xc0 + ((number >>> 6) & 0x1f), next(0)]
  if (number < 0x10000) return [0xe0 + ((number >>> 12) & 0x0f), next(6), next(0)]
  return [0xf0 + ((number >>> 18) & 0x07), next(12), next(6), next(0)]
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
