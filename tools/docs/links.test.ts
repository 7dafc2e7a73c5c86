import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'
import { findFiles, listAnchors, readPage, withoutCode } from './pages.ts'

const pages = findFiles('.', /\.md$/)

/** Lists the targets of the relative links and images of a page. */
function findLinks(page: string): string[] {
  const text = withoutCode(readPage(page))
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g), ...text.matchAll(/(?:src|srcset|href)="([^"\s]+)"/g)]
  return targets.map(([, target = '']) => target).filter((target) => !/^[a-z]+:/i.test(target))
}

/** Returns the problem of a link, or `undefined`. */
function findProblem(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)))
  if (!existsSync(file)) return `${page}: ${link} (file not found)`
  if (anchor === undefined) return undefined
  return listAnchors(readPage(file)).has(anchor) ? undefined : `${page}: ${link} (heading not found)`
}

test('every relative link of every Markdown file leads to a file, and every anchor to a heading', () => {
  const links = pages.flatMap((page) => findLinks(page).map((link) => [page, link] as const))
  expect(links.length).toBeGreaterThan(300)
  expect(links.map(([page, link]) => findProblem(page, link)).filter(Boolean)).toEqual([])
})

test('a missing file and a missing heading are found', () => {
  expect(findProblem('README.md', 'docs/absent.md')).toContain('file not found')
  expect(findProblem('docs/index.md', 'quickstart.md#absent')).toContain('heading not found')
  expect(findProblem('docs/index.md', 'quickstart.md#5-open-the-console')).toBeUndefined()
})

test('every page of the documentation can be reached from a page at the root', () => {
  const reached = new Set(pages.filter((page) => !page.includes('/')))
  for (const page of reached) {
    for (const link of findLinks(page)) {
      const target = normalize(join(dirname(page), link.split('#')[0] ?? ''))
      if (target.endsWith('.md')) reached.add(target)
    }
  }
  expect(pages.filter((page) => page.startsWith('docs/') && !reached.has(page))).toEqual([])
})

test('paths of documentation pages in source files exist', () => {
  const sources = ['apps', 'packages', 'test', 'bench', 'tools'].flatMap((folder) => findFiles(folder, /\.(tsx?|mjs)$/))
  const mentioned = sources
    .filter((file) => file !== 'tools/docs/links.test.ts')
    .flatMap((file) =>
      [...readPage(file).matchAll(/\bdocs(?:\\?\/[\w-]+)+\\?\.md\b/g)].map(([path]) => [
        file,
        path.replaceAll('\\', ''),
      ]),
    )
  expect(mentioned.length).toBeGreaterThan(3)
  expect(mentioned.filter(([, path = '']) => !existsSync(path))).toEqual([])
})

test('the README stays within 120 lines', () => {
  expect(readPage('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(120)
})
