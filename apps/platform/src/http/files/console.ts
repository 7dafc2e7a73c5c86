import { PerSQLError } from '@persql/contract'
import { Hono } from 'hono'
import type { Env } from '../../env.ts'
import { formatAllow, optionsReply } from '../rest/methods.ts'

const TYPES: { readonly [ending: string]: string } = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  woff2: 'font/woff2',
  wasm: 'application/wasm',
}
const YEAR_S = 365 * 24 * 60 * 60
/** Paths that never return the console page, even if no route matches. */
const NO_PAGE = /^\/(v1|api|p|mcp|oauth|assets|\.well-known|healthz|metrics)(\/|$)/
/** The placeholder in the built page that each response replaces with a new nonce. */
const NONCE = '__NONCE__'
const FILE = /^\/(?:assets\/)?[\w-][\w.-]*\.([a-z\d]+)$/

/** Serves the console: its files, and its page at every other path that a browser requests as HTML. */
export function consoleFiles(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()
  app.get('*', async (c, next) => {
    const { ASSETS } = c.env
    const { path } = c.req
    const accepted = c.req.header('Accept') ?? ''
    const ending = FILE.exec(path)?.[1] ?? ''
    const isFile = Object.hasOwn(TYPES, ending)
    const isPage = path === '/' || (!NO_PAGE.test(path) && accepted.includes('text/html'))
    const answer =
      ASSETS && (isFile ? await file(ASSETS, path, ending, c.req.raw) : isPage ? await page(ASSETS) : undefined)
    return answer ?? next()
  })
  app.all('*', (c, next) => {
    const { path, method } = c.req
    if (path !== '/' && !Object.hasOwn(TYPES, FILE.exec(path)?.[1] ?? '')) return next()
    // The root path also accepts MCP requests.
    const allowed = formatAllow(path === '/' ? ['GET', 'POST'] : ['GET'])
    if (method === 'OPTIONS') return Promise.resolve(optionsReply(allowed))
    if (method === 'GET') return next()
    throw new PerSQLError('method_not_allowed', { path, method, allowed })
  })
  return app
}

/** Returns a built file. Files in `/assets/` have a compressed copy, and a content hash in their name. */
async function file(assets: Fetcher, path: string, ending: string, request: Request): Promise<Response | undefined> {
  const isHashed = path.startsWith('/assets/')
  const headers = new Headers({
    'Content-Type': TYPES[ending] as string,
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
    const found = await fileAt(assets, `${path}.${end}`)
    if (!found) continue
    headers.set('Content-Encoding', encoding)
    return new Response(found.body, { headers, encodeBody: 'manual' })
  }
  const found = await fileAt(assets, path)
  return found && new Response(found.body, { headers })
}

const parseEncodings = (accepted: string): [encoding: string, ending: string][] => [
  ...(/\bbr\b(?!\s*;\s*q=0(\.0*)?\b)/.test(accepted) ? [['br', 'br'] as [string, string]] : []),
  ...(/\bgzip\b(?!\s*;\s*q=0(\.0*)?\b)/.test(accepted) ? [['gzip', 'gz'] as [string, string]] : []),
]

async function fileAt(assets: Fetcher, path: string): Promise<Response | undefined> {
  const found = await assets.fetch(`https://assets${path}`)
  if (found.status === 200) return found
  await found.body?.cancel()
  return undefined
}

/** Returns the console page. Its policy allows resources and requests of this origin only. The nonce is for styles. */
async function page(assets: Fetcher): Promise<Response | undefined> {
  const found = await fileAt(assets, '/index.html')
  if (!found) return undefined
  const nonce = crypto.randomUUID()
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ]
  return new Response((await found.text()).replaceAll(NONCE, nonce), {
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': policy.join('; '),
      'X-Frame-Options': 'DENY',
      'X-Content-Type-Options': 'nosniff',
      // Forms are verified by the origin in their request, which "no-referrer" would remove.
      'Referrer-Policy': 'same-origin',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cache-Control': 'no-store',
    },
  })
}
