import { PerSQLError } from '@persql/contract'
import { Hono } from 'hono'
import type { Env } from '../../env.ts'
import { formatAllow, optionsReply } from '../rest/methods.ts'
import { FILE_TYPES, readFile, sendFile } from './built-files.ts'

/** Paths that never return the console page, even if no route matches. */
const NO_PAGE = /^\/(v1|api|p|mcp|oauth|assets|docs|packages|\.well-known|healthz|readyz|metrics)(\/|$)/
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
    const isFile = Object.hasOwn(FILE_TYPES, ending)
    const isPage = path === '/' || (!NO_PAGE.test(path) && accepted.includes('text/html'))
    const answer =
      ASSETS && (isFile ? await sendFile(ASSETS, path, c.req.raw) : isPage ? await page(ASSETS) : undefined)
    return answer ?? next()
  })
  app.all('*', (c, next) => {
    const { path, method } = c.req
    if (path !== '/' && !Object.hasOwn(FILE_TYPES, FILE.exec(path)?.[1] ?? '')) return next()
    // The root path also accepts MCP requests.
    const allowed = formatAllow(path === '/' ? ['GET', 'POST'] : ['GET'])
    if (method === 'OPTIONS') return Promise.resolve(optionsReply(allowed))
    if (method === 'GET') return next()
    throw new PerSQLError('method_not_allowed', { path, method, allowed })
  })
  return app
}

/** Returns the console page. Its policy allows resources and requests of this origin only. The nonce is for styles. */
async function page(assets: Fetcher): Promise<Response | undefined> {
  const found = await readFile(assets, '/index.html')
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
