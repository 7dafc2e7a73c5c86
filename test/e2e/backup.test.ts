import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashToCell } from '../../apps/platform/src/cell-hash.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { LaunchedInstance } from '../launched-instance.ts'
import { uniqueName } from '../shared-platform.ts'

const CELLS = 2
const INTERVAL_S = 600
const DAY_MS = 24 * 60 * 60 * 1000
const settings = { PERSQL_CELLS: String(CELLS), PERSQL_WELCOME_CREDIT_USD: '5' }

type Namespace = Awaited<ReturnType<LaunchedInstance['createNamespace']>> & { readonly slug: string }

let live: LaunchedInstance
let restored: LaunchedInstance
let target: string
beforeAll(async () => {
  live = await LaunchedInstance.create(settings)
  restored = await LaunchedInstance.create(settings)
  target = await makeDataFolder('persql-target-')
  await live.start()
})
afterAll(async () => {
  await live.remove()
  await restored.remove()
  await removeDataFolder(target)
})

const nameIn = (cell: number): string => {
  for (;;) {
    const name = uniqueName()
    if (hashToCell(name, CELLS) === cell) return name
  }
}

async function checked<T extends { status: number; body: unknown }>(call: Promise<T>): Promise<T> {
  const answer = await call
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
  return answer
}

/** Repeats a call that is temporarily unavailable, as the SDK does. */
async function patiently<T extends { status: number; body: unknown }>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    const answer = await call()
    if (answer.status !== 503) return checked(Promise.resolve(answer))
    await delay(20)
  }
}

/** A load on one namespace: numbered rows, and databases that appear and vanish. */
class Load {
  readonly acknowledged: number[] = []
  readonly sent: number[] = []
  #isOver = false
  readonly #running: Promise<unknown>

  constructor({ slug, token }: Namespace) {
    const db = live.database(slug, 'main', token)
    const write = async () => {
      while (!this.#isOver) {
        const id = this.sent.length + 1
        this.sent.push(id)
        const key = { 'Idempotency-Key': `${slug}-${id}` }
        await checked(db.query('INSERT INTO writes VALUES (?)', [id], key))
        this.acknowledged.push(id)
      }
    }
    const churn = async () => {
      for (let number = 0; !this.#isOver; number++) {
        const body = { slug: `short-${number % 3}` }
        await checked(live.request('/v1/databases', { token, body }))
        // A name that is deleted and used again all the time is copied with a lock, which can delay its new database.
        await patiently(() => live.database(slug, body.slug, token).query('CREATE TABLE t (n)'))
        await checked(live.request(`/v1/databases/${body.slug}`, { token, method: 'DELETE' }))
      }
    }
    this.#running = Promise.all([write(), write(), churn()])
  }

