import { Buffer } from 'node:buffer'
import { PerSQLError } from '@persql/contract'

/** A file from a field of a form. */
export interface FilePart {
  readonly name: string
  readonly type: string
  readonly bytes: AsyncGenerator<Uint8Array>
}

const MAX_HEADERS = 16_384
const MAX_OTHER_FIELD = 1_000_000

/** Returns the field `file` of a form as a stream. Fields before it are skipped. @throws PerSQLError `invalid_input` */
export async function filePart(chunks: AsyncIterator<Uint8Array>, contentType: string): Promise<FilePart> {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,200})"|([^\s;]{1,200}))/i.exec(contentType) ?? []
  const boundary = quoted ?? plain
  if (!boundary) throw malformed('missing boundary')
  const marker = Buffer.from(`\r\n--${boundary}`)
  let buffer = Buffer.from('\r\n')
  const fill = async () => {
    const { value, done } = await chunks.next()
    if (!done) buffer = Buffer.concat([buffer, value])
    return !done
  }
  const find = async (mark: Buffer | string, most: number): Promise<number> => {
    for (;;) {
      const at = buffer.indexOf(mark)
      if (at >= 0) return at
      if (buffer.length > most || !(await fill())) throw malformed('truncated, or missing the field "file"')
    }
  }
  let headers = ''
  while (!/^content-disposition:.*;\s*name="?file"?\s*(;|$)/im.test(headers)) {
    const at = await find(marker, MAX_OTHER_FIELD)
    buffer = buffer.subarray(at + marker.length)
    const end = await find('\r\n', MAX_HEADERS)
    if (buffer.subarray(0, 2).toString() === '--') throw malformed('missing the field "file"')
    buffer = buffer.subarray(end)
    const headersEnd = await find('\r\n\r\n', MAX_HEADERS)
    headers = buffer.subarray(0, headersEnd).toString()
    buffer = buffer.subarray(headersEnd + 4)
  }
  async function* bytes() {
    for (;;) {
      const at = buffer.indexOf(marker)
      if (at >= 0) {
        if (at > 0) yield buffer.subarray(0, at)
        return
      }
      const safe = buffer.length - marker.length
      if (safe > 0) {
        yield buffer.subarray(0, safe)
        buffer = buffer.subarray(safe)
      }
      if (!(await fill())) throw malformed('truncated')
    }
  }
  return {
    name: /;\s*filename="([^"]*)"/i.exec(headers)?.[1] ?? '',
    type: /^content-type:\s*([^;\r\n]*)/im.exec(headers)?.[1] ?? '',
    bytes: bytes(),
  }
}

const malformed = (why: string) => new PerSQLError('invalid_input', { problem: `Invalid multipart/form-data: ${why}.` })
