import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { readPage, root } from './pages.ts'

/** Pages for contributors, and pictures that would make the site larger than all its text. */
const LEFT_OUT = new Set(['docs/screenshots.md', 'docs/writing.md'])

/** Pages outside `docs/` that are part of the site. */
const OTHERS: Record<string, string> = { 'CHANGELOG.md': 'changelog', 'SECURITY.md': 'reporting' }

/** Returns the path of a page's file in the site, without its ending, or `undefined` if the site doesn't have the page. */
export function toRoute(page: string): string | undefined {
  if (LEFT_OUT.has(page)) return undefined
  const [, guide] = /^docs\/(?!\.)(.+)\.md$/.exec(page) ?? []
  const [, name] = /^packages\/([\w-]+)\/README\.md$/.exec(page) ?? []
  return guide ?? (name === undefined ? OTHERS[page] : `packages/${name}`)
}

/** Lists the pages of the site. */
export function listPages(): string[] {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((path) => join('docs', path))
  const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name, 'README.md'))
  return [...docs, ...packages, ...Object.keys(OTHERS)].filter(
    (page) => toRoute(page) !== undefined && existsSync(join(root, page)),
  )
}

/** Returns the title of a page: its first heading. */
export const readTitle = (page: string): string => plain(/^# (.+)$/m.exec(readPage(page))?.[1] ?? page)

/** Returns the first sentence of a page, which says what it is for. */
export function readSummary(page: string): string {
  const [, paragraph = ''] = /^(?:---\n.*?\n---\n+)?# [^\n]+\n+(?![#`|<-])(.*?)(?:\n\n|$)/s.exec(readPage(page)) ?? []
  return /^.*?\.(?= |$)/s.exec(plain(paragraph.trim().replaceAll('\n', ' ')))?.[0] ?? ''
}

const plain = (text: string) => text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '')

/**
 * Returns where a link of a page leads in the site: an external link unchanged, the path of another page with its anchor, or
 * `undefined` if the site doesn't have the file.
 */
export function resolveLink(page: string, link: string): string | undefined {
  if (/^[a-z]+:|^#/i.test(link)) return link
  const [path = '', anchor] = link.split('#')
  const route = toRoute(normalize(join(dirname(page), decodeURIComponent(path))))
  if (route === undefined) return undefined
  const to = `/${route.replace(/(^|\/)index$/, '$1')}`
  return anchor === undefined ? to : `${to}#${anchor}`
}

/** Returns the Markdown of a page with links that work in the site. Links to other files become plain text. */
export function readForSite(page: string, base: string): string {
  return readPage(page).replace(/\[([^\]]*)\]\(([^)\s]+)\)/g, (whole, text: string, link: string) => {
    const to = resolveLink(page, link)
    if (to === undefined) return text
    if (to === link) return whole
    const [path = '', anchor] = to.split('#')
    return `[${text}](${base}${path === '/' ? '/index' : path.replace(/\/$/, '/index')}.md${anchor ? `#${anchor}` : ''})`
  })
}

/** An entry of the sidebar, with the pages below it. */
export interface Entry {
  readonly text: string
  readonly link: string
  readonly collapsed?: boolean
  readonly items?: readonly Entry[]
}

/** A group of the sidebar: a section of the start page with the pages that it links to. */
export interface Group {
  readonly text: string
  readonly collapsed: boolean
  readonly items: readonly Entry[]
}

/**
 * Returns the sidebar: the sections of the start page, each with its links in order. A page `reference/api` that links pages
 * of the folder `reference/api/` has them below it.
 */
export function readSidebar(): Group[] {
  const start = 'docs/index.md'
  const [, ...sections] = readPage(start).split(/^## /m)
  const groups = sections.map((section) => ({
    title: section.slice(0, section.indexOf('\n')),
    links: listLinks(start, section),
  }))
  const top = new Set(groups.flatMap(({ links }) => links.map(({ link }) => link)))
  return groups.map(({ title, links }) => ({
    text: title,
    collapsed: false,
    items: links.map((entry) => {
      const page = listPages().find((each) => `/${toRoute(each)}` === entry.link)
      const inner = page === undefined ? [] : listLinks(page, readPage(page))
      const below = unique(inner).filter(({ link }) => link.startsWith(`${entry.link}/`) && !top.has(link))
      return below.length > 0 ? { ...entry, collapsed: true, items: below } : entry
    }),
  }))
}

const unique = (entries: readonly Entry[]) =>
  entries.filter(({ link }, at) => entries.findIndex((other) => other.link === link) === at)

/** Lists the links of a text to pages of the site, without anchors. */
function listLinks(page: string, text: string): Entry[] {
  return [...text.matchAll(/\[([^\]]*)\]\(([^)\s#]+)\)/g)].flatMap(([, text = '', target = '']) => {
    const link = resolveLink(page, target)
    return link?.startsWith('/') ? [{ text: plain(text).replace(/^./, (first) => first.toUpperCase()), link }] : []
  })
}
