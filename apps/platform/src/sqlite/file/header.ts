/** How much of a file says what it is. */
export const HEADER_BYTES = 100

const MAGIC = 'SQLite format 3\0'

/** Why a file of that size, with this beginning, is no database that can be read; nothing when it may be one. */
export function problemOf(header: Uint8Array, size: number): string | undefined {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  const magic = String.fromCharCode(...header.subarray(0, MAGIC.length))
  if (magic !== MAGIC) return 'Not a SQLite database, or it is encrypted.'
  if (header.length < HEADER_BYTES) return TRUNCATED
  const pageSize = view.getUint16(16) === 1 ? 65_536 : view.getUint16(16)
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) return `Invalid page size: ${pageSize} bytes.`
  if (view.getUint8(19) > 2) return 'The file format is newer than this SQLite version supports.'
  if (view.getUint32(56) > 1) return 'UTF-16 databases aren\'t supported. Recreate it with PRAGMA encoding = "UTF-8".'
  // Very old versions of SQLite leave the number of pages as it was.
  const isCounted = view.getUint32(24) === view.getUint32(92)
  const pages = isCounted ? view.getUint32(28) : Math.ceil(size / pageSize)
  return size < pages * pageSize || size < pageSize ? TRUNCATED : undefined
}

const TRUNCATED = 'The file is truncated.'

/** Where a file says that it has a write-ahead log, and what it says instead when it is taken as it is. */
export const LOG_MARK = { at: 18, none: new Uint8Array([1, 1]) } as const
