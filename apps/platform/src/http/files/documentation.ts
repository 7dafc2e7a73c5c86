import { Hono } from 'hono'
import type { Env } from '../../env.ts'
import { escapeHtml, page } from '../pages/html-page.ts'
import { FILE_TYPES, type Files, readFile, sendFile } from './built-files.ts'

const TEXT_TYPES: { readonly [ending: string]: string } = {
  md: 'text/markdown; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
  json: 'application/json',
}
/** Paths of files and pages: no part begins with a dot. */
const PATH = /^(?:\/[\w@-][\w@.-]*)*\/?$/

/** The styles of code blocks are attributes, which can't load anything. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "style-src-attr 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Serves the documentation below `/docs/`: the built site, or the Markdown files if it wasn't built. */
export function documentation(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()
  app.get('/docs', (c) => c.redirect('/docs/', 301))
  app.get('/docs/*', async (c, next) => {
    const files = c.env.DOCS ?? inAssets(c.env.ASSETS)
    const path = c.req.path.slice('/docs'.length)
    if (!files) return next()
    if (!PATH.test(path)) return notFound(files)
    const name = path.slice(path.lastIndexOf('/') + 1)
    const ending = name.includes('.') ? name.slice(name.lastIndexOf('.') + 1) : ''
    const answer = Object.hasOwn(FILE_TYPES, ending)
      ? await sendFile(files, path, c.req.raw)
      : Object.hasOwn(TEXT_TYPES, ending)
        ? await sendText(files, path, TEXT_TYPES[ending] as string)
        : await sendPage(files, path)
    return answer ?? notFound(files)
  })
  return app
}

/** On Cloudflare, the site is a folder of the assets. */
const inAssets = (assets: Fetcher | undefined): Files | undefined =>
  assets && { fetch: (url) => assets.fetch(`https://files/docs${new URL(String(url)).pathname}`) }

async function sendText(files: Files, path: string, type: string): Promise<Response | undefined> {
  const found = await readFile(files, path)
  return found && new Response(found.body, { headers: { ...HEADERS, 'Content-Type': type } })
}

async function sendPage(files: Files, path: string, status = 200): Promise<Response | undefined> {
  const found = await readFile(files, path.endsWith('/') ? `${path}index.html` : `${path}.html`)
  if (found) {
    const headers = { ...HEADERS, 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': POLICY }
    return new Response(found.body, { status, headers })
  }
  const list = path === '/' ? await readFile(files, '/index.md') : undefined
  return list && listFiles(await list.text())
}

const notFound = async (files: Files): Promise<Response> =>
  (await sendPage(files, '/404', 404)) ??
  page('Page not found', ['<p><a href="/docs/">Go to the documentation</a></p>'], { status: 404 })

const HEADERS = {
  'Cache-Control': 'public, max-age=300',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
}

/** Returns a page with the links of the start page to other Markdown files. */
function listFiles(markdown: string): Response {
  const links = [...markdown.matchAll(/\[([^\]]+)\]\(((?!\.\.)[\w/-]+\.md)\)/g)]
  const items = links.map(([, text = '', file = '']) => `<li><a href="/docs/${file}">${escapeHtml(text)}</a></li>`)
  const hint =
    'These are the Markdown files. To build the site with search, run <code>npm run docs</code> and start PerSQL again.'
  return page('Documentation', [`<p>${hint}</p>`, `<ul>${items.join('')}</ul>`])
}
