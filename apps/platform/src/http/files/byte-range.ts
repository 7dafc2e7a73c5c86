/** The first and the last byte of a part of a file. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/**
 * Parses the `Range` header of a request for a file with this size and tag. Returns `undefined` for the whole file, which
 * is also the response to several ranges, other units and outdated tags, and `outside` if no byte is in the range.
 */
export function parseRange(headers: Headers, size: number, tag: string): ByteRange | 'outside' | undefined {
  const condition = headers.get('If-Range')
  if (condition !== null && condition !== tag) return undefined
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(headers.get('Range') ?? '') ?? []
  if (first === '' && last === '') return undefined
  const from = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const to = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  return from < size && from <= to ? { from, to } : 'outside'
}
