import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let ns: Awaited<ReturnType<TestPlatform['createNamespace']>>
beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' }, failures: ['unavailable'] })
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

/** Brings all that was written into the file itself, where damage can reach it. */
const settle = (file: string) => execFileSync('sqlite3', [file, 'PRAGMA wal_checkpoint(TRUNCATE)'])
const dropBeside = (file: string) => {
  for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true })
}
const overwrite = (file: string, at: number, length: number) => {
  const bytes = readFileSync(file)
  bytes.fill(0xa5, at, at + length)
  writeFileSync(file, bytes)
}

const DAMAGE: Record<string, (file: string) => void> = {
  'an overwritten page': (file) => overwrite(file, 4096, 4096),
  'an overwritten first page': (file) => overwrite(file, 100, 3996),
  'a garbage header': (file) => overwrite(file, 0, 100),
  'all pages but the first overwritten': (file) => overwrite(file, 4096, statSync(file).size - 4096),
  'the second half overwritten': (file) => overwrite(file, statSync(file).size / 2, statSync(file).size / 2),
  'a truncated file': (file) => truncateSync(file, 5 * 4096 + 100),
  'a file of 10 bytes': (file) => truncateSync(file, 10),
  'zero bytes': (file) => truncateSync(file, 0),
  'no file': (file) => rmSync(file),
  'another file': (file) => writeFileSync(file, Buffer.alloc(40_960, 7)),
  'a folder in its place': (file) => {
    rmSync(file)
    mkdirSync(file)
    writeFileSync(join(file, 'x'), 'x')
  },
  'a garbage log beside it': (file) => writeFileSync(`${file}-wal`, Buffer.alloc(20_000, 9)),
}

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
  // The data of the deleted databases is gone.
  for (const { file } of [first, second, third]) expect(statSync(file).size).toBeLessThan(8 * 4096)
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

test('a branch that cannot be deleted when it expires holds up neither others nor the close of the day', async () => {
  await create('tree').then(() => fill('tree'))
  const claim = (ref: string) => ns.db('tree').request('/claim_branch', { body: { ref, ttlSec: 3600 } })
  const file = await findFile(() => claim('a-damaged'))
  await claim('b-healthy')
  await platform.kill()
  settle(file)
  dropBeside(file)
  overwrite(file, 0, 4096)
  const refs = async () => {
    const { data } = (await platform.request('/v1/databases', { token: ns.token })).body
    return (data as { branchRef: string | null; status: string }[])
      .filter(({ branchRef }) => branchRef !== null)
      .map(({ branchRef, status }) => `${branchRef} ${status}`)
  }
  const setAhead = (aheadMs: number) =>
    platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
  const DAY = 24 * 60 * 60 * 1000
  await withoutFiles(async () => {
    expect((await setAhead(2 * DAY)).status).toBe(200)
    expect(await refs()).toEqual(['a-damaged deleting'])
    expect((await platform.request('/api/status')).body.data.lastReconcileAt).not.toBeNull()
  })
  expect((await setAhead(2 * DAY + 60 * 60 * 1000)).status).toBe(200)
  expect(await refs()).toEqual([])
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
