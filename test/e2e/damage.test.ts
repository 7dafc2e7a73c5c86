import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkFiles } from '../../apps/launcher/src/check-files.ts'
import { locateDatabase } from '../../apps/launcher/src/object-files.ts'
import { DAMAGE, dropBeside, overwrite, settle } from '../file-damage.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let ns: Awaited<ReturnType<TestPlatform['createNamespace']>>
beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' }, failures: ['unavailable', 'database_damaged'] })
  ns = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())

const folder = (kind = 'database') => join(platform.data, 'objects', kind)
const objects = (kind?: string) => readdirSync(folder(kind)).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))

/** The file of the object that `work` makes. */
async function findFile(work: () => Promise<unknown>): Promise<string> {
  const before = new Set(existsSync(folder()) ? objects() : [])
  await work()
  const [name, ...others] = objects().filter((each) => !before.has(each))
  if (name === undefined || others.length > 0) throw new Error('Not exactly one object was made.')
  return join(folder(), name)
}

const remove = (slug: string) => platform.request(`/v1/databases/${slug}`, { method: 'DELETE', token: ns.token })
const create = (slug: string) => platform.request('/v1/databases', { token: ns.token, body: { slug } })
const listed = async () =>
  ((await platform.request('/v1/databases', { token: ns.token })).body.data as { slug: string; status: string }[]).map(
    ({ slug, status }) => `${slug} ${status}`,
  )
const fill = (slug: string) =>
  ns.db(slug).batch([
    { sql: 'CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT)' },
    {
      sql: 'WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 2000) INSERT INTO t SELECT i, hex(randomblob(50)) FROM c',
    },
    { sql: 'CREATE INDEX t_s ON t (s)' },
  ])

test('damaged databases can be deleted, their names reused, and healthy databases stay intact', async () => {
  const kinds = Object.keys(DAMAGE)
  const slugs = kinds.map((_, i) => `damaged-${i}`)
  const files: string[] = []
  for (const slug of slugs) {
    files.push(
      await findFile(async () => {
        await create(slug)
        await fill(slug)
      }),
    )
  }
  for (const slug of ['healthy', 'unneeded']) await create(slug).then(() => fill(slug))
  await platform.kill()
  for (const [i, file] of files.entries()) {
    settle(file)
    dropBeside(file)
    DAMAGE[kinds[i] as string]?.(file)
  }
  await platform.restart()
  // Some were asked before, so that their objects run; others never started since.
  for (const slug of slugs.filter((_, i) => i % 2 === 0)) await ns.db(slug).query('SELECT count(*) FROM t')
  for (const [i, slug] of slugs.entries()) {
    const { status, body } = await remove(slug)
    expect([status, body.data], `${kinds[i]}: ${JSON.stringify(body)}`).toEqual([200, { deleted: true }])
    expect((await remove(slug)).body.code, kinds[i]).toBe('database_not_found')
  }
  expect((await remove('unneeded')).body.data).toEqual({ deleted: true })
  expect(await listed()).toEqual(['healthy healthy', 'main healthy'])
  expect((await ns.db('healthy').query('SELECT count(*), sum(length(s)) FROM t')).body.data.rows).toEqual([
    [2000, 200_000],
  ])
  for (const [i, slug] of slugs.entries()) {
    expect((await create(slug)).status, kinds[i]).toBe(200)
    expect((await ns.db(slug).query('SELECT count(*) FROM t')).body.error, kinds[i]).toContain('no such table')
    await fill(slug)
  }
  await platform.kill()
  await platform.restart()
  for (const [i, slug] of slugs.entries()) {
    expect((await ns.db(slug).query('SELECT count(*) FROM t')).body.data?.rows, kinds[i]).toEqual([[2000]])
  }
})

