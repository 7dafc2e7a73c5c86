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
  if (declared <= maxBytes) return whole(await request.text(), declared)
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

/**
 * The runtime's own decoder is the fastest, but writes U+FFFD for bytes that are not UTF-8. They show in the length, save
 * for the rare sequence that is as long as what stands for it.
 */
function whole(text: string, declared: number): string {
  if (!text.includes('\ufffd') || new TextEncoder().encode(text).length === declared) return text
  throw new PerSQLError('invalid_json')
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

function decode(bytes: ArrayBuffer): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new PerSQLError('invalid_json', {}, { cause })
  }
}
