import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { builtCli, type RunOptions } from './program.ts'

let cli: Awaited<ReturnType<typeof builtCli>>
let platform: TestPlatform
let token: string
let env: Record<string, string>

beforeAll(async () => {
  ;[cli, platform] = await Promise.all([builtCli(), startPlatform()])
  token = (await platform.createNamespace('acme')).token
  env = { PERSQL_TOKEN: token, PERSQL_API_URL: platform.url }
})
afterAll(async () => {
  await platform?.stop()
  await cli?.remove()
})

/** Runs with --json and returns the value on stdout. */
async function answer(args: readonly string[], options: RunOptions = {}) {
  const { code, stdout, stderr } = await cli.run([...args, '--json'], { env, ...options })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

/** Runs with --json and returns the value on stderr. */
async function failure(args: readonly string[], options: RunOptions = {}) {
  const { code, stdout, stderr } = await cli.run([...args, '--json'], { env, ...options })
  expect(stdout).toBe('')
  const output = JSON.parse(stderr)
  expect(output.exitCode).toBe(code)
  return output
}

const sql = (text: string, ...more: string[]) => answer(['db', 'query', 'acme/main', text, ...more])

test('login checks a token, keeps it for its owner alone, and never prints it', async () => {
  const home = { XDG_CONFIG_HOME: join(cli.folder, 'login') }
  const bad = await failure(['login', '--url', platform.url, '--token', 'psql_live_nobody'], { env: home })
  expect(bad).toMatchObject({ status: 401, exitCode: 3 })
  const { code, stdout, stderr } = await cli.run(['login', '--url', platform.url], { env: home, stdin: `${token}\n` })
  expect({ code, stdout }).toEqual({ code: 0, stdout: `Logged in to acme at ${platform.url} as admin.\n` })
  expect(stdout + stderr).not.toContain(token)
  const file = join(home.XDG_CONFIG_HOME, 'persql/config.json')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await answer(['whoami'], { env: home })).toMatchObject({
    namespaceSlug: 'acme',
    role: 'admin',
    from: 'profile default',
  })

  await cli.run(['login', '--profile', 'other', '--url', platform.url, '--token', token], { env: home })
  expect(Object.keys(JSON.parse(await readFile(file, 'utf8')).profiles)).toEqual(['default', 'other'])
  expect(await answer(['logout'], { env: home })).toEqual({ profile: 'default', loggedOut: true })
  expect(await failure(['whoami'], { env: home })).toMatchObject({ code: 'not_logged_in', exitCode: 3 })
  expect(await answer(['whoami', '--profile', 'other'], { env: home })).toMatchObject({ namespaceSlug: 'acme' })
  // A saved token is not sent to another server that the environment sets.
  const elsewhere = { ...home, PERSQL_API_URL: 'http://127.0.0.1:9', PERSQL_PROFILE: 'other' }
  expect(await failure(['whoami'], { env: elsewhere })).toMatchObject({ code: 'other_server', exitCode: 3 })
})

test('databases are made, listed, forked and deleted', async () => {
  expect(await answer(['db', 'create', 'shop', '--name', 'Shop'])).toMatchObject({ slug: 'shop', name: 'Shop' })
  await answer(['db', 'query', 'acme/shop', 'CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)'])
  expect(await answer(['db', 'fork', 'acme/shop', 'what-if', '--ttl', '7d'])).toMatchObject({ slug: 'what-if' })
  expect((await answer(['db', 'query', 'acme/what-if', 'SELECT count(*) AS n FROM t'])).data).toEqual([{ n: 2 }])
  expect((await answer(['db', 'list'])).map(({ slug }: { slug: string }) => slug)).toContain('what-if')
  expect(await failure(['db', 'delete', 'what-if'])).toMatchObject({ code: 'not_confirmed', exitCode: 5 })
  expect(await answer(['db', 'delete', 'what-if', '--yes'])).toEqual({ deleted: true })
  expect(await failure(['db', 'delete', 'other/shop', '--yes'])).toMatchObject({
    code: 'namespace_mismatch',
    exitCode: 5,
  })
})

