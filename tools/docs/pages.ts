import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository. */
export const root = fileURLToPath(new URL('../../', import.meta.url))
const SKIPPED = new Set(['node_modules', 'dist', 'data'])

/** Lists the files below a folder of the repository whose names match, as paths from its root. */
export function findFiles(folder: string, name: RegExp): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true })
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) || entry.name === '.git' ? [] : findFiles(path, name)
    return name.test(entry.name) ? [relative('.', path)] : []
  })
}

/** Reads a file by its path from the root of the repository. */
export const readPage = (path: string): string => readFileSync(join(root, path), 'utf8')

/** A fenced code block: the words behind the fence, and its text. */
export interface CodeBlock {
  readonly info: string
  readonly code: string
}

/** Lists the fenced code blocks of a page in order. */
export function listBlocks(markdown: string): CodeBlock[] {
  return [...markdown.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)].map(([, info = '', code = '']) => ({ info, code }))
}

/** Removes code blocks and the brackets in inline code. */
export const withoutCode = (markdown: string): string =>
  markdown.replace(/^```[^\n]*\n[\s\S]*?^```$/gm, '').replace(/`[^`\n]+`/g, (code) => code.replace(/[[\]()]/g, ' '))

/** Returns the anchor of a heading, as GitHub forms it. */
export const toAnchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\- ]/gu, '')
    .replaceAll(' ', '-')

/** Lists the anchors of a page, as GitHub forms them from its headings. */
export function listAnchors(markdown: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of markdown.replace(/^```[^\n]*\n[\s\S]*?^```$/gm, '').matchAll(/^#{1,6} +(.+)$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    const base = toAnchor(text)
    let anchor = base
    for (let i = 1; anchors.has(anchor); i++) anchor = `${base}-${i}`
    anchors.add(anchor)
  }
  return anchors
}
