import { execFile, execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { eq, getTableName } from 'drizzle-orm'
import { getTableConfig } from 'drizzle-orm/sqlite-core'
import { drizzle } from 'drizzle-orm/sqlite-proxy'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../../../test/shared-platform.ts'
import { buildTo } from '../build.mjs'
import { type Database, PerSQL } from '../src/index.ts'

const here = dirname(fileURLToPath(import.meta.url))
const SCHEMA = [
  `CREATE TABLE "order items" (
    order_id INTEGER NOT NULL, line INTEGER NOT NULL, sku TEXT NOT NULL DEFAULT 'a''b', price REAL DEFAULT 1.5,
    total REAL GENERATED ALWAYS AS (price * 2) STORED, label TEXT AS ('(' || sku || ')') VIRTUAL,
    paid BOOLEAN DEFAULT 0, extra JSON, photo BLOB, amount DECIMAL(10, 2), at TEXT DEFAULT CURRENT_TIMESTAMP,
    made TEXT DEFAULT (lower('X')), -- a comment, with a comma
    PRIMARY KEY (order_id, line), UNIQUE (sku, price),
    FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE
  )`,
  'CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER REFERENCES orders, class TEXT UNIQUE)',
  `CREATE TABLE notes (item_order INT, item_line INT, body TEXT,
    FOREIGN KEY (item_order, item_line) REFERENCES "order items" ON UPDATE SET NULL)`,
  'CREATE UNIQUE INDEX notes_body ON notes (lower(body), item_line DESC) WHERE body IS NOT NULL',
  'CREATE INDEX items_sku ON "order items" (sku)',
]

const ns = uniqueName('acme')
let platform: SharedPlatform
let folder: string
let token: string
let db: Database

beforeAll(async () => {
  // Inside the repository, so the generated code finds Drizzle and the types.
  await mkdir(join(here, '../node_modules/.tmp'), { recursive: true })
  folder = await mkdtemp(join(here, '../node_modules/.tmp/codegen-'))
  ;[platform] = await Promise.all([sharedPlatform(), buildTo(join(folder, 'dist'))])
  token = (await platform.createNamespace(ns)).token
  db = new PerSQL({ token, baseURL: platform.url }).database(`${ns}/main`)
  await db.transaction(SCHEMA.map((sql) => ({ sql })))
})
afterAll(async () => {
  await platform?.stop()
  await rm(folder, { recursive: true, force: true })
})

const codegen = (args: string[], env: Record<string, string> = {}) =>
  promisify(execFile)(process.execPath, [join(folder, 'dist/codegen.js'), ...args], {
    env: { PATH: process.env.PATH, PERSQL_API_URL: platform.url, PERSQL_TOKEN: token, ...env },
  })

test('writes a schema that compiles, matches the database and runs queries', async () => {
  const out = join(folder, 'src/db/schema.ts')
  expect((await codegen(['--db', `${ns}/main`, '--out', out])).stdout).toContain('3 tables')
  const text = await readFile(out, 'utf8')
  expect(text).toContain("generatedAlwaysAs(sql`price * 2`, { mode: 'stored' })")
  expect(text).toContain("generatedAlwaysAs(sql`'(' || sku || ')'`, { mode: 'virtual' })")

  const usage = join(folder, 'src/db/usage.ts')
  await writeFile(
    usage,
    `import type { InferSelectModel } from 'drizzle-orm'
import type { notes, orderItems, orders } from './schema.ts'
type Item = InferSelectModel<typeof orderItems>
export const item: Pick<Item, 'orderId' | 'sku' | 'paid' | 'amount'> = { orderId: 1, sku: 'x', paid: true, amount: null }
// @ts-expect-error it may not be null
export const sku: Item['sku'] = null
export const order: InferSelectModel<typeof orders> = { id: 1, parent: null, class_: null }
export const body: InferSelectModel<typeof notes>['body'] = null
`,
  )
  const tsc = join(here, '../../../node_modules/typescript/bin/tsc')
  const strict = [
    '--strict',
    '--noEmit',
    '--skipLibCheck',
    '--module',
    'preserve',
    '--target',
    'es2024',
    '--allowImportingTsExtensions',
  ]
  execFileSync(process.execPath, [tsc, '--ignoreConfig', ...strict, '--types', 'node', usage], { stdio: 'pipe' })

  const { orderItems, orders, notes } = await import(/* @vite-ignore */ pathToFileURL(out).href)
  const driver = db.driver()
  const orm = drizzle(driver, driver.batch)
  await orm.insert(orders).values({ class_: 'big' })
  await orm
    .insert(orderItems)
    .values({ orderId: 1, line: 1, price: 3, paid: true, extra: { a: [1] }, photo: Buffer.from([1, 2]) })
  const [row] = await orm.select().from(orderItems).where(eq(orderItems.orderId, 1))
  expect(row).toMatchObject({
    sku: "a'b",
    price: 3,
    total: 6,
    label: "(a'b)",
    paid: true,
    extra: { a: [1] },
    made: 'x',
    amount: null,
  })
  expect([...((row as { photo: Uint8Array }).photo ?? [])]).toEqual([1, 2])

  const items = getTableConfig(orderItems)
  expect(getTableName(orderItems)).toBe('order items')
  expect(items.primaryKeys.map(({ columns }) => columns.map(({ name }) => name))).toEqual([['order_id', 'line']])
  expect(items.uniqueConstraints.map(({ columns }) => columns.map(({ name }) => name))).toEqual([['sku', 'price']])
  expect(items.indexes.map(({ config }) => config.name)).toEqual(['items_sku'])
  const [key] = getTableConfig(notes).foreignKeys
  expect(key?.onUpdate).toBe('set null')
  expect(key?.reference().foreignColumns.map(({ name }) => name)).toEqual(['order_id', 'line'])
  expect(
    getTableConfig(notes).indexes.map(({ config }) => [config.name, config.unique, config.where !== undefined]),
  ).toEqual([['notes_body', true, true]])
  const [own] = getTableConfig(orders).foreignKeys
  expect(own?.reference().foreignTable).toBe(orders)
})

test('prints to stdout without a file name, and names missing arguments', async () => {
  expect((await codegen([], { PERSQL_DATABASE: `${ns}/main` })).stdout).toContain("sqliteTable('orders'")
  expect((await codegen(['--help'])).stdout).toContain('PERSQL_TOKEN=…')
  await expect(codegen([])).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('Missing --db') })
  await expect(codegen(['--db', `${ns}/main`], { PERSQL_TOKEN: 'x' })).rejects.toMatchObject({
    code: 1,
    stderr: 'Invalid token format\n',
  })
})