test('statements run alone, one by one, or all or none, with values and from files', async () => {
  await sql('CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL)')
  await sql('INSERT INTO people (name) VALUES (?), (?)', '--param', 'Ada', '-p', '"7"')
  const found = await sql('SELECT id, name FROM people WHERE id = ?', '--param', '2')
  expect(found).toMatchObject({ data: [{ id: 2, name: '7' }], columns: ['id', 'name'], meta: { statementCount: 1 } })
  expect(await sql('SELECT 1 AS a, 2 AS a')).toMatchObject({ rows: [[1, 2]] })
  const two = await sql(`INSERT INTO people (name) VALUES ('; no end'); SELECT count(*) AS n FROM people`)
  expect(two.map(({ data }: { data: unknown }) => data)).toEqual([[], [{ n: 3 }]])
  const file = join(cli.folder, 'both.sql')
  await writeFile(file, "INSERT INTO people (name) VALUES ('x'); -- then\nINSERT INTO people (name) VALUES (NULL);\n")
  expect(await failure(['db', 'query', 'acme/main', '--transaction', '-f', file])).toMatchObject({
    code: 'sql_error',
    status: 400,
    exitCode: 1,
    errorDetail: { kind: 'not_null_violation' },
    failedStatement: { number: 2, line: 2 },
  })
  expect((await sql('SELECT count(*) AS n FROM people')).data).toEqual([{ n: 3 }])
  const place = '\nLine 2: INSERT INTO people (name) VALUES (NULL)\n'
  for (const [options, applied] of [
    [['--transaction'], 'Nothing was changed.'],
    [[], 'Applied before it: 1 statement.'],
  ] as const) {
    const { stderr } = await cli.run(['db', 'query', 'acme/main', ...options, '-f', file], { env })
    expect(stderr).toContain(`${place}${applied}`)
  }
  const begun = await sql("BEGIN; DELETE FROM people WHERE name = 'x'; COMMIT; SELECT count(*) AS n FROM people")
  expect(begun.at(-1)).toMatchObject({ data: [{ n: 3 }], number: 4, line: 1 })
  const piped = await cli.run(['db', 'query', '--format', 'csv'], {
    env: { ...env, PERSQL_DATABASE: 'acme/main' },
    stdin: `SELECT 'a,"b' AS "x,y", NULL AS z`,
  })
  expect(piped).toMatchObject({ code: 0, stdout: '"x,y",z\n"a,""b",\n' })
  expect(piped.stderr).toMatch(/^\(1 row, 0 read, 0 written, .*\$0\.0000005\)\n$/)
})

test('tables are aligned by what is seen, and nothing in them reaches the terminal as a command', async () => {
  const text = "SELECT '日本' AS a, 1 AS n UNION ALL SELECT 'e\u0301\u001b[31m', 10 UNION ALL SELECT NULL, NULL"
  const { stdout } = await cli.run(['db', 'query', 'acme/main', text], { env })
  expect(stdout.split('\n')).toEqual([
    'a               n',
    '───────────  ────',
    '日本            1',
    'e\u0301\\u001b[31m    10',
    'NULL         NULL',
    '',
  ])
  expect(stdout).not.toContain('\u001b')
  const failed = await cli.run(['db', 'query', 'acme/main', 'SELECT * FROM "\u001b[31m"'], { env })
  expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('\\u001b[31m') })
})

test('hints name commands, not routes', async () => {
  const { stderr } = await cli.run(['db', 'query', 'acme/main', 'SELECT * FROM nowhere'], { env })
  expect(stderr).toMatch(/\nHint: .*Run persql db tables to list (all|the) tables\.\n$/)
  const column = await cli.run(['db', 'query', 'acme/main', 'SELECT nickname FROM (SELECT 1 AS id)'], { env })
  expect(column.stderr).toMatch(/\nHint: .*Run persql db describe to list (all|the) columns\.\n$/)
  const inShell = await cli.run(['db', 'shell', 'acme/main'], { env, stdin: 'SELECT * FROM nowhere;' })
  expect(inShell.stderr).toMatch(/\n.*Run \.tables to list (all|the) tables\.\n/)
})

