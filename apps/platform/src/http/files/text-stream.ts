import { importFailed } from '../../database/transfer/import-errors.ts'

/**
 * Decodes UTF-8 without the byte order mark. @throws PerSQLError `import_failed` with the first line that isn't valid
 * UTF-8
 */
export async function* decoded(start: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  let line = 1
  const decode = (bytes: Uint8Array, isEnd = false): string => {
    try {
      return decoder.decode(bytes, { stream: !isEnd })
    } catch {
      const [good = ''] = new TextDecoder().decode(bytes).split('\ufffd', 1)
      throw importFailed(line + linesIn(good), 'Invalid UTF-8.')
    }
  }
  for (let bytes: Uint8Array | undefined = start; bytes; bytes = (await next(rest)) ?? undefined) {
    const text = decode(bytes)
    yield text
    line += linesIn(text)
  }
  yield decode(new Uint8Array(), true)
}

async function next(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  const { value, done } = await chunks[Symbol.asyncIterator]().next()
  return done ? undefined : value
}

function linesIn(text: string): number {
  let lines = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++
  return lines
}