/** The response of a call to each damaged database, and its status in the list. */
const NOTICED: Record<string, [answer: string, status: string]> = {
  // The statement reads no page of it.
  'an overwritten page': ['ok', 'healthy'],
  'an overwritten first page': ['database_damaged', 'damaged'],
  'a garbage header': ['database_damaged', 'damaged'],
  'all pages but the first overwritten': ['database_damaged', 'damaged'],
  'the second half overwritten': ['database_damaged', 'damaged'],
  'a truncated file': ['database_damaged', 'damaged'],
  'a file of 10 bytes': ['database_damaged', 'damaged'],
  'zero bytes': ['database_damaged', 'damaged'],
  'no file': ['database_damaged', 'damaged'],
  'another file': ['database_damaged', 'damaged'],
  'a folder in its place': ['database_damaged', 'damaged'],
  // SQLite ignores a log that it didn't write.
  'a garbage log beside it': ['ok', 'healthy'],
}
const toCode = ({ status, body }: { status: number; body: { code?: string } }) => (status === 200 ? 'ok' : body.code)
const damagedCount = async () => {
  const { body } = await platform.request('/metrics', { token: platform.secret })
  return Number(/^persql_damaged_databases (\d+)$/m.exec(body)?.[1])
}
const logged = (slug: string) =>
  platform.stderr.filter((line) => line.includes('"event":"database_damaged"') && line.includes(`"${slug}"`))

test('damage is reported as such, in calls, the list, the log, the metrics and by the operator’s check', async () => {
  const before = await damagedCount()
  const kinds = Object.keys(DAMAGE)
  const files: string[] = []
  for (const [i] of kinds.entries()) files.push(await findFile(() => create(`bad-${i}`).then(() => fill(`bad-${i}`))))
  await platform.kill()
  for (const [i, file] of files.entries()) {
    settle(file)
    dropBeside(file)
    DAMAGE[kinds[i] as string]?.(file)
  }
  const checks = new Map([...checkFiles(platform.data, 'shared')].map(({ name, problem }) => [name, problem]))
  await platform.restart()
  for (const [i, kind] of kinds.entries()) {
    const slug = `bad-${i}`
    const [answer, status] = NOTICED[kind] as [string, string]
    for (const _ of [1, 2]) {
      const called = await ns.db(slug).query('SELECT count(*) FROM t')
      expect(toCode(called), kind).toBe(answer)
      if (answer === 'database_damaged') expect(called.body.error, kind).not.toMatch(/try again/i)
    }
    expect(await listed(), kind).toContain(`${slug} ${status}`)
    expect(locateDatabase(platform.data, `acme/${slug}`, 'shared')).toBe(files[i])
    const path = (files[i] as string).slice(platform.data.length + 1)
    expect(logged(slug).map((line) => JSON.parse(line).file)).toEqual(status === 'damaged' ? [path] : [])
    const isFound = kind !== 'a garbage log beside it'
    expect(checks.get(`acme/${slug}`) === undefined, `${kind}: ${checks.get(`acme/${slug}`)}`).toBe(!isFound)
  }
  expect([checks.get('directory'), checks.get('acme')]).toEqual([undefined, undefined])
  expect(await damagedCount()).toBe(before + Object.values(NOTICED).filter(([, status]) => status === 'damaged').length)
  for (const [i] of kinds.entries()) expect((await remove(`bad-${i}`)).status).toBe(200)
  expect(await damagedCount()).toBe(before)
})

test('a file that is lost right after the first write is missing, not empty', async () => {
  const file = await findFile(() => create('lost').then(() => ns.db('lost').query('CREATE TABLE t (n)')))
  await platform.kill()
  rmSync(file)
  dropBeside(file)
  await platform.restart()
  expect(toCode(await ns.db('lost').query('SELECT 1'))).toBe('database_damaged')
  expect(await listed()).toContain('lost damaged')
})