test('migrations are applied in order, each once, and stay as they were', async () => {
  const folder = join(cli.folder, 'migrations')
  await import('node:fs/promises').then(({ mkdir }) => mkdir(folder))
  await writeFile(join(folder, '2-rows.sql'), 'INSERT INTO m VALUES (1);')
  await writeFile(join(folder, '1-table.sql'), 'CREATE TABLE m (a);')
  await writeFile(join(folder, '10-more.sql'), 'INSERT INTO m VALUES (2);\nINSERT INTO nowhere VALUES (1);')
  const states = async (...more: string[]) =>
    (await answer(['db', 'migrate', 'acme/main', folder, ...more])).migrations.map(
      ({ name, state }: { name: string; state: string }) => `${name} ${state}`,
    )
  expect(await states('--dry-run')).toEqual(['1-table pending', '2-rows pending', '10-more pending'])
  expect((await answer(['db', 'tables', 'acme/main'])).map(({ name }: { name: string }) => name)).not.toContain('m')
  const failed = await failure(['db', 'migrate', 'acme/main', folder])
  expect(failed).toMatchObject({ code: 'sql_error', exitCode: 1 })
  expect(failed.error).toContain('10-more')
  expect((await sql('SELECT a FROM m')).data).toEqual([{ a: 1 }])
  await writeFile(join(folder, '10-more.sql'), 'INSERT INTO m VALUES (2);')
  expect(await states()).toEqual(['1-table applied', '2-rows applied', '10-more applied now'])
  expect(await states()).toEqual(['1-table applied', '2-rows applied', '10-more applied'])
  await writeFile(join(folder, '2-rows.sql'), 'INSERT INTO m VALUES (3);')
  expect(await failure(['db', 'migrate', 'acme/main', folder])).toMatchObject({
    code: 'migration_changed',
    exitCode: 7,
  })
  expect((await sql('SELECT a FROM m ORDER BY a')).data).toEqual([{ a: 1 }, { a: 2 }])
})

test('what is exported is a whole file, or nothing', async () => {
  const out = join(cli.folder, 'main.sql')
  const { bytes } = await answer(['db', 'export', 'acme/main', '--out', out])
  expect((await stat(out)).size).toBe(bytes)
  const { stdout } = await cli.run(['db', 'export', 'acme/main'], { env })
  expect(stdout).toBe(await readFile(out, 'utf8'))
  const file = join(cli.folder, 'main.sqlite')
  await answer(['db', 'export', 'acme/main', '--format', 'sqlite', '-o', file])
  expect((await readFile(file)).subarray(0, 15).toString()).toBe('SQLite format 3')
  const nowhere = join(cli.folder, 'nowhere.sql')
  expect(await failure(['db', 'export', 'other/main', '--out', nowhere])).toMatchObject({ exitCode: 5 })
  await expect(stat(nowhere)).rejects.toMatchObject({ code: 'ENOENT' })
  expect(await failure(['db', 'export', 'acme/main'])).toMatchObject({ code: 'usage', exitCode: 2 })
})

test('branches are made, claimed, merged and deleted', async () => {
  const made = await answer(['db', 'branch', 'create', 'acme/main', 'feature', '--ttl', '1h'])
  await answer(['db', 'query', `acme/${made.slug}`, 'ALTER TABLE people ADD COLUMN age INTEGER'])
  expect(await answer(['db', 'branch', 'merge', 'acme/main', 'feature'])).toMatchObject({
    mode: 'preview',
    applied: false,
  })
  const diff = ['db', 'branch', 'diff', 'acme/main', 'feature']
  expect((await answer(diff)).schema.statements[0].sql).toContain('ADD COLUMN age')
  expect((await cli.run([...diff, '--markdown'], { env })).stdout).toBe(
    '### Database changes: feature → acme/main\n\n```sql\nALTER TABLE "people" ADD COLUMN age INTEGER;\n```\n',
  )
  expect((await answer(['db', 'branch', 'update', 'acme/main', 'feature', '--ttl', '0'])).expiresAt).toBe(null)
  const merged = await answer(['db', 'branch', 'merge', 'acme/main', 'feature', '--mode', 'schema'])
  expect(merged).toMatchObject({ applied: true })
  expect((await sql('SELECT age FROM people LIMIT 1')).columns).toEqual(['age'])
  const claim = await answer(['db', 'branch', 'claim', 'acme/main', 'agent', '--ttl', '10m', '--role', 'read'])
  const pinned = { env: { ...env, PERSQL_TOKEN: claim.token } }
  expect(await answer(['db', 'tables', `acme/${claim.databaseSlug}`], pinned)).toContainEqual({
    name: 'people',
    rowCount: 0,
  })
  expect((await answer(['db', 'branch', 'list', 'acme/main'])).length).toBe(2)
  expect(await answer(['db', 'branch', 'delete', 'acme/main', 'feature', '-y'])).toEqual({ deleted: true })
  expect(await failure(['db', 'branch', 'delete', 'acme/main', 'feature', '-y'])).toMatchObject({ exitCode: 4 })
})

