import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { operatorHelp } from '../../apps/launcher/src/operator.ts'
import { listSettings } from '../../apps/launcher/src/settings.ts'
import { commands } from '../../packages/cli/src/commands.ts'
import { find, parse } from '../../packages/cli/src/parse.ts'
import { type CodeBlock, findFiles, readPage, root } from './pages.ts'

/** A test that takes blocks of code from pages and runs them. */
interface RunningTest {
  readonly test: string
  readonly pages: RegExp
  readonly info: RegExp
  /** The start of the blocks, if the test doesn't run all of them. */
  readonly start?: RegExp
}

/** The tests that run blocks as they stand, or write them. The first that fits a block counts. */
const runningTests: readonly RunningTest[] = [
  { test: 'test/e2e/documentation.test.ts', pages: /^(README|docs\/.*)\.md$/, info: / test$/ },
  { test: 'test/e2e/documentation.test.ts', pages: /^docs\/guides\/(libsql|realtime|webhooks)\.md$/, info: /^ts$/ },
  {
    test: 'test/e2e/browser-tokens.test.ts',
    pages: /^(packages\/sdk\/README|docs\/guides\/browsers)\.md$/,
    info: /^js$/,
  },
  { test: 'test/cli/surface.test.ts', pages: /^docs\/cli\.md$/, info: /^sh$/ },
  { test: 'test/e2e/api-pages.test.ts', pages: /^docs\/reference\/api\//, info: /^(sh|ts)$/ },
  { test: 'tools/docs/sdk-pages.test.ts', pages: /^docs\/reference\/sdk\//, info: /^ts$/ },
  { test: 'tools/docs/mcp-pages.test.ts', pages: /^docs\/reference\/mcp-tools\//, info: /^(ts|text)$/ },
  {
    test: 'test/cli/readme.test.ts',
    pages: /^packages\/cli\/README\.md$/,
    info: /^sh$/,
    start: /^(?!npm |npx |claude )/,
  },
  { test: 'packages/sdk/test/package.test.ts', pages: /^packages\/sdk\/README\.md$/, info: /^ts$/ },
  {
    test: 'test/adapters/packages.test.ts',
    pages: /^packages\/(drizzle|endpoint-spec|kysely|langgraph|prisma)\/README\.md$/,
    info: /^(ts|prisma)$/,
  },
  { test: 'test/adapters/packages.test.ts', pages: /^docs\/quickstart\/prisma\.md$/, info: /^ts$/ },
  { test: 'test/e2e/deploy-files.test.ts', pages: /^docs\/self-hosting\//, info: /^ini$/ },
  { test: 'tools/docs/examples.test.ts', pages: /^docs\/guides\/webhooks\.md$/, info: /^js$/ },
  {
    test: 'test/e2e/reverse-proxies.test.ts',
    pages: /^docs\/self-hosting\/reverse-proxy\.md$/,
    info: /^(caddyfile|nginx)$/,
  },
]

/** Returns the test that runs a block. */
export const findTest = (page: string, { info, code }: CodeBlock): string | undefined =>
  runningTests.find((each) => each.pages.test(page) && each.info.test(info) && (each.start?.test(code) ?? true))?.test

/** Lists the tests that run blocks. */
export const listTests = (): string[] => [...new Set(runningTests.map(({ test }) => test))]

/** Returns the problems of a block that no test runs; `undefined` if nothing is known about its kind of content. */
export function findProblems({ info, code }: CodeBlock): string[] | undefined {
  if (info === 'sh' || info === 'bash') return findShellProblems(code)
  if (info === 'json') return findJsonProblems(code)
  if (info === 'yaml') return findYamlProblems(code)
  if (isSettings(code)) return findSettingsProblems(code)
  // Drawings, addresses and output.
  return info === 'text' ? [] : undefined
}

function findJsonProblems(code: string): string[] {
  try {
    JSON.parse(code)
    return []
  } catch (cause) {
    return [String(cause)]
  }
}

/** Checks the scripts of a workflow. */
const findYamlProblems = (code: string): string[] =>
  [...code.matchAll(/^( *)(?:- )?run: (?:\|\n((?:\1 {2}.*\n)+)|([^|].*))$/gm)].flatMap(([, , lines, line]) =>
    findSyntaxProblems(lines ?? line ?? ''),
  )

const settings: ReadonlySet<string> = new Set([
  ...listSettings().map(({ name }) => name),
  'PERSQL_TOKEN',
  'PERSQL_API_URL',
  'PERSQL_DATABASE',
  ...[...readPage('deploy/compose.yaml').matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name),
])
/** Settings of libraries, by the prefix of their names. */
const foreign = /^(AWS|OTEL)_/
const assignment = /^(?:export )?([A-Z][A-Z0-9_]*)=/

const listLines = (code: string): string[] =>
  code
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter(Boolean)

const isSettings = (code: string): boolean => listLines(code).every((line) => assignment.test(line))

function findSettingsProblems(code: string): string[] {
  const names = listLines(code).flatMap((line) => assignment.exec(line)?.[1] ?? [])
  return names.filter((name) => !settings.has(name) && !foreign.test(name)).map((name) => `unknown setting: ${name}`)
}

const findSyntaxProblems = (script: string): string[] => {
  const { status, stderr } = spawnSync('bash', ['-n', '-c', script], { encoding: 'utf8' })
  return status === 0 ? [] : [stderr]
}

function findShellProblems(code: string): string[] {
  return [...findSyntaxProblems(code), ...listLines(code).flatMap(findLineProblems)]
}

const { scripts } = JSON.parse(readPage('package.json')) as { scripts: Record<string, string> }

/** The kinds of lines, each with its check. */
const lineKinds: readonly (readonly [RegExp, (match: RegExpExecArray) => string[]])[] = [
  // test/e2e/package-install.test.ts runs the lines with packages of an instance.
  [/^(npm install|npx --yes|npm config set) .*http:\/\/127\.0\.0\.1:8787\/packages\//, () => []],
  [/^npm run operator -- (.*)$/, ([, line = '']) => findOperatorProblems(line)],
  [/^npm (?:run )?([\w:]+)(?: -- .*)?$/, ([, name = '']) => (name in scripts ? [] : [`unknown script: ${name}`])],
  [/^persql (.*)$/, ([, line = '']) => findCommandProblems(line)],
  [
    /^curl (.*)http:\/\/127\.0\.0\.1:8787(\/v1\/\S*)(.*)$/,
    ([, before = '', path = '', after = '']) => findCallProblems(path, before + after),
  ],
]

function findLineProblems(line: string): string[] {
  const words = line.split(' ')
  while (words[0] === 'export' || assignment.test(words[0] ?? '')) words.shift()
  const problems = findSettingsProblems(line.slice(0, line.length - words.join(' ').length).replaceAll(' ', '\n'))
  if (words.length === 0) return problems
  const command = words.join(' ')
  for (const [pattern, check] of lineKinds) {
    const match = pattern.exec(command)
    if (match) return [...problems, ...check(match)]
  }
  return [...problems, ...findOtherProblems(command)]
}

/**
 * Programs of the machine, container or agent that a page sets up, so no test can run the lines. Their syntax is checked,
 * and the files of the repository that they name.
 */
const otherPrograms =
  /^(?:sudo (?:-u persql )?(?:env \S+ )?)?(apt-get|claude|cp|docker|journalctl|logrotate|mkdir|nginx|node|npm (?:audit|install|pack)|npx (?:prisma|wrangler@[\d.]+|persql-\w+)|openssl|source|ssh-keygen|sha256sum|systemctl|useradd|for|echo|curl --silent|curl https:\/\/)(?= |\S)/

function findOtherProblems(command: string): string[] {
  if (!otherPrograms.test(command.replace(/^\(?(umask 077|cd \S+) && /, '')))
    return [`unknown kind of line: ${command}`]
  const files = [...command.matchAll(/(?<=\s)(?:deploy|packages)\/[\w./-]+/g)].map(([file]) => file)
  return files.filter((file) => !existsSync(join(root, file))).map((file) => `file not found: ${file}`)
}

/** The operations of the API, as `GET /v1/databases`. */
const operations: readonly string[] = findFiles('docs/reference/api', /\.md$/).flatMap((page) =>
  [...readPage(page).matchAll(/^`((?:GET|POST|PUT|PATCH|DELETE) \/v1\/[^`]*)`/gm)].map(
    ([, operation = '']) => operation,
  ),
)

function findCallProblems(path: string, options: string): string[] {
  const body = / -d '([^']*)'/.exec(options)?.[1]
  const method = /-X (\w+)/.exec(options)?.[1] ?? (body === undefined ? 'GET' : 'POST')
  const isCalled = (operation: string): boolean =>
    new RegExp(`^${operation.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(`${method} ${path}`)
  return [
    ...(operations.some(isCalled) ? [] : [`unknown operation: ${method} ${path}`]),
    ...(body === undefined ? [] : findJsonProblems(body)),
  ]
}

function findOperatorProblems(line: string): string[] {
  const [command = '', ...rest] = line.split(/\s+/)
  const flags = rest.filter((word) => word.startsWith('--'))
  return [
    ...(new RegExp(`^  ${command} `, 'm').test(operatorHelp) ? [] : [`unknown command: ${command}`]),
    ...flags.filter((flag) => !operatorHelp.includes(flag)).map((flag) => `unknown option: ${flag}`),
  ]
}

function findCommandProblems(line: string): string[] {
  const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '')
  const command = find(commands, words)
  if (command === undefined) return [`unknown command: persql ${line}`]
  try {
    parse(command, words, 'acme/main')
    return []
  } catch (cause) {
    return [(cause as Error).message]
  }
}
