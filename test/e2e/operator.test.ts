import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { removeDataFolder } from '../data-folder.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { runOperator } from '../launched-instance.ts'
import { ObjectFiles, removeFile } from '../object-files.ts'

let platform: TestPlatform
let data: string
beforeAll(async () => {
  platform = await startPlatform({ failures: ['database_damaged'] })
  data = await mkdtemp(join(tmpdir(), 'persql-operator-'))
  await writeFile(join(data, 'secret'), `${platform.secret}\n`)
})
afterAll(async () => {
  await platform.stop()
  await removeDataFolder(data)
})

const operator = (path: string, body?: object, token = platform.secret) =>
  platform.request(`/api/operator/namespaces${path}`, { token, body })

const cli = (args: string[], environment: Record<string, string> = {}) =>
  runOperator(args, { PERSQL_DATA: data, ...environment })

test('a credit counts once per reference, and stands in the ledger and the audit log', async () => {
  const { token } = await platform.createNamespace('credited')
  const owner = await platform.signUp('credited@example.com')
  const credit = { amountUsd: 12.34, note: 'invoice 7', ref: 'invoice-7' }
  expect((await operator('/credited/credit', credit)).body.data).toEqual({ balanceUsd: 17.34 })
  expect((await operator('/credited/credit', credit)).body.data).toEqual({ balanceUsd: 17.34 })
  expect((await operator('/credited/credit', { amountUsd: -2, note: 'typo' })).body.data).toEqual({ balanceUsd: 15.34 })
  const { ledger } = (await platform.request('/v1/billing', { token })).body.data
  expect(ledger.slice(0, 2)).toMatchObject([
    { kind: 'adjustment', amountUsd: -2, detail: { note: 'typo' } },
    { kind: 'adjustment', amountUsd: 12.34, ref: 'operator:invoice-7', detail: { note: 'invoice 7' } },
  ])
  const older = await platform.request(`/v1/billing?limit=1&before=${ledger[0].id}`, { token })
  expect(older.body.data.ledger).toEqual([ledger[1]])
  expect((await platform.request('/v1/billing?limit=1001', { token })).status).toBe(400)
  // The namespace of a user can also be credited, which its audit log records.
  await operator('/credited-2/credit', { amountUsd: 1, note: 'a gift' })
  const audit = (await owner.request('/api/namespaces/credited-2/audit')).body.data
  expect(audit[0]).toMatchObject({ actor: 'operator', action: 'balance.adjusted', detail: { note: 'a gift', usd: 1 } })
})

test('a credit to an empty balance resumes service immediately', async () => {
  const { db } = await platform.createNamespace('broke')
  await db().query('SELECT 1')
  await operator('/broke/credit', { amountUsd: -5, note: 'spent' })
  const codes = async () => (await db().query('SELECT 1')).status
  await expect.poll(codes).toBe(402)
  await operator('/broke/credit', { amountUsd: 5, note: 'paid' })
  await expect.poll(codes).toBe(200)
})

test('a suspended namespace serves nothing from the answer on, shows its billing, and loses nothing', async () => {
  const { db, token } = await platform.createNamespace('paused')
  await db().batch([{ sql: 'CREATE TABLE t (n)' }, { sql: 'INSERT INTO t VALUES (1)' }])
  expect((await operator('/paused/suspend', { note: 'abuse report' })).body.data).toEqual({ status: 'suspended' })
  const refused = await db().query('SELECT * FROM t')
  expect([refused.status, refused.body.code]).toEqual([403, 'namespace_suspended'])
  expect((await platform.request('/v1/databases', { token })).body.code).toBe('namespace_suspended')
  expect((await platform.request('/v1/billing', { token })).status).toBe(200)
  expect((await operator('')).body.data).toContainEqual(
    expect.objectContaining({ slug: 'paused', status: 'suspended' }),
  )
  await platform.kill()
  await platform.restart()
  expect((await db().query('SELECT * FROM t')).body.code).toBe('namespace_suspended')
  await operator('/paused/resume', { note: 'cleared' })
  expect((await db().query('SELECT * FROM t')).body.data.rows).toEqual([[1]])
})