test('snapshots are kept, listed, restored and deleted', async () => {
  const { id } = await answer(['db', 'snapshot', 'create', 'acme/main', 'before'])
  await sql('DELETE FROM people')
  expect(await failure(['db', 'restore', 'acme/main', '--snapshot', id])).toMatchObject({ exitCode: 5 })
  expect(await answer(['db', 'restore', 'acme/main', '--snapshot', id, '--yes'])).toMatchObject({ restored: { id } })
  expect((await sql('SELECT count(*) AS n FROM people')).data).toEqual([{ n: 3 }])
  await sql('DELETE FROM people')
  const time = new Date(Date.now() - 86_400_000).toISOString()
  expect(await failure(['db', 'restore', 'acme/main', '--time', time, '--yes'])).toMatchObject({
    code: 'snapshot_not_found',
  })
  await answer(['db', 'restore', 'acme/main', '--snapshot', id, '--yes'])
  expect((await answer(['db', 'snapshot', 'list', 'acme/main'])).some((one: { id: string }) => one.id === id)).toBe(
    true,
  )
  expect(await answer(['db', 'snapshot', 'delete', 'acme/main', id, '--yes'])).toEqual({ deleted: true })
})

test('tokens are minted, listed and revoked', async () => {
  const minted = await answer([
    'token',
    'create',
    'reader',
    '--table',
    'people',
    '--origin',
    'https://app.example.com',
    '--expires',
    '1d',
  ])
  expect(minted).toMatchObject({
    name: 'reader',
    role: 'readonly',
    tableScope: ['people'],
    origins: ['https://app.example.com'],
  })
  const refused = ['db', 'query', 'acme/main', 'DELETE FROM people']
  expect(await failure(refused, { env: { ...env, PERSQL_TOKEN: minted.token } })).toMatchObject({ exitCode: 5 })
  const listed = await cli.run(['token', 'list'], { env })
  expect(listed.stdout).toContain('reader')
  expect(listed.stdout).not.toContain(minted.token)
  expect(await answer(['token', 'revoke', minted.id, '--yes'])).toEqual({ revoked: true, alsoRevoked: 0 })
  expect(await failure(['whoami'], { env: { ...env, PERSQL_TOKEN: minted.token } })).toMatchObject({ exitCode: 3 })
})

test('endpoints are saved, tried, published, paused and deleted', async () => {
  const spec = {
    slug: 'names',
    name: 'Names',
    kind: 'query',
    method: 'GET',
    input: [],
    output: 'rows',
    sql: 'SELECT name FROM people',
  }
  const stdin = JSON.stringify(spec)
  expect(await answer(['endpoint', 'create', 'acme/main', '-f', '-'], { stdin })).toMatchObject({ status: 'draft' })
  expect(await answer(['endpoint', 'try', 'acme/main', 'names'])).toMatchObject({ status: 200 })
  const published = await answer(['endpoint', 'publish', 'acme/main', 'names'])
  expect((await fetch(published.url, { method: 'GET' })).status).toBe(200)
  expect(await answer(['endpoint', 'update', 'acme/main', 'names'], { stdin: '{"name":"All names"}' })).toMatchObject({
    version: 2,
  })
  expect(await answer(['endpoint', 'publish', 'acme/main', 'names', '--version', '1'])).toMatchObject({ name: 'Names' })
  expect(await answer(['endpoint', 'pause', 'acme/main', 'names'])).toMatchObject({ status: 'paused' })
  expect((await answer(['endpoint', 'list', 'acme/main'])).length).toBe(1)
  expect(await answer(['endpoint', 'get', 'acme/main', 'names'])).toMatchObject({ slug: 'names' })
  expect(await answer(['endpoint', 'delete', 'acme/main', 'names', '--yes'])).toEqual({ deleted: true })
})

test('writes are proposed, then done; those of guarded tables wait for a human', async () => {
  const proposed = await answer(['db', 'propose', 'acme/main', 'DELETE FROM m WHERE a = ?', '--param', '1'])
  expect(proposed).toMatchObject({ estimatedAffectedRows: 1 })
  expect(await answer(['db', 'apply', 'acme/main', proposed.executionToken])).toMatchObject({ changes: 1 })
  expect(await failure(['db', 'apply', 'acme/main', proposed.executionToken])).toMatchObject({ exitCode: 4 })
  const rule = { tableGlob: 'm', action: 'require_approval' }
  await platform.database('acme', 'main', token).request('/approval_rules', { body: rule })
  const held = await failure(['db', 'query', 'acme/main', 'DELETE FROM m'])
  expect(held).toMatchObject({
    exitCode: 5,
    approvalUrl: expect.stringMatching(/^http/),
    approvalToken: expect.any(String),
  })
  const people = await cli.run(['db', 'query', 'acme/main', 'DELETE FROM m'], { env })
  expect(people.stderr).toContain('persql db redeem <database> ')
  expect((await failure(['db', 'redeem', 'acme/main', held.approvalToken])).exitCode).toBe(7)
})

