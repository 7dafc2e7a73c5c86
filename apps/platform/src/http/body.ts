import { PerSQLError } from '@persql/contract'

/**
 * The body as text, refused as soon as it is known to be too large.
 * @throws PerSQLError `body_too_large` or `invalid_json` when it is not UTF-8
 */
export async function readBody(request: Request, maxBytes: number): Promise<string> {
  const tooLarge = () => new PerSQLError('body_too_large', { limit: `${maxBytes / 1024 / 1024} MB` })
  const declared = Number(request.headers.get('Content-Length') ?? Number.NaN)
  if (declared > maxBytes) throw tooLarge()
  if (request.body === null) return ''
  // A declared length bounds what the runtime reads; without one, the chunks are counted as they come.
  if (!Number.isNaN(declared)) return decode(await request.arrayBuffer())
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body) {
    size += (chunk as Uint8Array).length
    if (size > maxBytes) throw tooLarge()
    chunks.push(chunk as Uint8Array)
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
