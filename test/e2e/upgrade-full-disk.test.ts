import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { api, getEntryPoints, type Operation } from '@persql/contract'
import { afterEach, expect, test } from 'vitest'
import { launch } from '../launcher-process.ts'
import { SmallVolume } from '../small-volume.ts'
import type { Made } from '../upgrades/contents.ts'
import { fixtures, LaunchedPlatform, unpackFixture } from '../upgrades/fixture.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

/** Real values of path parameters, for operations that keep the data. */
const PATH: Readonly<Record<string, string>> = { ns: 'acme', db: 'main', slug: 'find-book', ref: 'draft' }
/** Calls with more than an empty body, which the table of all operations has. */
const CALLS: readonly [path: string, body?: object][] = [
  ['/v1/db/acme/main/query', { sql: 'SELECT * FROM books' }],
  ['/v1/db/acme/main/query', { sql: 'SELECT operation FROM _persql_query_log ORDER BY id DESC LIMIT 1' }],
  ['/v1/db/acme/main/query', { sql: 'UPDATE books SET stars = 1' }],
  ['/v1/db/acme/main/query', { sql: 'CREATE TABLE more (n)' }],
  ['/v1/db/acme/main/batch', { statements: [{ sql: 'SELECT 1' }, { sql: 'DELETE FROM books WHERE id = -1' }] }],
  ['/v1/db/acme/main/transactions', { mode: 'write', statements: [{ sql: 'UPDATE books SET stars = 2' }] }],
  ['/v1/db/acme/main-draft/query', { sql: 'SELECT * FROM books' }],
  ['/v1/tokens', { name: 'new', role: 'admin' }],
  ['/v1/databases', { slug: 'new' }],
  ['/p/acme/main/find-book?id=1'],
  ['/p/acme/main'],
  ['/metrics'],
  ['/api/status'],
]

type Answer = readonly [what: string, status: number, code: string | undefined]

/** Calls every operation of the contract once: reads first, and deletions of what doesn't exist last. */
async function callAll(platform: LaunchedPlatform, token: string): Promise<Answer[]> {
  const order = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
  const operations = Object.entries(api as Record<string, Operation>)
    .flatMap(([name, operation]) => getEntryPoints(operation).map(([, route]) => ({ name, ...route })))
    .sort((one, other) => order.indexOf(one.method) - order.indexOf(other.method))
  const answers: Answer[] = []
  for (const { name, method, path } of operations) {
    const filled = path.replace(/\{(\w+)\}/g, (_, part) =>
      method === 'DELETE' ? 'missing' : (PATH[part] ?? 'missing'),
    )
    const body = method === 'GET' || method === 'DELETE' ? undefined : {}
    const { status, body: answer } = await platform.request(filled, { token, method, body })
    answers.push([`${name} (${method} ${filled})`, status, answer?.code])
  }
  for (const [path, body] of CALLS) {
    const { status, body: answer } = await platform.request(path, { token, ...(body && { body }) })
    answers.push([`${path} ${JSON.stringify(body)}`, status, answer?.code])
  }
  return answers
}

const MB = 1024 * 1024

test.each<[room: string, reserveMb: number, freeBytes: number | undefined, disk: string]>([
  ['less than the reserve', 62, undefined, 'low'],
  ['room for reads only', 10_000, undefined, 'full'],
  ['almost no room', 2, 0.1 * MB, 'full'],
  ['no room', 2, 0, 'full'],
])(
  'data of an earlier version on a disk with %s: no call fails with 5xx, apart from 507',
  async (_room, reserveMb, freeBytes, disk) => {
    const volume = new SmallVolume(64)
    undo.push(() => volume.remove())
    unpackFixture(join(fixtures, '1.0.0-format-4.tar.gz'), volume.path)
    const made = JSON.parse(readFileSync(join(volume.path, 'made.json'), 'utf8')) as Made
    const settings = { PERSQL_DATA: join(volume.path, 'data'), PERSQL_BOOTSTRAP: 'off', PERSQL_READERS: '1' }
    const limits = { PERSQL_DISK_RESERVE_MB: String(reserveMb), FLOOD_PER_MINUTE: '100000' }
    const launcher = launch(volume.path, { ...settings, ...limits })
    undo.push(() => launcher.stop())
    const { url } = await launcher.welcome()
    const platform = new LaunchedPlatform(url, made.secret)
    const readDisk = async () => {
      // The launcher gives up its own file once.
      if (freeBytes !== undefined) volume.fill(freeBytes)
      return (await platform.request('/healthz')).body.disk
    }
    await expect.poll(readDisk, { timeout: 60_000 }).toBe(disk)
    const answers = await callAll(platform, made.adminToken)
    expect(answers.filter(([, status]) => status >= 500 && status !== 507)).toEqual([])
    if (freeBytes === undefined) expect(answers.find(([what]) => what.startsWith('get_insights'))?.[1]).toBe(200)
    expect(answers.filter(([, , code]) => code === 'storage_full').length).toBeGreaterThan(10)

    // With room again, the upgrade happens, and everything works.
    volume.empty()
    expect(await launcher.stop()).toBe(0)
    const second = launch(volume.path, { ...settings, PERSQL_DISK_RESERVE_MB: '2' })
    undo.push(() => second.stop())
    const after = new LaunchedPlatform((await second.welcome()).url, made.secret)
    const main = after.database('acme', 'main', made.adminToken)
    expect((await main.query('INSERT INTO books (id) VALUES (100)')).status).toBe(200)
    expect((await main.query('SELECT transaction_id FROM _persql_query_log')).status).toBe(200)
  },
  240_000,
)
