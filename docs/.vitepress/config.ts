import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { type DefaultTheme, defineConfig } from 'vitepress'
import { root, toAnchor } from '../../tools/docs/pages.ts'
import {
  type Entry,
  listPages,
  readForSite,
  readSidebar,
  readSummary,
  readTitle,
  resolveLink,
  toRoute,
} from '../../tools/docs/site.ts'

const base = '/docs'
const pages = listPages()
/** Inline scripts by their file, because the policy of the site allows scripts of this origin only. */
const scripts = new Map<string, string>()

export default defineConfig({
  title: 'PerSQL',
  description: 'Isolated SQLite databases over HTTP: guides, reference and self-hosting.',
  lang: 'en-US',
  base: `${base}/`,
  srcDir: root,
  srcExclude: await findOthers(),
  rewrites: Object.fromEntries(pages.map((page) => [page, `${toRoute(page)}.md`])),
  cleanUrls: true,
  // It would add a style element, which the policy of the site blocks.
  appearance: { disableTransition: false },
  metaChunk: true,
  cacheDir: join(root, 'node_modules/.tmp/vitepress'),
  vite: { publicDir: false, build: { chunkSizeWarningLimit: 2_000 }, esbuild: { tsconfigRaw: '{}' }, logLevel: 'warn' },
  markdown: {
    anchor: { slugify: toAnchor },
    // The words behind a fence's language are for the tests.
    languageAlias: { caddyfile: 'nginx' },
    config(md) {
      const fence = md.renderer.rules.fence
      md.renderer.rules.fence = (tokens, index, options, env, self) => {
        const token = tokens[index]
        if (token) token.info = token.info.split(' ')[0] ?? ''
        return fence?.(tokens, index, options, env, self) ?? ''
      }
      md.core.ruler.push('site_links', ({ tokens, env }) => {
        const page = (env.realPath ?? env.path).slice(root.length)
        for (const { children } of tokens) adaptLinks(children ?? [], page)
      })
    },
  },
  transformPageData(page) {
    const source = pages.find((each) => `${toRoute(each)}.md` === page.relativePath)
    if (source) page.description = readSummary(source)
  },
  transformHtml(html) {
    return html.replace(/<script id="([\w-]+)">(.*?)<\/script>/gs, (_whole, id: string, code: string) => {
      const file = `assets/${id}.${createHash('sha256').update(code).digest('hex').slice(0, 8)}.js`
      scripts.set(file, code)
      return `<script src="${base}/${file}"></script>`
    })
  },
  async buildEnd({ outDir }) {
    for (const [file, code] of scripts) await writeFile(join(outDir, file), code)
    for (const page of pages) {
      const copy = join(outDir, `${toRoute(page)}.md`)
      await mkdir(dirname(copy), { recursive: true })
      await writeFile(copy, readForSite(page, base))
    }
    await writeFile(join(outDir, 'llms.txt'), listForModels())
    await compress(join(outDir, 'assets'))
  },
  themeConfig: {
    siteTitle: 'PerSQL',
    nav: [{ text: 'Console', link: '/', target: '_self', rel: '' }],
    sidebar: readSidebar().map((group) => ({ ...group, items: group.items.map(toSidebarItem) })),
    search: { provider: 'local' },
    outline: [2, 3],
    docFooter: { prev: 'Previous', next: 'Next' },
  },
})

function toSidebarItem({ items, ...entry }: Entry): DefaultTheme.SidebarItem {
  return items ? { ...entry, items: items.map(toSidebarItem) } : entry
}

/** Lists the Markdown files that aren't pages of the site. */
async function findOthers(): Promise<string[]> {
  const skipped = new Set(['node_modules', 'dist', 'data', '.git'])
  const found: string[] = []
  const visit = async (folder: string) => {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (!skipped.has(entry.name)) await visit(path)
      } else if (path.endsWith('.md') && !pages.includes(path)) found.push(path)
    }
  }
  await visit('.')
  return found
}

interface Token {
  type: string
  tag: string
  attrs: [string, string][] | null
  attrGet(name: string): string | null
  attrSet(name: string, value: string): void
}

/** Makes the links of a paragraph work in the site. A link to a file that the site doesn't have becomes plain text. */
function adaptLinks(tokens: readonly Token[], page: string): void {
  let isPlain = false
  for (const token of tokens) {
    if (token.type === 'link_open') {
      const to = resolveLink(page, token.attrGet('href') ?? '')
      isPlain = to === undefined
      if (to !== undefined) token.attrSet('href', to)
    }
    if (isPlain && /^link_/.test(token.type))
      Object.assign(token, { type: token.type.replace('link', 'plain'), tag: 'span', attrs: null })
  }
}

/** Returns the list of pages for language models, after https://llmstxt.org. */
function listForModels(): string {
  const lines = readSidebar().map(({ text, items }) => {
    const entries = items.flatMap((entry) => [entry, ...(entry.items ?? [])])
    const links = entries.map(({ text, link }) => {
      const source = pages.find((page) => `/${toRoute(page)?.replace(/(^|\/)index$/, '$1')}` === link)
      const file = `${base}${link.replace(/\/$/, '/index')}.md`
      return `- [${text}](${file})${source ? `: ${readSummary(source)}` : ''}`
    })
    return `## ${text}\n\n${links.join('\n')}\n`
  })
  return `# ${readTitle('docs/index.md')}\n\n> ${readSummary('docs/index.md')}\n\n${lines.join('\n')}`
}

/** Writes scripts and styles a second and third time as they travel. */
async function compress(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    if (!/\.(js|css)$/.test(name)) continue
    const content = await readFile(join(folder, name))
    await writeFile(join(folder, `${name}.br`), brotliCompressSync(content))
    await writeFile(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }))
  }
}