test('only the holder of the secret passes, and what makes no sense is refused', async () => {
  const { token } = await platform.createNamespace('plain')
  const code = async (answer: ReturnType<typeof operator>) => (await answer).body.code
  expect(await code(operator('/plain/credit', { amountUsd: 5, note: 'x' }, token))).toBe('operator_only')
  expect(await code(operator('', undefined, `${platform.secret}x`))).toBe('operator_only')
  expect(await code(operator('/nobody/credit', { amountUsd: 5, note: 'x' }))).toBe('namespace_not_found')
  for (const body of [
    { amountUsd: 5 },
    { amountUsd: 0, note: 'x' },
    { amountUsd: '5', note: 'x' },
    { amountUsd: 1e9, note: 'x' },
  ]) {
    expect(await code(operator('/plain/credit', body)), JSON.stringify(body)).toBe('invalid_input')
  }
})

test('an owner is invited to a namespace without members, where only invited users can sign up', async () => {
  const closed = await startPlatform({
    environment: { PERSQL_SIGNUP: 'invite', PERSQL_URL: 'https://sql.example.com' },
  })
  try {
    await closed.createNamespace('acme')
    const url = ['--url', closed.url]
    const environment = { PERSQL_SECRET: closed.secret }
    const signUp = (email: string) =>
      closed.request('/api/auth/sign-up/email', { body: { email, password: 'correct horse battery', name: 'x' } })
    expect((await signUp('ada@example.com')).status).toBe(403)
    const { code, stdout } = await cli(['invite', 'acme', 'Ada@Example.com', '--role', 'owner', ...url], environment)
    expect(code).toBe(0)
    const secret = /^https:\/\/sql\.example\.com\/invite\/(inv_acme_\w{32})$/m.exec(stdout)?.[1]
    expect(stdout).toMatch(/^ada@example\.com is invited to acme as owner\. /)
    expect((await closed.request(`/invite/${secret}`)).body).toContain(
      'The operator of this instance invited you to join',
    )
    const answer = await signUp('ada@example.com')
    expect(answer.status).toBe(200)
    const ada = closed.session(answer, 'ada@example.com')
    const headers = { origin: 'https://sql.example.com' }
    const accepted = await ada.request(`/api/invitations/${secret}/accept`, { body: {}, headers })
    expect(accepted.body.data).toMatchObject({ slug: 'acme', role: 'owner' })
    expect((await ada.request('/api/namespaces/acme/audit')).body.data).toContainEqual(
      expect.objectContaining({
        actor: 'operator',
        action: 'invitation.created',
        detail: { email: 'ada@example.com', role: 'owner' },
      }),
    )
    expect(await cli(['invite', 'acme', 'ada@example.com', '--role', 'owner', ...url], environment)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ada@example.com is already a member.'),
    })
  } finally {
    await closed.stop()
  }
})

test.each(['admin', 'editor', 'viewer'])('the operator can invite an %s too', async (role) => {
  await platform.createNamespace('open-house')
  const email = `${role}@example.com`
  const { link } = (await operator('/open-house/invite', { email, role })).body.data
  const user = await platform.signUp(email)
  const accepted = await user.request(`/api/invitations/${link.split('/').at(-1)}/accept`, { body: {} })
  expect(accepted.body.data).toMatchObject({ slug: 'open-house', role })
})

test('an invitation that makes no sense is refused, and members cannot invite an owner', async () => {
  const { token } = await platform.createNamespace('picky')
  const code = async (path: string, body: object, by?: string) => (await operator(path, body, by)).body.code
  const email = 'ada@example.com'
  expect(await code('/picky/invite', { email, role: 'owner' }, token)).toBe('operator_only')
  expect(await code('/nowhere/invite', { email, role: 'owner' })).toBe('namespace_not_found')
  for (const body of [
    { email, role: 'king' },
    { email },
    { email: 'ada', role: 'owner' },
    { email: `${'a'.repeat(200)}@example.com`, role: 'owner' },
    { email, role: 'owner', more: 1 },
  ]) {
    expect(await code('/picky/invite', body), JSON.stringify(body)).toBe('invalid_input')
  }
  const owner = await platform.signUp('kingmaker@example.com')
  const [own] = (await owner.request('/api/namespaces')).body.data
  const invited = await owner.request(`/api/namespaces/${own.slug}/invitations`, { body: { email, role: 'owner' } })
  expect(invited.body.code).toBe('invalid_input')
  const url = ['--url', platform.url]
  const said = async (...args: string[]) => (await cli(['invite', ...args, ...url])).stderr
  expect(await said('picky', email)).toBe('Missing --role. Expected one of owner, admin, editor, viewer.\n')
  expect(await said('picky', email, '--role', 'king')).toContain('Invalid role "king". Expected one of owner')
  expect(await said('nowhere', email, '--role', 'owner')).toContain('Namespace "nowhere" not found')
  expect(await said('picky', 'ada', '--role', 'owner')).toContain('email')
  expect(await said('picky', '--role', 'owner')).toContain('npm run operator -- <command>')
})