  async proceeds(count: number): Promise<void> {
    const until = this.acknowledged.length + count
    while (this.acknowledged.length < until) await Promise.race([delay(5), this.#running])
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }
}

/** Creates a namespace whose database has rows, an endpoint, a schedule, a branch and a snapshot. */
async function createNamespace(
  slug: string,
): Promise<Namespace & { readonly branchToken: string; readonly snapshot: string }> {
  const namespace = await live.createNamespace(slug)
  const db = namespace.db()
  for (const sql of [
    'CREATE TABLE writes (id INTEGER PRIMARY KEY)',
    'CREATE TABLE ticks (n)',
    'CREATE TABLE hidden (n)',
  ]) {
    await checked(db.query(sql))
  }
  await checked(db.query('INSERT INTO hidden (rowid, n) VALUES (7, 1), (9, 2)'))
  const spec = {
    slug: 'count',
    name: 'Count',
    kind: 'query',
    method: 'GET',
    sql: 'SELECT count(*) AS n FROM hidden',
    input: [],
    output: 'rows',
  }
  await checked(db.request('/endpoints', { body: spec }))
  await checked(db.request('/endpoints/count/publish', { body: {} }))
  const schedule = { name: 'ticks', sql: 'INSERT INTO ticks VALUES (1)', intervalSec: INTERVAL_S }
  await checked(db.request('/schedules', { body: schedule }))
  const snapshot = (await checked(db.request('/snapshots', { body: { label: 'before' } }))).body.data.id
  const claimed = await checked(db.request('/claim_branch', { body: { ref: 'work', role: 'admin', ttlSec: 86_400 } }))
  const branchToken = claimed.body.data.token as string
  return { ...namespace, slug, branchToken, snapshot }
}

const balanceNano = async (instance: LaunchedInstance, token: string): Promise<number> =>
  Number((await checked(instance.request('/v1/billing', { token }))).body.data.balanceNanoUsd)

/** Lists the hashes of the copies of each backup, oldest first. */
const listHashes = (): string[][] =>
  readdirSync(join(target, 'backups'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(target, 'backups', name), 'utf8')).manifest.objects)
    .map((objects: { sha256: string }[]) => objects.map(({ sha256 }) => sha256))

const countFiles = (): number => readdirSync(join(target, 'files')).length

test('a backup of a busy instance has all that was acknowledged before, and money never grows', async () => {
  const owner = await live.signUp('owner@example.com')
  const [from = '', to = ''] = [nameIn(0), nameIn(1)]
  for (const slug of [from, to]) {
    await checked(owner.request('/api/namespaces', { body: { slug } }))
    const body = { amountUsd: 100, note: 'paid' }
    await checked(live.request(`/api/operator/namespaces/${slug}/credit`, { token: live.secret, body }))
  }
  const namespaces = await Promise.all([0, 1].map((cell) => createNamespace(nameIn(cell))))
  const loads = namespaces.map((namespace) => new Load(namespace))
  let isMoving = true
  const moving = (async () => {
    for (let there = true; isMoving; there = !there) {
      const [sender, recipient] = there ? [from, to] : [to, from]
      const body = { to: recipient, amountUsd: 90 }
      await checked(owner.request(`/api/namespaces/${sender}/billing/transfer`, { body }))
    }
  })()
  await Promise.all(loads.map((load) => load.proceeds(100)))
  expect(await live.operator('backup', target)).toEqual({ code: 0, stderr: '', stdout: expect.any(String) })
  const filesBefore = countFiles()
  const balancesBefore = await Promise.all(namespaces.map(({ token }) => balanceNano(live, token)))
  const before = loads.map((load) => [...load.acknowledged])
  const { code, stdout, stderr } = await live.operator('backup', target)
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' })
  // Only objects that changed are stored again.
  const [, added] = / Added (\d+) files?,/.exec(stdout) ?? []
  expect(countFiles() - filesBefore).toBe(Number(added))
  const [first = [], second = []] = listHashes()
  expect(second.filter((hash) => first.includes(hash)).length).toBeGreaterThan(0)
  const sentDuring = loads.map((load) => new Set(load.sent))
  isMoving = false
  await moving
  await Promise.all(loads.map((load) => load.stop()))
  const balancesAfter = await Promise.all(namespaces.map(({ token }) => balanceNano(live, token)))
  expect(await live.operator('verify', target)).toMatchObject({ code: 0, stdout: expect.stringContaining('is whole') })
  expect(await live.operator('verify', live.data)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('is whole'),
  })
  await live.stop('SIGKILL')

  expect(await restored.operator('restore', target)).toEqual({ code: 0, stderr: '', stdout: expect.any(String) })
  expect(await restored.operator('verify', restored.data, '--quick')).toEqual({
    code: 0,
    stderr: '',
    stdout: expect.any(String),
  })
  await restored.start()
  expect(readdirSync(restored.data)).not.toContain('restore.json')

  for (const [index, { slug, token, branchToken, snapshot }] of namespaces.entries()) {
    const db = restored.database(slug, 'main', token)
    const rows = (await checked(db.query('SELECT id FROM writes'))).body.data.rows.flat() as number[]
    expect(before[index]?.filter((id) => !rows.includes(id))).toEqual([])
    expect(rows.filter((id) => !sentDuring[index]?.has(id))).toEqual([])
    expect((await checked(db.query('SELECT rowid, n FROM hidden'))).body.data.rows).toEqual([
      [7, 1],
      [9, 2],
    ])
    const nano = await balanceNano(restored, token)
    expect(nano).toBeLessThanOrEqual(balancesBefore[index] as number)
    expect(nano).toBeGreaterThanOrEqual((balancesAfter[index] as number) - 1_000_000)
    expect(5_000_000_000 - nano).toBeGreaterThanOrEqual(rows.length * 2_500)
    // The stored response of a write is there with the write.
    const [id = 0] = before[index] ?? []
    const repeated = await db.query('INSERT INTO writes VALUES (?)', [id], { 'Idempotency-Key': `${slug}-${id}` })
    expect(repeated.status).toBe(200)
    const served = await restored.request(`/p/${slug}/main/count`)
    expect([served.status, JSON.stringify(served.body)]).toEqual([200, expect.stringContaining('2')])
    const branch = restored.database(slug, 'main-work', branchToken)
    expect((await checked(branch.query('SELECT count(*) FROM hidden'))).body.data.rows).toEqual([[0]])
    expect((await checked(db.request('/restore', { body: { snapshotId: snapshot } }))).status).toBe(200)
    const { databases } = await listed(token)
    expect(databases.filter(({ status }) => status === 'damaged')).toEqual([])
  }
  const transfers = await Promise.all(
    [from, to].map(
      async (slug) =>
        (await checked(readBilling(slug))).body.data.ledger as { kind: string; amountUsd: number; ref: string }[],
    ),
  )
  const moved = transfers.flat().filter(({ kind }) => kind === 'transfer')
  const sent = new Set(moved.filter(({ amountUsd }) => amountUsd < 0).map(({ ref }) => ref))
  expect(moved.length).toBeGreaterThan(2)
  expect(moved.filter(({ amountUsd, ref }) => amountUsd > 0 && !sent.has(ref))).toEqual([])

  await restored.setClock(INTERVAL_S * 1_000 + 60_000)
  for (const { slug, token } of namespaces) {
    const ticks = restored.database(slug, 'main', token)
    await expect
      .poll(async () => (await ticks.query('SELECT count(*) FROM ticks')).body.data.rows[0][0])
      .toBeGreaterThan(0)
  }
  await restored.setClock(DAY_MS)
  await expect
    .poll(async () => (await restored.request('/api/status')).body.data)
    .toMatchObject({ ok: true, drifting: 0, lastReconcileAt: expect.any(String) })
  const list = (await restored.operator('list')).stdout.split('\n').slice(1, -1)
  expect(list.length).toBeGreaterThanOrEqual(4)
  expect(list.filter((line) => !/ \$0 /.test(line.replace(/ +/g, ' ')))).toEqual([])
  expect(await restored.operator('verify', restored.data)).toMatchObject({ code: 0, stderr: '' })

  async function listed(token: string): Promise<{ databases: { status: string }[] }> {
    return { databases: (await checked(restored.request('/v1/databases', { token }))).body.data }
  }
  async function readBilling(slug: string) {
    const body = { email: 'owner@example.com', password: 'correct horse battery' }
    const session = restored.session(await restored.request('/api/auth/sign-in/email', { body }), body.email)
    return session.request(`/api/namespaces/${slug}/billing`)
  }
})

test('the secrets of an instance are readable only by its user after a restore', () => {
  const file = join(restored.data, 'secret')
  expect(readFileSync(file, 'utf8').trim()).toBe(live.secret)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})
