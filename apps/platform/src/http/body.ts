import { PerSQLError } from '@persql/contract'

/** A body this many times too large is still read to its end, so that its sender gets to read the answer. */
const PATIENCE = 4

/**
 * The body as text. One that is too large is not kept, whatever length it declares.
 * @throws PerSQLError `body_too_large`, or `invalid_json` when it is not UTF-8
 */
export async function readBody(request: Request, maxBytes: number): Promise<string> {
  if (request.body === null) return ''
  const declared = Number(request.headers.get('Content-Length') ?? Number.NaN)
  // A declared length is what the runtime reads, and no more.
  if (declared <= maxBytes) return decode(await request.arrayBuffer())
  const chunks: Uint8Array[] = []
  let size = 0
  if (!(declared > maxBytes * PATIENCE)) {
    for await (const chunk of request.body as ReadableStream<Uint8Array>) {
      size += chunk.length
      if (size <= maxBytes) chunks.push(chunk)
      else if (size > maxBytes * PATIENCE) break
    }
  }
  if (declared > maxBytes || size > maxBytes) {
    throw new PerSQLError('body_too_large', { limit: `${maxBytes / 1024 / 1024} MB` })
  }
  return decode(await new Blob(chunks).arrayBuffer())
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

function decode(bytes: ArrayBuffer): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new PerSQLError('invalid_json', {}, { cause })
  }
}
