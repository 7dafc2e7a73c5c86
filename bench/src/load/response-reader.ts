const headEnd = Buffer.from('\r\n\r\n')
const empty = Buffer.alloc(0)

/** Finds the ends of HTTP/1.1 responses in the bytes of a connection, one response at a time. */
export class ResponseReader {
  #pending: Buffer = empty

  /**
   * Adds received bytes and returns the response when it is complete. The body can be a view of `bytes`: read it before
   * the next call.
   */
  push(bytes: Buffer): { status: number; body: Buffer } | undefined {
    const all = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes])
    const response = parse(all)
    // The caller reuses its buffer, so pending bytes must be copied.
    this.#pending = response === undefined ? Buffer.from(all) : empty
    return response
  }
}

function parse(bytes: Buffer): { status: number; body: Buffer } | undefined {
  const end = bytes.indexOf(headEnd)
  if (end === -1) return undefined
  const head = bytes.toString('latin1', 0, end)
  const status = Number(head.slice(9, 12))
  const start = end + headEnd.length
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length === undefined) {
    if (!/\r\ntransfer-encoding: *chunked/i.test(head)) throw new Error(`A response without a length:\n${head}`)
    const body = dechunked(bytes, start)
    return body && { status, body }
  }
  const last = start + Number(length)
  return bytes.length < last ? undefined : { status, body: bytes.subarray(start, last) }
}

/** Returns the body of a chunked response without trailers, or `undefined` until its last chunk has arrived. */
function dechunked(bytes: Buffer, start: number): Buffer | undefined {
  const chunks: Buffer[] = []
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const next = lineEnd + 2 + size
    if (bytes.length < next + 2) return undefined
    if (size === 0) return Buffer.concat(chunks)
    chunks.push(bytes.subarray(lineEnd + 2, next))
    at = next + 2
  }
}
