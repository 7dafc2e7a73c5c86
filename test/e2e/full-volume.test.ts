import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { startPlatform } from '../harness.ts'
import { launch } from '../launcher-process.ts'
import { toReaderCount } from '../reader-count.ts'
import { SmallVolume } from '../small-volume.ts'

const MB = 1024 * 1024
const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

function mount(megabytes: number): SmallVolume {
  const volume = new SmallVolume(megabytes)
  undo.push(() => volume.remove())
  return volume
}

const toCode = ({ status, body }: { status: number; body: { code?: string } }) =>
  status === 200 ? 'ok' : `${status} ${body.code}`

test('a disk that fills between two measurements refuses writes, keeps every acknowledged one, and bills them', async () => {
  const volume = mount(64)
  const platform = await startPlatform({ data: volume.path, failures: ['storage_full'] })
  undo.push(() => platform.stop())
  const ns = await platform.createNamespace('acme')
  const db = await ns.make('CREATE TABLE t (n INTEGER PRIMARY KEY, b)')
  const usage = async () => {
    const { databases } = (await platform.request('/v1/usage', { token: ns.token })).body.data
    const { requests, rowsWritten } = databases.find(({ slug }: { slug: string }) => slug === db.slug)
    return { requests, rowsWritten }
  }
  const before = await usage()
  const pid = platform.pid()
  volume.fill(3 * MB)
  const acknowledged: number[] = []
  const answers = new Set<string>()
  for (let n = 0; n < 15; n++) {
    const answer = toCode(await db.query('INSERT INTO t VALUES (?, zeroblob(300000))', [n]))
    if (answer === 'ok') acknowledged.push(n)
    answers.add(answer)
  }
  const large = `WITH RECURSIVE c (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM c LIMIT 100)
    INSERT INTO t SELECT i, zeroblob(300000) FROM c`
  answers.add(toCode(await db.query(large)))
  answers.add(toCode(await platform.request('/v1/databases', { token: ns.token, body: { slug: 'more' } })))
  expect([...answers].sort()).toEqual(['507 storage_full', 'ok'])
  expect(acknowledged.length).toBeGreaterThan(0)
  volume.empty()
  expect(toCode(await db.query("INSERT INTO t VALUES (1000, 'x')"))).toBe('ok')
  const { rows } = (await db.query('SELECT n FROM t ORDER BY n')).body.data
  expect(rows.map(([n]: [number]) => n)).toEqual([...acknowledged, 1000])
  expect(platform.pid()).toBe(pid)
  // Refused writes aren't billed; two more calls are the last write and the read.
  expect(await usage()).toEqual({
    requests: before.requests + acknowledged.length + 2,
    rowsWritten: before.rowsWritten + acknowledged.length + 1,
  })
})

test('the launcher measures the disk: reads go on when it is full, a restart works, and room ends the refusal', async () => {
  const volume = mount(128)
  const folder = mkdtempSync(join(tmpdir(), 'persql-launcher-'))
  undo.push(() => rmSync(folder, { recursive: true }))
  const settings = { PERSQL_DATA: join(volume.path, 'data'), PERSQL_READERS: String(toReaderCount(1)) }
  let launcher = launch(folder, settings)
  undo.push(() => launcher.stop())
  let { url } = await launcher.welcome()
  const { token } = JSON.parse(readFileSync(join(settings.PERSQL_DATA, 'bootstrap.json'), 'utf8'))
  const call = async (path: string, body?: unknown) => {
    const response = await fetch(url + path, {
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    })
    return { status: response.status, body: await response.json() }
  }
  const query = async (sql: string) => toCode(await call('/v1/db/acme/main/query', { sql }))
  const disk = async () => (await call('/healthz')).body.disk
  expect(await disk()).toBe('ok')
  expect(await query('CREATE TABLE t (n)')).toBe('ok')
  expect(await query('INSERT INTO t VALUES (1)')).toBe('ok')
  volume.fill()
  await expect.poll(disk).not.toBe('ok')
  expect(await query('INSERT INTO t VALUES (2)')).toBe('507 storage_full')
  expect(await query('SELECT * FROM t')).toBe('ok')
  await launcher.printed('"disk_full"')
  await launcher.stop()
  launcher = launch(folder, settings)
  ;({ url } = await launcher.welcome())
  expect(await disk()).not.toBe('ok')
  // The first call opens the file, and takes credit.
  expect(await query('SELECT * FROM t')).toBe('ok')
  expect(await query('INSERT INTO t VALUES (2)')).toBe('507 storage_full')
  volume.empty()
  await expect.poll(disk).toBe('ok')
  expect(await query('INSERT INTO t VALUES (2)')).toBe('ok')
  expect((await call('/v1/db/acme/main/query', { sql: 'SELECT count(*) FROM t' })).body.data.rows).toEqual([[2]])
  expect(await launcher.stop()).toBe(0)
})