test('the program does all that, with the secret of the data folder', async () => {
  await platform.createNamespace('program')
  const url = ['--url', platform.url]
  expect(await cli(['credit', 'program', '100', '--note', 'by hand', ...url])).toEqual({
    code: 0,
    stdout: 'Balance of program: $105.\n',
    stderr: '',
  })
  expect((await cli(['credit', 'program', '-5.5', '--note', 'correction', ...url])).stdout).toBe(
    'Balance of program: $99.5.\n',
  )
  expect((await cli(['suspend', 'program', '--note', 'x', ...url])).stdout).toBe('program is suspended.\n')
  expect((await cli(['list', ...url])).stdout).toMatch(
    /^namespace +status +balance +drift +created\n(.*\n)*program +suspended +\$99\.5 +\$0 +20/,
  )
  expect((await cli(['resume', 'program', '--note', 'x', ...url])).stdout).toBe('program is active.\n')
  const help = await cli([])
  expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('npm run operator -- <command>') })
})

test('the program says what is wrong in a sentence', async () => {
  const url = ['--url', platform.url]
  const said = async (args: string[], environment?: Record<string, string>) => {
    const { code, stderr } = await cli(args, environment)
    return [code, stderr.trim()]
  }
  expect(await said(['credit', 'program', '5', ...url])).toEqual([1, expect.stringContaining('--note')])
  expect(await said(['credit', 'program', 'much', '--note', 'x', ...url])).toEqual([
    1,
    'Invalid amount "much". Expected US dollars, such as 25 or -5.',
  ])
  expect(await said(['credit', 'missing', '5', '--note', 'x', ...url])).toEqual([1, 'Namespace "missing" not found.'])
  expect(await said(['list', '--url', 'http://127.0.0.1:9'])).toEqual([
    1,
    expect.stringContaining('Is the instance running?'),
  ])
  expect(await said(['list', ...url], { PERSQL_DATA: join(data, 'none') })).toEqual([
    1,
    expect.stringContaining('PERSQL_SECRET'),
  ])
  expect((await said(['dance', ...url]))[1]).toContain('npm run operator -- <command>')
})

test('the command line finds, checks and accepts the files of databases', async () => {
  const files = new ObjectFiles(platform.data, 'database')
  const { token } = await platform.createNamespace('filed')
  const db = platform.database('filed', 'main', token)
  const file = await files.created(() => db.query('CREATE TABLE t (n)'))
  const run = (...args: string[]) =>
    cli([...args, '--url', platform.url], { PERSQL_DATA: platform.data, PERSQL_SECRET: platform.secret })
  expect(await run('locate', 'filed/main')).toMatchObject({ code: 0, stdout: `${file}\n` })
  const checked = await run('check')
  expect(checked.code, checked.stdout).toBe(0)
  expect(checked.stdout).toMatch(/^directory: ok\n/)
  expect(checked.stdout).toContain('\nfiled: ok\nfiled/main: ok\n')
  for (const [args, problem] of [
    [['locate'], 'Missing database.'],
    [['locate', 'filed'], 'Invalid database address "filed".'],
    [['locate', 'filed/other'], 'Database "filed/other" not found'],
    [['check', 'other/main'], 'Namespace "other" not found'],
    [['check', 'filed/main', 'more'], 'Unexpected argument "more".'],
    [['accept', 'filed/main'], 'Missing --note.'],
    [['vacuum', 'filed/other'], 'not found'],
    [['accept', 'filed/other', '--note', 'x'], 'not found'],
  ] as const) {
    const { code, stderr } = await run(...args)
    expect([code, stderr], args.join(' ')).toEqual([1, expect.stringContaining(problem)])
  }
  const unchanged = "The file of filed/main stays as it is: this instance can't shorten files.\n"
  expect(await run('vacuum', 'filed/main')).toMatchObject({ code: 1, stdout: unchanged })
  await platform.kill()
  removeFile(file)
  const missing = await run('check', 'filed/main')
  expect([missing.code, missing.stdout]).toEqual([1, `filed/main: damaged. ${file}: missing\n`])
  await platform.restart()
  expect((await db.query('SELECT 1')).body.code).toBe('database_damaged')
  expect((await run('accept', 'filed/main', '--note', 'lost')).code).toBe(0)
  expect((await db.query('SELECT 1')).status).toBe(200)
})
