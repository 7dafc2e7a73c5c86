import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exitCodes } from '../../packages/cli/src/exit-codes.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { builtCli } from './program.ts'

let cli: Awaited<ReturnType<typeof builtCli>>
let platform: TestPlatform
let env: Record<string, string>
/** The token of a namespace without funds. */
const poor = { PERSQL_TOKEN: '' }

beforeAll(async () => {
  ;[cli, platform] = await Promise.all([builtCli(), startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '0' } })])
  const { token } = await platform.createNamespace('acme')
  const credit = { amountUsd: 5, note: 'for the test' }
  const answer = await platform.request('/api/operator/namespaces/acme/credit', {
    token: platform.secret,
    body: credit,
  })
  expect(answer.status).toBe(200)
  poor.PERSQL_TOKEN = (await platform.createNamespace('poor')).token
  env = { PERSQL_TOKEN: token, PERSQL_API_URL: platform.url }
})
afterAll(async () => {
  await platform?.stop()
  await cli?.remove()
})

test('a reader that closes the pipe ends the program without an error', async () => {
  const child = cli.start(['--help'])
  child.stdout.destroy()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code] = await once(child, 'close')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

test('help is short, and made of the same table as the program', async () => {
  const { code, stdout } = await cli.run(['db', 'fork', '--help'])
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `Create an independent copy with the schema and all rows.

Usage: persql db fork [database] <slug> [options]

  database  Database, as namespace/database
  slug      Name of the new database

Options:
      --ttl <time>   Delete the copy after this many days, for example 7d
      --name <name>  Display name

Global options:
      --json            Print one JSON value to stdout; print errors as JSON to stderr
      --profile <name>  Profile to use
      --url <url>       Server URL (default: PERSQL_API_URL, then the profile's URL)
  -q, --quiet           Don't print progress to stderr
  -h, --help            Show help

Examples:
  persql db fork acme/main what-if --ttl 7d
`,
  })
  expect((await cli.run(['db', 'snapshot', '--help'])).stdout.match(/^ {2}db snapshot \w+/gm)).toHaveLength(3)
  expect((await cli.run(['--help'])).stdout).toBe((await cli.run([])).stdout)
  const { version } = JSON.parse(await readFile('packages/cli/package.json', 'utf8'))
  expect((await cli.run(['--version'])).stdout).toBe(`${version}\n`)
})

test('docs/cli.md is what the program says', async () => {
  const { stdout } = await cli.run(['help', '--markdown'])
  expect(await readFile('docs/cli.md', 'utf8')).toBe(stdout)
})

const fails: [exit: keyof typeof exitCodes, args: string[], env?: Record<string, string>][] = [
  ['ok', ['whoami']],
  ['usage', ['nonsense']],
  ['usage', ['db']],
  ['usage', ['db', 'fork', 'acme/main']],
  ['usage', ['db', 'list', '--nonsense']],
  ['usage', ['db', 'tables', 'Acme/Main']],
  ['usage', ['db', 'query', 'acme/main', 'SELECT 1', '--format', 'xml']],
  ['usage', ['db', 'fork', 'acme/main', 'copy', '--ttl', '90m']],
  ['auth', ['whoami'], { PERSQL_TOKEN: 'psql_live_nobody' }],
  ['not_found', ['endpoint', 'get', 'acme/main', 'none']],
  ['refused', ['db', 'tables', 'other/main']],
  ['refused', ['db', 'delete', 'acme/main']],
  ['balance', ['db', 'query', 'poor/main', 'SELECT 1'], poor],
  ['conflict', ['db', 'create', 'acme/main']],
  ['unavailable', ['whoami'], { PERSQL_API_URL: 'http://127.0.0.1:9' }],
  ['failed', ['endpoint', 'create', 'acme/main', '-f', '/nowhere.json']],
]
test.each(fails)('%s: %j', async (exit, args, more) => {
  const { code, stdout, stderr } = await cli.run([...args, '--json'], { env: { ...env, ...more } })
  expect(code, stderr).toBe(exitCodes[exit].code)
  if (exit === 'ok') return
  expect({ stdout, failure: JSON.parse(stderr) }).toMatchObject({
    stdout: '',
    failure: { error: expect.any(String), exitCode: code },
  })
  const { stderr: words } = await cli.run(args, { env: { ...env, ...more } })
  expect(words).toMatch(/^persql: \S/)
})

test.each([
  ['migrate', 'db migrate'],
  ['db migrat acme/main', 'db migrate'],
  ['db brnch list', 'db branch list'],
  ['db branch lst acme/main', 'db branch list'],
  ['qeury acme/main', 'db query'],
  ['endpont list', 'endpoint list'],
  ['tokne', 'token'],
  ['whoiam', 'whoami'],
  ['snapshot list', 'db snapshot list'],
])('"%s" is close to %s', async (typed, meant) => {
  const { code, stderr } = await cli.run(typed.split(' '), { env })
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(`^persql: Unknown command ".*"\\. Did you mean "persql ${meant}"\\?\n$`),
  ])
})

test('what is close to nothing gets the help', async () => {
  const { stderr } = await cli.run(['nonsense', 'words'], { env })
  expect(stderr).toBe('persql: Unknown command "nonsense words". Run persql --help.\n')
})

test('Ctrl-C ends a command with 130', async () => {
  const child = cli.start(['mcp'], { env })
  const closed = new Promise((resolve) => child.on('close', resolve))
  const answered = new Promise((resolve) => child.stdout.once('data', resolve))
  child.stdin.write('no JSON\n')
  expect(String(await answered)).toContain('-32700')
  child.kill('SIGINT')
  expect(await closed).toBe(130)
})

test('bash completes commands, options, choices and files', async () => {
  const { stdout } = await cli.run(['completion', 'bash'])
  const script = join(cli.folder, 'completion.bash')
  await writeFile(script, stdout)
  await writeFile(join(cli.folder, 'spec.json'), '{}')
  const completed = (...words: string[]) => {
    const typed = ['persql', ...words].map((word) => `'${word}'`).join(' ')
    const code = `source '${script}'; COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _persql; printf '%s\\n' "\${COMPREPLY[@]}"`
    return execFileSync('bash', ['--norc', '-c', code], { cwd: cli.folder, encoding: 'utf8' })
      .split('\n')
      .filter(Boolean)
  }
  expect(completed('to')).toEqual(['token', 'topup'])
  expect(completed('db', 'sn')).toEqual(['snapshot'])
  expect(completed('db', 'snapshot', '')).toEqual(['list', 'create', 'delete'])
  expect(completed('db', 'query', 'acme/main', '--fo')).toEqual(['--format'])
  expect(completed('db', 'query', 'acme/main', '--format', 'n')).toEqual(['ndjson'])
  expect(completed('endpoint', 'create', 'acme/main', '--file', 'sp')).toEqual(['spec.json'])
  expect(completed('completion', 'z')).toEqual(['zsh'])
})

test.each(['zsh', 'fish'])('%s gets every command', async (shell) => {
  const { stdout } = await cli.run(['completion', shell])
  for (const word of ['whoami', 'migrate', 'snapshot', 'restore', 'publish']) expect(stdout).toContain(`'${word}`)
  expect(stdout).toContain('allow-data-loss')
})
