import { once } from 'node:events'
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { LaunchedInstance, startOperator } from '../launched-instance.ts'
import { runOnFile } from '../object-files.ts'

const REQUEST_NANO = 500
const WRITE_NANO = 2_500
const settings = { PERSQL_WELCOME_CREDIT_USD: '0.0001' }

interface Entry {
  readonly kind: string
  readonly amountUsd: number
  readonly detail: Record<string, unknown>
}

let live: LaunchedInstance
let restored: LaunchedInstance
let target: string
let token: string
beforeAll(async () => {
  live = await LaunchedInstance.create(settings)
  await live.start()
})
afterAll(() => live.remove())
beforeEach(async () => {
  restored = await LaunchedInstance.create(settings)
  target = await makeDataFolder('persql-target-')
})
afterEach(async () => {
  await restored.remove()
  await removeDataFolder(target)
})

const billing = async (instance: LaunchedInstance): Promise<{ balanceNanoUsd: string; ledger: Entry[] }> =>
  (await instance.request('/v1/billing', { token })).body.data
const balance = async (instance: LaunchedInstance): Promise<number> => Number((await billing(instance)).balanceNanoUsd)

/** Returns the adjustments of a restore. */
const adjustments = async (): Promise<Entry[]> =>
  (await billing(restored)).ledger.filter(({ kind }) => kind === 'restore_adjustment')

async function backUp(): Promise<void> {
  expect(await live.operator('backup', target)).toMatchObject({ code: 0, stderr: '' })
}

async function restoreAndStart(): Promise<void> {
  expect(await restored.operator('restore', target)).toMatchObject({ code: 0, stderr: '' })
  await restored.start()
  expect(existsSync(join(restored.data, 'restore.json'))).toBe(false)
}

interface Copied {
  readonly objects: { name: string; path: string; sha256: string }[]
  readonly deleted: { namespace: string; id: string }[]
}

/** Reads the manifests of the target, oldest first. */
const manifests = (): Copied[] =>
  readdirSync(join(target, 'backups'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(target, 'backups', name), 'utf8')).manifest)

test('credit that a database held during the backup is returned once, and the last cent can be spent', async () => {
  const namespace = await live.createNamespace('lent')
  token = namespace.token
  // One database holds all credit.
  for (let call = 0; call < 20; call++) expect((await namespace.db().query('SELECT 1')).status).toBe(200)
  const before = await balance(live)
  expect(before).toBe(100_000 - 20 * REQUEST_NANO)
  await backUp()
  await restoreAndStart()
  expect(await balance(restored)).toBe(before)
  const other = await restored.request('/v1/databases', { token, body: { slug: 'other' } })
  expect(other.status).toBe(200)
  const left = await balance(restored)
  let served = 0
  while ((await restored.database('lent', 'other', token).query('SELECT 1')).status === 200) served++
  expect(served).toBe(Math.floor(left / REQUEST_NANO))
  await restored.stop('SIGKILL')
  await restored.start()
  for (const name of ['main', 'other']) {
    expect((await restored.database('lent', name, token).query('SELECT 1')).status).toBe(402)
  }
  expect(await balance(restored)).toBeLessThan(REQUEST_NANO)
  expect(await balance(restored)).toBeGreaterThanOrEqual(0)
  const alarms = runOnFile(join(restored.data, 'objects/namespace/metadata.sqlite'), 'SELECT count(*) FROM _cf_ALARM')
  expect(Number(alarms)).toBeGreaterThanOrEqual(1)
})

test('usage that only the database counted is debited once, as an entry of the ledger', async () => {
  const namespace = await live.createNamespace('ahead')
  token = namespace.token
  await namespace.db().query('CREATE TABLE t (n)')
  // A new schema is reported soon, with the usage until then.
  await expect
    .poll(async () => (await live.request('/v1/databases/main', { token })).body.data.schemaHash)
    .toMatch(/^[0-9a-f]{32}$/)
  await balance(live)
  // The namespace has no report of these calls when it is copied.
  for (let call = 0; call < 4; call++) void namespace.db().query('SELECT 1')
  for (let call = 0; call < 4; call++) expect((await namespace.db().query('INSERT INTO t VALUES (1)')).status).toBe(200)
  await backUp()
  const before = await balance(live)
  await restoreAndStart()
  const entries = await adjustments()
  expect(entries).toHaveLength(1)
  expect(entries[0]).toMatchObject({ detail: { database: 'main', rowsWritten: expect.any(Number) } })
  expect(await balance(restored)).toBe(before)
  await restored.stop()
  await restored.start()
  expect(await adjustments()).toEqual(entries)
  expect(await balance(restored)).toBe(before)
})