test('an older file and the file of another database are refused, and the right ones are served again', async () => {
  const [one, two] = [
    await findFile(() => create('one').then(() => fill('one'))),
    await findFile(() => create('two').then(() => fill('two'))),
  ]
  await platform.kill()
  for (const file of [one, two]) settle(file)
  const older = readFileSync(one)
  await platform.restart()
  expect(toCode(await ns.db('one').query('DELETE FROM t WHERE n = 1'))).toBe('ok')
  // The namespace learns of the write with the next report.
  expect((await platform.request('/v1/usage', { token: ns.token })).status).toBe(200)
  await platform.kill()
  // The other database can have saved its usage since.
  for (const file of [one, two]) settle(file)
  const newer = readFileSync(one)
  const other = readFileSync(two)
  const put = async (contents: [string, Buffer][]) => {
    await platform.kill()
    for (const [file, content] of contents) {
      dropBeside(file)
      // A new file: this process has checked the old one, and SQLite would reuse what it knows of that.
      rmSync(file)
      writeFileSync(file, content)
    }
    await platform.restart()
  }
  const count = (slug: string) => ns.db(slug).query('SELECT count(*) FROM t')
  await put([[one, older]])
  expect(toCode(await count('one'))).toBe('database_damaged')
  expect(toCode(await ns.db('one').query('INSERT INTO t (s) VALUES (1)'))).toBe('database_damaged')
  expect([...checkFiles(platform.data, 'shared', 'acme/one')][0]?.problem).toContain('outdated')
  // Swapped files: neither is wiped.
  await put([
    [one, other],
    [two, newer],
  ])
  for (const slug of ['one', 'two']) {
    expect(toCode(await count(slug)), slug).toBe('database_damaged')
    expect(await listed()).toContain(`${slug} damaged`)
    expect([...checkFiles(platform.data, 'shared', `acme/${slug}`)][0]?.problem).toContain('another database')
  }
  await put([
    [one, newer],
    [two, other],
  ])
  expect((await count('one')).body).toMatchObject({ data: { rows: [[1999]] } })
  expect((await count('two')).body).toMatchObject({ data: { rows: [[2000]] } })
  expect(await listed()).toEqual(expect.arrayContaining(['one healthy', 'two healthy']))
  // The operator has no newer file.
  await put([[one, older]])
  expect(toCode(await count('one'))).toBe('database_damaged')
  const accept = (body: object, token = platform.secret) => platform.request('/api/launcher/accepted', { token, body })
  expect((await accept({ database: 'acme/one', note: 'restored' }, ns.token)).status).toBe(401)
  expect(toCode(await accept({ database: 'acme/nope', note: 'x' }))).toBe('database_not_found')
  expect(toCode(await accept({ database: 'nope/one', note: 'x' }))).toBe('namespace_not_found')
  expect(toCode(await accept({ database: 'acme/one', note: '' }))).toBe('invalid_input')
  expect(toCode(await accept({ database: 'acme/one', note: 'restored from a copy' }))).toBe('ok')
  expect((await count('one')).body).toMatchObject({ data: { rows: [[2000]] } })
  expect(await listed()).toContain('one healthy')
  // From now on, an older file is refused again.
  expect((await platform.request('/v1/usage', { token: ns.token })).status).toBe(200)
  await platform.kill()
  rmSync(one)
  dropBeside(one)
  await platform.restart()
  expect(toCode(await count('one'))).toBe('database_damaged')
})

test('a fork that was never called is missed too, and a reset branch with a new file is served', async () => {
  await create('origin').then(() => fill('origin'))
  const fork = await findFile(() => ns.db('origin').request('/fork', { body: { slug: 'forked' } }))
  const claim = () => ns.db('origin').request('/claim_branch', { body: { ref: 'work' } })
  const branch = await findFile(claim)
  const { token, databaseSlug } = (await claim()).body.data
  const opened = platform.database('acme', databaseSlug, token)
  expect(toCode(await opened.query('INSERT INTO t (s) VALUES (1)'))).toBe('ok')
  expect((await platform.request('/v1/usage', { token: ns.token })).status).toBe(200)
  await platform.kill()
  for (const file of [fork, branch]) {
    rmSync(file)
    dropBeside(file)
  }
  await platform.restart()
  expect(toCode(await ns.db('forked').query('SELECT 1'))).toBe('database_damaged')
  expect(toCode(await opened.query('SELECT 1'))).toBe('database_damaged')
  const { data } = (await claim()).body
  const again = platform.database('acme', databaseSlug, data.token)
  expect(toCode(await again.query('SELECT count(*) FROM t'))).toBe('ok')
  expect(await listed()).toContain(`${databaseSlug} healthy`)
})

