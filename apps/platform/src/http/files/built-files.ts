const YEAR_S = 365 * 24 * 60 * 60

/** A folder of files by their path. */
export type Files = Pick<Fetcher, 'fetch'>

/** The content types of built files by their ending. The runtime's disk service knows none. */
export const FILE_TYPES: { readonly [ending: string]: string } = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  woff2: 'font/woff2',
  wasm: 'application/wasm',
}

/** Returns a built file. Files in `/assets/` have a compressed copy, and a content hash in their name. */
export async function sendFile(files: Files, path: string, request: Request): Promise<Response | undefined> {
  const isHashed = path.startsWith('/assets/')
  const ending = path.slice(path.lastIndexOf('.') + 1)
  const headers = new Headers({
    'Content-Type': FILE_TYPES[ending] ?? 'application/octet-stream',
    'Cache-Control': isHashed ? `public, max-age=${YEAR_S}, immutable` : 'public, max-age=3600',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'same-origin',
  })
  if (isHashed) {
    headers.set('ETag', `"${path.slice(path.lastIndexOf('/') + 1)}"`)
    headers.set('Vary', 'Accept-Encoding')
    if (request.headers.get('If-None-Match') === headers.get('ETag'))
      return new Response(null, { status: 304, headers })
  }
  const encodings = isHashed ? parseEncodings(request.headers.get('Accept-Encoding') ?? '') : []
  for (const [encoding, end] of encodings) {
    const found = await readFile(files, `${path}.${end}`)
    if (!found) continue
    headers.set('Content-Encoding', encoding)
    return new Response(found.body, { headers, encodeBody: 'manual' })
  }
  const found = await readFile(files, path)
  return found && new Response(found.body, { headers })
}

const parseEncodings = (accepted: string): [encoding: string, ending: string][] => [
  ...(/\bbr\b(?!\s*;\s*q=0(\.0*)?\b)/.test(accepted) ? [['br', 'br'] as [string, string]] : []),
  ...(/\bgzip\b(?!\s*;\s*q=0(\.0*)?\b)/.test(accepted) ? [['gzip', 'gz'] as [string, string]] : []),
]

/** Reads a file. Returns `undefined` if the file doesn't exist. */
export async function readFile(files: Files, path: string): Promise<Response | undefined> {
  const found = await files.fetch(`https://files${path}`)
  if (found.status === 200) return found
  await found.body?.cancel()
  return undefined
}