test('the schema is described, searched and examined', async () => {
  expect((await answer(['db', 'describe', 'acme/main'])).tables.map(({ table }: { table: string }) => table)).toContain(
    'people',
  )
  expect((await cli.run(['db', 'describe', 'acme/main'], { env })).stdout).toContain('people')
  expect((await answer(['db', 'search', 'acme/main', 'people'])).hits[0]).toMatchObject({ table: 'people' })
  expect(await answer(['db', 'doctor', 'acme/main'])).toHaveProperty('findings')
})

test('shows usage and balance; without payments, add funds fails', async () => {
  expect((await answer(['usage'])).spend.requests.quantity).toBeGreaterThan(10)
  expect((await cli.run(['usage'], { env })).stdout).toMatch(/requests +\d+/)
  expect((await answer(['billing'])).balanceUsd).toBeGreaterThan(4)
  expect((await cli.run(['billing'], { env })).stdout).toContain('welcome_credit')
  expect(await failure(['topup', '25'])).toMatchObject({ code: 'payments_unavailable' })
})

test('transfers balance to another namespace of the owner who created the token', async () => {
  expect(await failure(['transfer', 'none', '1'])).toMatchObject({ code: 'owner_required' })
  const owner = await platform.signUp('payer@example.com')
  const [slug, to] = ['payer', 'payee']
  await owner.request('/api/namespaces', { body: { slug: to } })
  const { data } = (await owner.request(`/api/namespaces/${slug}/tokens`, { body: { name: 'cli' } })).body
  await platform.request(`/api/operator/namespaces/${slug}/credit`, {
    token: platform.secret,
    body: { amountUsd: 2, note: 'paid' },
  })
  const asOwner = { env: { ...env, PERSQL_TOKEN: data.token } }
  const call = ['transfer', to, '$1.5', '--idempotency-key', 'move']
  for (const _ of ['first', 'repeated']) {
    expect(await cli.run(call, asOwner)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`to ${to}: completed`),
    })
  }
  expect((await owner.request(`/api/namespaces/${to}/billing`)).body.data.balanceUsd).toBe(6.5)
  expect((await cli.run(['transfer', to, 'lots'], asOwner)).code).toBe(2)
})

test('skill install teaches agents, and leaves files of others alone', async () => {
  const { path } = await answer(['skill', 'install', '--dir', join(cli.folder, 'skills')])
  const text = await readFile(path, 'utf8')
  expect(text).toMatch(/^---\nname: persql\ndescription: .+\n---\n/)
  // All commands in the skill exist.
  for (const [, words = ''] of text.matchAll(/`persql ((?:[a-z]+ ?)+)/g)) {
    expect((await cli.run([...words.trim().split(' '), '--help'])).code).toBe(0)
  }
  expect(await answer(['skill', 'install', '--global'])).toMatchObject({
    path: join(cli.folder, '.claude/skills/persql/SKILL.md'),
  })
  await writeFile(path, 'mine')
  expect(await failure(['skill', 'install', '--dir', join(cli.folder, 'skills')])).toMatchObject({
    code: 'not_ours',
    exitCode: 7,
  })
})

test('a branch may have any name that git takes', async () => {
  for (const ref of ['dependabot/npm_and_yarn/@types/node-20', 'fix#123', '100%/ветка', 'a%2Fb']) {
    const { branchRef } = await answer(['db', 'branch', 'create', 'acme/main', ref])
    expect(branchRef).toBe(ref)
    const { applied } = await answer(['db', 'branch', 'merge', 'acme/main', ref])
    expect(applied).toBe(false)
    expect(await answer(['db', 'branch', 'delete', 'acme/main', ref, '--yes'])).toEqual({ deleted: true })
  }
  expect(await failure(['db', 'branch', 'create', 'acme/main', 'a b'])).toMatchObject({ code: 'invalid_input' })
})