test('a damaged snapshot keeps neither its database nor the other snapshots from being deleted', async () => {
  await create('kept').then(() => fill('kept'))
  const snapshots: { id: string; file: string }[] = []
  for (let i = 0; i < 3; i++) {
    let id = ''
    const file = await findFile(async () => {
      id = (await ns.db('kept').request('/snapshots', { body: { label: `s${i}` } })).body.data.id
    })
    snapshots.push({ id, file })
  }
  await platform.kill()
  const [first, second, third] = snapshots as [(typeof snapshots)[0], (typeof snapshots)[0], (typeof snapshots)[0]]
  for (const { file } of [first, second]) {
    settle(file)
    dropBeside(file)
    overwrite(file, 0, 4096)
  }
  await platform.restart()
  const gone = await ns.db('kept').request(`/snapshots/${first.id}`, { method: 'DELETE' })
  expect(gone.body.data).toEqual({ deleted: true })
  expect((await remove('kept')).body.data).toEqual({ deleted: true })
  expect(await listed()).not.toContainEqual(expect.stringContaining('kept'))
  expect([first, second, third].filter(({ file }) => existsSync(file))).toEqual([])
})

test('a damaged branch can be reset, and a damaged parent deleted with its branches', async () => {
  await create('parent').then(() => fill('parent'))
  const claim = () => ns.db('parent').request('/claim_branch', { body: { ref: 'feature' } })
  const branchFile = await findFile(claim)
  const { token, databaseSlug } = (await claim()).body.data
  await platform.kill()
  settle(branchFile)
  dropBeside(branchFile)
  overwrite(branchFile, 0, 4096)
  await platform.restart()
  const reset = await claim()
  expect([reset.status, reset.body.data?.outcome], JSON.stringify(reset.body)).toEqual([200, 'reset'])
  expect((await platform.database('acme', databaseSlug, token).query('SELECT 1')).status).toBe(401)
  const branch = platform.database('acme', databaseSlug, reset.body.data.token)
  expect((await branch.query('SELECT count(*) FROM t')).body.data.rows).toEqual([[0]])
  expect((await remove('parent')).body.data).toEqual({ deleted: true })
  expect(await listed()).not.toContainEqual(expect.stringContaining('parent'))
})

/** Runs `work` on an instance whose objects' files are out of its reach, as they are on Cloudflare. */
async function withoutFiles(work: () => Promise<void>): Promise<void> {
  const config = join(platform.data, 'run', 'workerd.capnp')
  const text = readFileSync(config, 'utf8')
  writeFileSync(config, text.replace(/^.*name = "OBJECT_FILES".*$/m, ''))
  expect(readFileSync(config, 'utf8')).not.toBe(text)
  try {
    await platform.restart()
    await work()
  } finally {
    writeFileSync(config, text)
    await platform.restart()
  }
}

test('a file that cannot be removed keeps its own name alone, and is removed once it can be', async () => {
  const file = await findFile(() => create('stuck').then(() => fill('stuck')))
  await create('free').then(() => fill('free'))
  await platform.kill()
  settle(file)
  dropBeside(file)
  overwrite(file, 0, 4096)
  await withoutFiles(async () => {
    expect((await remove('stuck')).body.data).toEqual({ deleted: true })
    expect((await remove('free')).body.data).toEqual({ deleted: true })
    expect(await listed()).toContain('stuck deleting')
    expect(await listed()).not.toContainEqual(expect.stringContaining('free'))
    expect((await create('stuck')).body.code).toBe('database_deleting')
    expect((await ns.db('stuck').query('SELECT 1')).body.code).toBe('database_deleting')
  })
  expect((await remove('stuck')).body.data).toEqual({ deleted: true })
  expect(await listed()).not.toContainEqual(expect.stringContaining('stuck'))
  expect((await create('stuck')).status).toBe(200)
})

