import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LaunchedInstance, runOperator } from '../launched-instance.ts'

const password = 'correct horse battery'
const namespaces = '/api/operator/namespaces'

let instance: LaunchedInstance
beforeAll(async () => {
  instance = await LaunchedInstance.create()
  await instance.start()
})
afterAll(() => instance?.remove())

const rotate = (environment: Record<string, string> = {}, ...args: string[]) =>
  runOperator(['rotate-secret', ...args], { PERSQL_DATA: instance.data, ...environment })
const readSecret = (): string => readFileSync(join(instance.data, 'secret'), 'utf8').trim()
const signIn = (email: string) => instance.request('/api/auth/sign-in/email', { body: { email, password } })

test('a rotation replaces the operator secret and keeps tokens, endpoints and accounts', async () => {
  const file = join(instance.data, 'secret')
  const old = readSecret()
  const { db, token } = await instance.createNamespace('acme')
  expect((await db().query('CREATE TABLE t (n)')).status).toBe(200)
  expect((await db().query('INSERT INTO t VALUES (7)')).status).toBe(200)
  const sql = 'SELECT n FROM t'
  const endpoint = { slug: 'all', name: 'All', kind: 'query', method: 'GET', sql, input: [], output: 'rows' }
  const created = await db().request('/endpoints', { body: endpoint })
  expect(created.status, JSON.stringify(created.body)).toBe(200)
  expect((await db().request('/endpoints/all/publish', { body: {} })).status).toBe(200)
  const account = await instance.signUp('ada@example.com', password)
  expect((await account.request('/api/auth/get-session')).body).toMatchObject({ user: { email: account.email } })

  const refused = await rotate()
  expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('PerSQL is running on') })
  expect(readSecret()).toBe(old)

  await instance.stop()
  chmodSync(file, 0o644)
  // A process that was killed during an earlier rotation.
  writeFileSync(`${file}.new`, 'half', { mode: 0o666 })
  const rotated = await rotate()
  expect(rotated).toMatchObject({ code: 0, stderr: '' })
  const next = readSecret()
  expect(next).toMatch(/^[\w-]{43}$/)
  expect(next).not.toBe(old)
  expect(rotated.stdout).not.toContain(next)
  expect(statSync(file).mode & 0o777).toBe(0o600)

  await instance.start()
  expect(await instance.request(namespaces, { token: old })).toMatchObject({
    status: 401,
    body: { code: 'operator_only' },
  })
  expect((await instance.request(namespaces, { token: next })).status).toBe(200)
  const again = instance.database('acme', 'main', token)
  expect((await again.query('SELECT n FROM t')).body.data.rows).toEqual([[7]])
  expect(await instance.request('/p/acme/main/all')).toMatchObject({ status: 200 })
  expect((await account.request('/api/auth/get-session')).body).toBeNull()
  const signedIn = await signIn(account.email)
  expect(signedIn.status, JSON.stringify(signedIn.body)).toBe(200)
  const session = instance.session(signedIn, account.email)
  expect((await session.request('/api/auth/get-session')).body).toMatchObject({ user: { id: account.userId } })
  await instance.stop()
})

test.each([
  ['a secret from the environment', { PERSQL_SECRET: 'of-the-environment' }, [], 'comes from PERSQL_SECRET'],
  ['a folder without a secret', { PERSQL_DATA: '/dev/null/none' }, [], 'not found. Set PERSQL_DATA'],
  ['an argument', {}, ['now'], 'Unexpected argument "now"'],
])('a rotation refuses %s', async (_, environment: Record<string, string>, args, sentence) => {
  const before = readSecret()
  expect(await rotate(environment, ...args)).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining(sentence),
  })
  expect(readSecret()).toBe(before)
})
