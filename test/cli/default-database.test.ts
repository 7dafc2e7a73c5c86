import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { builtCli } from './program.ts'

const ns = uniqueName('acme')

let cli: Awaited<ReturnType<typeof builtCli>>
let platform: SharedPlatform
/** A token of the namespace. */
let token: string
/** A token of the branch `feature/one` of `acme/main`, with its slug. */
let pinned: { token: string; slug: string }
/** The folder of a project with migrations. */
let project: string

/** The server, which also returns the database of a token at `/v1/me`. */
const double = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray())
  const { host: _, 'content-length': __, ...headers } = request.headers as Record<string, string>
  const { method = 'GET', url = '' } = request
  const answer = await fetch(platform.url + url, { method, headers, ...(body.length > 0 && { body }) })
  let text = await answer.text()
  if (url === '/v1/me' && answer.ok) {
    const isPinned = request.headers.authorization === `Bearer ${pinned.token}`
    const { data, ...rest } = JSON.parse(text)
    const opens = isPinned ? { database: pinned.slug, branch: 'feature/one' } : { database: null, branch: null }
    text = JSON.stringify({ ...rest, data: { ...opens, ...data } })
  }
  response.writeHead(answer.status, { 'Content-Type': answer.headers.get('Content-Type') ?? 'text/plain' }).end(text)
})

beforeAll(async () => {
  ;[cli, platform] = await Promise.all([builtCli(), sharedPlatform()])
  token = (await platform.createNamespace(ns)).token
  await new Promise<void>((resolve) => double.listen(0, '127.0.0.1', resolve))
  await platform.database(ns, 'main', token).request('/query', { body: { sql: 'CREATE TABLE base (n)' } })
  const claim = await platform.database(ns, 'main', token).request('/claim_branch', {
    body: { ref: 'feature/one', role: 'admin' },
  })
  pinned = { token: claim.body.data.token, slug: claim.body.data.databaseSlug }
  project = await mkdtemp(join(cli.folder, 'project-'))
  await mkdir(join(project, 'migrations'))
  await writeFile(join(project, 'migrations/1-notes.sql'), 'CREATE TABLE notes (body TEXT);')
  await writeFile(join(project, 'one.sql'), 'CREATE TABLE one (n);')
  await writeFile(join(project, 'rows.csv'), 'body\nhello\n')
})
afterAll(async () => {
  double.close()
  await platform?.stop()
  await cli?.remove()
})

/** Runs in the project with only the token and the server's URL set. */
const run = (
  args: string[],
  more: { token?: string; env?: Record<string, string>; stdin?: string; cwd?: string } = {},
) =>
  cli.run(args, {
    cwd: more.cwd ?? project,
    env: {
      PERSQL_TOKEN: more.token ?? pinned.token,
      PERSQL_API_URL: `http://127.0.0.1:${(double.address() as AddressInfo).port}`,
      ...more.env,
    },
    ...(more.stdin !== undefined && { stdin: more.stdin }),
  })

test('db migrate without arguments applies the folder migrations to the database of the token', async () => {
  const { code, stdout, stderr } = await run(['db', 'migrate'])
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/1-notes {2}applied now/) })
  expect(stderr).toContain(`Using ${ns}/${pinned.slug} (branch feature/one).`)
  expect(JSON.parse((await run(['db', 'tables', '--json'])).stdout)).toEqual([
    { name: 'base', rowCount: 0 },
    { name: 'notes', rowCount: 0 },
  ])
})

const commands: [args: string[], shown: string, stdin?: string][] = [
  [['db', 'migrate', '--dry-run'], '1-notes'],
  [['db', 'migrate', 'migrations', '--dry-run'], '1-notes'],
  [['db', 'migrate', './migrations', '--dry-run'], '1-notes'],
  [['db', 'migrate', 'one.sql', '--dry-run'], 'one'],
  [['db', 'tables'], 'base'],
  [['db', 'describe'], 'base'],
  [['db', 'search', 'base'], 'base'],
  [['db', 'query', 'SELECT 40 + 2 AS n'], '42'],
  [['db', 'query'], '42', 'SELECT 40 + 2 AS n;'],
  [['db', 'export'], 'CREATE TABLE base'],
  [['db', 'snapshot', 'create', 'kept'], 'Created snapshot'],
  [['db', 'snapshot', 'list'], 'kept'],
  [['db', 'import', 'rows.csv', '--table', 'words', '--create'], 'Imported 1 row'],
  [['db', 'shell'], '42', 'SELECT 40 + 2 AS n;'],
  [['endpoint', 'list'], 'No endpoints.'],
]
test.each(commands)('%j takes the database of the token', async (args, shown, stdin) => {
  const { code, stdout, stderr } = await run(args, stdin === undefined ? {} : { stdin })
  expect([code, stdout], stderr).toEqual([0, expect.stringContaining(shown)])
})

test('PERSQL_DATABASE and an address win over the token', async () => {
  const env = { PERSQL_DATABASE: `${ns}/main` }
  expect((await run(['db', 'tables', '--json'], { env })).code).toBe(5)
  expect(JSON.parse((await run(['db', 'tables', '--json'], { env, token })).stdout)).toEqual([
    { name: 'base', rowCount: 0 },
  ])
  expect((await run(['db', 'tables', `${ns}/main`, '--json'])).code).toBe(5)
})

test.each([
  [['db', 'migrate']],
  [['db', 'tables']],
  [['db', 'query', 'SELECT 1 AS n']],
  [['db', 'export']],
  [['db', 'snapshot', 'list']],
])('%j with a token of several databases says how to name one', async (args) => {
  const { code, stdout, stderr } = await run(args, { token })
  expect({ code, stdout, stderr }).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'persql: This token has access to several databases. Pass one as namespace/database, or set PERSQL_DATABASE.\n',
  })
})

test('db migrate names a folder that is not there, and applies nothing', async () => {
  const { code, stderr } = await run(['db', 'migrate'], { cwd: cli.folder })
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'persql: No file or folder "migrations" found.\n' })
  expect((await run(['db', 'migrate', `${ns}/main`, 'nowhere'])).stderr).toContain('"nowhere"')
})

test.each([
  ['acme/main.feature/one', 'namespace'],
  ['main.feature/one', 'namespace'],
  ['acme/main.feature/one', 'branch'],
])('the address %s opens the branch, with the token of the %s', async (written, of) => {
  const address = written.replace('acme', ns)
  const given = of === 'namespace' ? { token } : {}
  expect(JSON.parse((await run(['db', 'query', address, 'SELECT 1 AS n', '--json'], given)).stdout).data).toEqual([
    { n: 1 },
  ])
  expect((await run(['db', 'query', address], { ...given, stdin: 'SELECT 40 + 2 AS n' })).stdout).toContain('42')
  const full = address.startsWith(`${ns}/`) ? address : `${ns}/${address}`
  expect((await run(['db', 'migrate', full, '--dry-run'], given)).stdout).toContain('1-notes')
  expect((await run(['endpoint', 'list', address], given)).stdout).toBe('No endpoints.\n')
  expect((await run(['db', 'tables', `${address}-not`], given)).code).toBe(of === 'namespace' ? 4 : 5)
})
