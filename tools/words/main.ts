import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { readMarkdown } from './markdown.ts'
import { findViolations, type Item } from './rules.ts'
import { readSource } from './source.ts'

interface Finding {
  file: string
  line: number
  rule: string
  excerpt: string
  value: string
}

const usage = `Usage: npm run check:words -- [path…]

  path  Check only files whose path starts with this.
`

/** Checks the words of the repository. Resolves with the exit code: 1 for findings, 2 for unknown options. */
export async function main(args: string[]): Promise<number> {
  if (args.some((arg) => arg.startsWith('-'))) {
    process.stderr.write(usage)
    return 2
  }
  const findings = listFiles(args).flatMap(checkFile)
  for (const { file, line, rule, excerpt, value } of findings) {
    process.stdout.write(`${file}:${line} ${rule} "${excerpt}" in: ${shorten(value, excerpt)}\n`)
  }
  process.stdout.write(`Findings: ${findings.length}\n`)
  return findings.length === 0 ? 0 : 1
}

/** Folders that hold no words of ours. */
const skipped = new Set(['node_modules', 'dist', 'data'])

/** Files that quote the banned words. */
const exempt = ['tools/words/words.test.ts']

/** Lists the files with words to check, or those whose path starts with one of `paths`. */
function listFiles(paths: readonly string[], folder = ''): string[] {
  return readdirSync(folder || '.', { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    const isHidden = entry.name.startsWith('.') && entry.name !== '.github'
    if (entry.isDirectory()) return isHidden || skipped.has(entry.name) ? [] : listFiles(paths, path)
    const isChosen = paths.length === 0 || paths.some((start) => path.startsWith(start))
    return isChosen && /\.(?:tsx?|mjs|md)$/.test(path) && !exempt.includes(path) ? [path] : []
  })
}

function checkFile(file: string): Finding[] {
  const source = readFileSync(file, 'utf8')
  const fileName: Item = { kind: 'identifier', line: 1, value: basename(file) }
  const items = [fileName, ...(file.endsWith('.md') ? readMarkdown(source) : readSource(file, source))]
  return items.flatMap((item) => {
    const { line, value } = item
    return findViolations(item).map((violation) => ({ file, line, value, ...violation }))
  })
}

function shorten(value: string, excerpt: string): string {
  const at = Math.max(0, value.indexOf(excerpt) - 60)
  return value.slice(at, at + 140 + excerpt.length).replace(/\s+/g, ' ')
}
