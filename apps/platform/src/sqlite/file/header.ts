/** The size of the database header. */
export const HEADER_BYTES = 100

const MAGIC = 'SQLite format 3\0'

/** Returns why a file with this size and header isn't a readable database, or `undefined` if it can be one. */
export function findHeaderProblem(header: Uint8Array, size: number): string | undefined {
  if (size === 0) return 'It is empty.'
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  const magic = String.fromCharCode(...header.subarray(0, MAGIC.length))
  if (magic !== MAGIC) return 'Not a SQLite database, or it is encrypted.'
  if (header.length < HEADER_BYTES) return TRUNCATED
  const pageSize = view.getUint16(16) === 1 ? 65_536 : view.getUint16(16)
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) return `Invalid page size: ${pageSize} bytes.`
  if (view.getUint8(19) > 2) return 'The file format is newer than this SQLite version supports.'
  if (view.getUint32(56) > 1)
    return 'UTF-16 databases aren\'t supported. Recreate the database with PRAGMA encoding = "UTF-8".'
  // Very old SQLite versions don't update the page count in the header.
  const isCounted = view.getUint32(24) === view.getUint32(92)
  const pages = isCounted ? view.getUint32(28) : Math.ceil(size / pageSize)
  return size < pages * pageSize || size < pageSize ? TRUNCATED : undefined
}

const TRUNCATED = 'The file is truncated.'

/**
 * The position of the read and write versions in the header, and the bytes for "no write-ahead log".
 */
export const LOG_MARK = { at: 18, none: new Uint8Array([1, 1]) } as const
