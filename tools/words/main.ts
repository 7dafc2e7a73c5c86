import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { readMarkdown } from './markdown.ts'
import { findViolations, type Item, type Kind, ruleNames } from './rules.ts'
import { exempt, getArea, isEnforced, notEnforced } from './scopes.ts'
import { readSource } from './source.ts'

interface Finding {
  file: string
  line: number
  kind: Kind
  area: string
  rule: string
  excerpt: string
  value: string
}

const usage = `Usage: npm run check:words -- [--report] [--all] [path…]

  --report  Print the number of findings per scope and rule.
  --all     List every finding, in scopes that are not enforced too.
  path      Check only files whose path starts with this.
`

/** Checks the words of the repository. Resolves with the exit code: 1 when an enforced scope has a finding. */
export async function main(args: string[]): Promise<number> {
  const options = args.filter((arg) => arg.startsWith('-'))
  if (options.some((option) => option !== '--report' && option !== '--all')) {
    process.stderr.write(usage)
    return 2
  }
  const paths = args.filter((arg) => !arg.startsWith('-'))
  const findings = listFiles(paths).flatMap(checkFile)
  const failures = findings.filter(({ kind, area, rule }) => isEnforced(kind, area, rule))
  for (const { file, line, rule, excerpt, value } of options.includes('--all') ? findings : failures) {
    process.stdout.write(`${file}:${line} ${rule} "${excerpt}" in: ${shorten(value, excerpt)}\n`)
  }
  if (options.includes('--report')) process.stdout.write(formatReport(findings))
  const unused = paths.length === 0 ? listUnused(findings) : []
  for (const scope of unused) process.stdout.write(`${scope} has no findings. Remove it from tools/words/scopes.ts.\n`)
  const waiting = findings.length - failures.length
  process.stdout.write(`${failures.length} findings in enforced scopes, ${waiting} in scopes not enforced yet.\n`)
  return failures.length === 0 ? 0 : 1
}

/** Folders that hold no words of ours. */
const skipped = new Set(['node_modules', 'dist', 'data'])

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
    const { kind, line, value } = item
    return findViolations(item).map((violation) => ({ file, area: getArea(file), kind, line, value, ...violation }))
  })
}

/** Formats one line per scope with the number of findings per rule. */
function formatReport(findings: readonly Finding[]): string {
  const scopes = [...new Set(findings.map(({ kind, area }) => `${kind}:${area}`))].sort()
  const lines = scopes.map((scope) => {
    const found = findings.filter(({ kind, area }) => `${kind}:${area}` === scope)
    const counts = ruleNames.flatMap((name) => {
      const count = found.filter(({ rule }) => rule === name).length
      const [first] = found
      if (count === 0 || first === undefined) return []
      return [`${name} ${count}${isEnforced(first.kind, first.area, name) ? '!' : ''}`]
    })
    return `${scope.padEnd(26)}${String(found.length).padStart(5)}  ${counts.join(' · ')}\n`
  })
  return ['Findings per scope and rule. "!" fails the check.\n', ...lines].join('')
}

/** Lists entries of `notEnforced` that no finding needs any more. */
function listUnused(findings: readonly Finding[]): string[] {
  return notEnforced.filter((entry) => findings.every(({ kind, area, rule }) => isEnforced(kind, area, rule, [entry])))
}

function shorten(value: string, excerpt: string): string {
  const at = Math.max(0, value.indexOf(excerpt) - 60)
  return value.slice(at, at + 140 + excerpt.length).replace(/\s+/g, ' ')
}