test('an older file in a restored folder is served, gives nothing back, and is billed from there', async () => {
  const namespace = await live.createNamespace('behind')
  token = namespace.token
  await namespace.db().query('CREATE TABLE t (n)')
  await backUp()
  for (let call = 0; call < 5; call++) expect((await namespace.db().query('INSERT INTO t VALUES (1)')).status).toBe(200)
  const before = await balance(live)
  await backUp()
  expect(await restored.operator('restore', target)).toMatchObject({ code: 0 })
  const older = manifests()[0]?.objects.find(({ name }) => name === 'behind/main')
  if (older === undefined) throw new Error('The first backup has no copy of the database.')
  copyFileSync(join(target, 'files', older.sha256), join(restored.data, older.path))
  const verified = await restored.operator('verify', restored.data)
  expect(verified).toMatchObject({ code: 1, stdout: expect.stringContaining('behind/main: damaged. outdated') })
  await restored.start()
  expect(await balance(restored)).toBe(before)
  expect(await adjustments()).toMatchObject([
    { amountUsd: 0, detail: { database: 'main', requests: -5, rowsWritten: -5 } },
  ])
  const db = restored.database('behind', 'main', token)
  expect((await db.query('INSERT INTO t VALUES (2)')).status).toBe(200)
  expect(await balance(restored)).toBe(before - WRITE_NANO)
  expect((await db.query('SELECT n FROM t')).body.data.rows).toEqual([[2]])
  expect((await restored.operator('verify', restored.data)).code).toBe(0)
})

test('a database that is deleted during the backup is deleted after the restore, and its name is free', async () => {
  const namespace = await live.createNamespace('aaa')
  token = namespace.token
  const body = { amountUsd: 5, note: 'paid' }
  await live.request('/api/operator/namespaces/aaa/credit', { token: live.secret, body })
  for (let index = 0; index < 15; index++) await namespace.make('CREATE TABLE t (n)')
  const backup = startOperator(['backup', target], { PERSQL_DATA: live.data })
  const ended = once(backup, 'exit')
  const isCopied = () => existsSync(join(target, 'files')) && readdirSync(join(target, 'files')).length > 1
  while (!isCopied()) await delay(1)
  // The namespace is copied, and the databases aren't.
  backup.kill('SIGSTOP')
  for (const name of ['db-14', 'db-15']) {
    expect((await live.request(`/v1/databases/${name}`, { token, method: 'DELETE' })).status).toBe(200)
  }
  expect((await live.request('/v1/databases', { token, body: { slug: 'db-15' } })).status).toBe(200)
  expect((await live.database('aaa', 'db-15', token).query('CREATE TABLE new (n)')).status).toBe(200)
  backup.kill('SIGCONT')
  expect((await ended)[0]).toBe(0)
  // Without this, the deletion was too late, and the test shows nothing.
  expect(manifests().at(-1)?.deleted).toMatchObject([{ namespace: 'aaa' }, { namespace: 'aaa' }])
  expect((await live.operator('verify', target)).code).toBe(0)
  expect(await restored.operator('restore', target)).toMatchObject({ code: 0, stderr: '' })
  expect(await restored.operator('verify', restored.data)).toMatchObject({ code: 0, stderr: '' })
  await restored.start()
  const listed = (await restored.request('/v1/databases?pageSize=100', { token })).body.data
  const names = listed.map(({ slug, status }: { slug: string; status: string }) => `${slug} ${status}`)
  expect(names.toSorted()).toEqual(
    [...Array.from({ length: 13 }, (_, i) => `db-${i + 1} healthy`), 'main healthy'].toSorted(),
  )
  expect((await restored.request('/v1/databases', { token, body: { slug: 'db-15' } })).status).toBe(200)
  const db = restored.database('aaa', 'db-15', token)
  expect((await db.query('CREATE TABLE t (n)')).status).toBe(200)
})

test('an amount that is transferred during the backup is there once after the restore', async () => {
  const email = 'sender@example.com'
  const owner = await live.signUp(email)
  const [from, to] = ['aa-from', 'zz-to']
  for (const slug of [from, to]) expect((await owner.request('/api/namespaces', { body: { slug } })).status).toBe(200)
  const credit = { amountUsd: 100, note: 'paid' }
  await live.request(`/api/operator/namespaces/${from}/credit`, { token: live.secret, body: credit })
  const backup = startOperator(['backup', target], { PERSQL_DATA: live.data })
  const ended = once(backup, 'exit')
  while (!existsSync(join(target, 'files')) || readdirSync(join(target, 'files')).length === 0) await delay(1)
  // The sender is copied, and the recipient isn't.
  backup.kill('SIGSTOP')
  const sent = await owner.request(`/api/namespaces/${from}/billing/transfer`, { body: { to, amountUsd: 70 } })
  expect(sent.body.data).toMatchObject({ status: 'completed' })
  backup.kill('SIGCONT')
  expect((await ended)[0]).toBe(0)
  await restoreAndStart()
  const body = { email, password: 'correct horse battery' }
  const session = restored.session(await restored.request('/api/auth/sign-in/email', { body }), email)
  const amounts = async (slug: string): Promise<number[]> =>
    (await session.request(`/api/namespaces/${slug}/billing`)).body.data.ledger
      .filter(({ kind }: Entry) => kind === 'transfer')
      .map(({ amountUsd }: Entry) => amountUsd)
  expect([await amounts(from), await amounts(to)]).toEqual([[-70], [70]])
})