/** The failures that the platform logged since a line, to explain a deletion that didn't finish. */
const failuresSince = (line: number) =>
  platform.stderr
    .slice(line)
    .filter((text) => /"event":"(deletion_failed|timer_failed|wake_up_failed|damaged_object_removed)"/.test(text))
    .join('\n')

test('a branch that cannot be deleted when it expires holds up neither others nor the close of the day', async () => {
  await create('tree').then(() => fill('tree'))
  const claim = (ref: string) => ns.db('tree').request('/claim_branch', { body: { ref, ttlSec: 3600 } })
  const file = await findFile(() => claim('a-damaged'))
  await claim('b-healthy')
  await platform.kill()
  dropBeside(file)
  // The runtime never opens a folder, and can't remove it.
  DAMAGE['a folder in its place']?.(file)
  const refs = async () => {
    const { data } = (await platform.request('/v1/databases', { token: ns.token })).body
    return (data as { branchRef: string | null; status: string }[])
      .filter(({ branchRef }) => branchRef !== null)
      .map(({ branchRef, status }) => `${branchRef} ${status}`)
  }
  const setAhead = (aheadMs: number) =>
    platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
  const line = platform.stderr.length
  const DAY = 24 * 60 * 60 * 1000
  await withoutFiles(async () => {
    expect((await setAhead(2 * DAY)).status).toBe(200)
    expect(await refs(), failuresSince(line)).toEqual(['a-damaged deleting'])
    const { lastReconcileAt } = (await platform.request('/api/status')).body.data
    expect(lastReconcileAt, failuresSince(line)).not.toBeNull()
  })
  expect((await setAhead(2 * DAY + 60 * 60 * 1000)).status).toBe(200)
  expect(await refs(), failuresSince(line)).toEqual([])
})

test('a namespace with a damaged database is closed, billed and deleted like others', async () => {
  const owner = await platform.signUp('owner@example.com')
  const slug = (await owner.request('/api/namespaces')).body.data[0].slug as string
  const file = await findFile(async () => {
    const { token } = (await owner.request(`/api/namespaces/${slug}/tokens`, { body: { name: 'x' } })).body.data
    await platform.database(slug, 'main', token).query('CREATE TABLE t (n)')
  })
  await platform.kill()
  settle(file)
  dropBeside(file)
  overwrite(file, 0, 4096)
  await platform.restart()
  expect((await owner.request(`/api/namespaces/${slug}/billing`)).status).toBe(200)
  const [token] = (await owner.request(`/api/namespaces/${slug}/tokens`)).body.data
  const revoked = await owner.request(`/api/namespaces/${slug}/tokens/${token.id}`, { method: 'DELETE' })
  expect(revoked.status).toBe(200)
  expect((await owner.request(`/api/namespaces/${slug}`, { method: 'DELETE' })).body.data).toEqual({ deleted: true })
  expect((await owner.request('/api/namespaces')).body.data).toEqual([])
})

test('a damaged namespace is listed as unavailable, and others are listed', async () => {
  const before = new Set(objects('namespace'))
  await platform.createNamespace('broken')
  const [name] = objects('namespace').filter((each) => !before.has(each))
  const file = join(folder('namespace'), name ?? '')
  await platform.kill()
  settle(file)
  dropBeside(file)
  overwrite(file, 0, 4096)
  await platform.restart()
  const { body } = await platform.request('/api/operator/namespaces', { token: platform.secret })
  expect(body.data).toContainEqual(
    expect.objectContaining({ slug: 'broken', status: 'unavailable', balanceUsd: null, driftUsd: null }),
  )
  expect(body.data).toContainEqual(expect.objectContaining({ slug: 'acme', status: 'active' }))
})
