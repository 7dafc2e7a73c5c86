/** How much of a file says what it is. */
export const HEADER_BYTES = 100

const MAGIC = 'SQLite format 3\0'

/** Why a file of that size, with this beginning, is no database that can be read; nothing when it may be one. */
export function problemOf(header: Uint8Array, size: number): string | undefined {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  const magic = String.fromCharCode(...header.subarray(0, MAGIC.length))
  if (magic !== MAGIC) return 'It does not begin as a SQLite database does. It is something else, or encrypted.'
  if (header.length < HEADER_BYTES) return TRUNCATED
  const pageSize = view.getUint16(16) === 1 ? 65_536 : view.getUint16(16)
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) return `It has pages of ${pageSize} bytes, which cannot be.`
  if (view.getUint8(19) > 2) return 'It is in a format that is newer than this SQLite.'
  if (view.getUint32(56) > 1) return 'Its texts are in UTF-16. Make it anew with PRAGMA encoding = "UTF-8".'
  // Very old versions of SQLite leave the number of pages as it was.
  const isCounted = view.getUint32(24) === view.getUint32(92)
  const pages = isCounted ? view.getUint32(28) : Math.ceil(size / pageSize)
  return size < pages * pageSize || size < pageSize ? TRUNCATED : undefined
}

const TRUNCATED = 'It is cut off.'

/** Where a file says that it has a write-ahead log, and what it says instead when it is taken as it is. */
export const LOG_MARK = { at: 18, none: new Uint8Array([1, 1]) } as const
