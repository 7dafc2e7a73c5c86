import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import WebSocket from 'ws'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../../../test/shared-platform.ts'
import { PerSQL, type PerSQLDatabase } from '../src/index.ts'

const ns = uniqueName('acme')
let platform: SharedPlatform
let admin: PerSQL
let orders: PerSQLDatabase
let token: string

beforeAll(async () => {
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
  admin = new PerSQL({ token, baseURL: platform.url, WebSocket })
  orders = admin.database(`${ns}/orders`)
  await orders.query('CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)')
})
afterAll(() => platform.stop())
beforeEach(() => {
  paths = []
})

/** The paths that `counted` has requested. */
let paths: string[] = []
const counted = (given: string) =>
  new PerSQL({
    token: given,
    baseURL: platform.url,
    fetch: ((url: string, init: RequestInit) => {
      paths.push(new URL(url).pathname)
      return fetch(url, init)
    }) as typeof fetch,
  })
const slugs = async () => (await admin.databases.list()).map(({ slug }) => slug).sort()

test.each(['pr-42', 'feature/checkout', 'v1.2.3', 'Fix_It', 'a/b.c/d-e_f', `long-${'x'.repeat(59)}`])(
  'the address orders.%s opens the branch',
  async (ref) => {
    const { databaseSlug } = await orders.branches.claim({ ref })
    const branch = admin.database(ns, `orders.${ref}`)
    await branch.query('INSERT INTO items (name) VALUES (?)', [ref])
    expect((await admin.database(`${ns}/orders.${ref}`).query('SELECT name FROM items')).data).toEqual([{ name: ref }])
    expect((await admin.database(ns, databaseSlug).query('SELECT name FROM items')).data).toEqual([{ name: ref }])
    expect((await orders.query('SELECT name FROM items')).data).toEqual([])
    expect(branch).toMatchObject({ namespace: ns, slug: `orders.${ref}` })
  },
)

test('concurrent calls of a handle share one lookup of the branch', async () => {
  await orders.branches.claim({ ref: 'once' })
  const branch = counted(token).database(`${ns}/orders.once`)
  await Promise.all([branch.query('SELECT 1'), branch.tables(), branch.batch([{ sql: 'SELECT 1' }])])
  await branch.query('SELECT 2')
  expect(paths.filter((path) => path.includes('branches'))).toEqual([`/v1/db/${ns}/orders/branches/once`])
  expect(paths).toHaveLength(5)
})

test.each(['read', 'write', 'admin'] as const)(
  "a branch's own token with the role %s opens it by its address",
  async (role) => {
    const claim = await orders.branches.claim({ ref: `own-${role}`, role })
    const own = new PerSQL({ token: claim.token, baseURL: platform.url })
    expect(await own.database(`${ns}/orders.own-${role}`).tables()).toEqual([{ name: 'items', rowCount: 0 }])
    await expect(own.database(`${ns}/orders.pr-42`).tables()).rejects.toMatchObject({
      status: 403,
      code: 'token_pinned',
    })
  },
)

test('a readonly token reads a branch and cannot write', async () => {
  await orders.branches.claim({ ref: 'watched' })
  const reader = await admin.tokens.create({ name: 'reader', role: 'readonly' })
  const branch = new PerSQL({ token: reader.token, baseURL: platform.url }).database(`${ns}/orders.watched`)
  expect(await branch.tables()).toEqual([{ name: 'items', rowCount: 0 }])
  await expect(branch.query('DELETE FROM items')).rejects.toMatchObject({ code: 'role_insufficient' })
})

test('a token with a table scope sees only those tables of a branch', async () => {
  const parent = admin.database(`${ns}/tables`)
  await parent.batch([{ sql: 'CREATE TABLE items (id)' }, { sql: 'CREATE TABLE secrets (n)' }])
  await parent.branches.claim({ ref: 'scoped' })
  const scoped = await admin.tokens.create({ name: 'scoped', role: 'readonly', tableScope: ['items'] })
  const branch = new PerSQL({ token: scoped.token, baseURL: platform.url }).database(`${ns}/tables.scoped`)
  expect((await branch.query('SELECT count(*) AS n FROM items')).data).toEqual([{ n: 0 }])
  await expect(branch.query('SELECT * FROM secrets')).rejects.toMatchObject({ code: 'table_out_of_scope' })
})

test('a missing branch is not created', async () => {
  const before = await slugs()
  await expect(admin.database(`${ns}/orders.nope`).query('CREATE TABLE t (n)')).rejects.toMatchObject({
    status: 404,
    code: 'branch_not_found',
  })
  await expect(admin.database(`${ns}/nope.pr-42`).tables()).rejects.toMatchObject({ code: 'database_not_found' })
  await expect(admin.database('other/orders.pr-42').tables()).rejects.toMatchObject({ code: 'namespace_mismatch' })
  expect(await slugs()).toEqual(before)
})

test('a deleted branch is not found until it is recreated', async () => {
  await orders.branches.claim({ ref: 'gone' })
  const writer = await admin.tokens.create({ name: 'writer', role: 'readwrite' })
  const branch = new PerSQL({ token: writer.token, baseURL: platform.url }).database(`${ns}/orders.gone`)
  await branch.tables()
  await orders.branches.delete('gone')
  await expect(branch.tables()).rejects.toMatchObject({ code: 'database_not_found' })
  await expect(branch.tables()).rejects.toMatchObject({ code: 'branch_not_found' })
  await orders.branches.claim({ ref: 'gone' })
  expect(await branch.tables()).toEqual([{ name: 'items', rowCount: 0 }])
})

test('subscriptions, files, sessions and resources use the branch', async () => {
  await orders.branches.claim({ ref: 'all/of-it' })
  const branch = admin.database(`${ns}/orders.all/of-it`)
  const changes: string[] = []
  const onChange = ({ table, kind }: { table: string; kind: string }) => changes.push(`${table} ${kind}`)
  const off = await new Promise<() => void>((resolve, reject) => {
    const end = branch.subscribe({ onChange, onReady: () => resolve(end), onError: reject })
  })
  await branch.query("INSERT INTO items (name) VALUES ('hat')")
  await vi.waitFor(() => expect(changes).toEqual(['items insert']), { timeout: 60_000 })
  off()
  expect(await branch.import('name\nshoe\n', { format: 'csv', table: 'items' })).toMatchObject({ rows: 1 })
  expect(await (await branch.export({ format: 'csv', table: 'items' })).text()).toContain('shoe')
  expect(await branch.createSession({ userId: 'u1', expiresIn: 60 })).toMatchObject({ expiresIn: 60 })
  expect(await branch.snapshots.create('kept')).toMatchObject({ rows: 2 })
  await expect(branch.branches.claim()).rejects.toMatchObject({ code: 'branch_of_branch' })
  expect((await orders.query('SELECT name FROM items')).data).toEqual([])
})
