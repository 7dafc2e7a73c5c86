import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
let db: ReturnType<SharedPlatform['database']>

const docs = {
  databaseDescription: 'A shop.',
  tables: [
    {
      table: 'Orders',
      description: 'One order.\nNever deleted.',
      columns: [{ column: 'CENTS', description: 'US cents' }],
    },
    { table: 'totals', description: 'Spending per customer', columns: [{ column: 'sum', description: 'in cents' }] },
  ],
}

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
  db = acme.db()
  const { body } = await db.batch(
    [
      `CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'x', email TEXT UNIQUE)`,
      `CREATE TABLE orders (customer INTEGER NOT NULL REFERENCES customers ON DELETE CASCADE, number INTEGER NOT NULL,
        cents INTEGER, euros REAL AS (cents / 100.0), PRIMARY KEY (customer, number))`,
      `CREATE TABLE lines (customer INTEGER, number INTEGER, text TEXT, FOREIGN KEY (customer, number) REFERENCES orders)`,
      'CREATE INDEX by_text ON lines (lower(text), customer) WHERE text IS NOT NULL',
      'CREATE VIEW totals AS SELECT customer, sum(cents) AS sum FROM orders GROUP BY 1',
      'CREATE VIEW broken AS SELECT gone FROM customers',
      'CREATE TRIGGER tidy AFTER DELETE ON orders BEGIN DELETE FROM lines WHERE number = old.number; END',
      `CREATE TABLE "odd ""name""" ("a b" TEXT)`,
      'CREATE VIRTUAL TABLE notes USING fts5(body)',
      "INSERT INTO customers (name) VALUES ('a'), ('b')",
      'INSERT INTO orders VALUES (1, 1, 250), (1, 2, 150)',
      "INSERT INTO notes VALUES ('hello'), ('again')",
    ].map((sql) => ({ sql })),
  )
  expect(body.error).toBeUndefined()
})
afterAll(() => platform.stop())

const put = (token: string, body: object) => platform.request(`${db.path}/describe`, { token, method: 'PUT', body })

test('the whole schema comes with what is written about it', async () => {
  expect((await put(acme.token, docs)).body).toEqual({ success: true, data: docs })
  const { data } = (await db.request('/describe')).body
  expect(data.databaseDescription).toBe('A shop.')
  expect(data.tables.map((one: { table: string; rowCount: number }) => [one.table, one.rowCount])).toEqual([
    ['customers', 2],
    ['lines', 0],
    ['notes', 2],
    ['odd "name"', 0],
    ['orders', 2],
  ])
  expect(data.tables.at(-1)).toEqual({
    table: 'orders',
    description: 'One order.\nNever deleted.',
    rowCount: 2,
    columns: [
      column('customer', 'INTEGER', { notNull: true, primaryKey: 1 }),
      column('number', 'INTEGER', { notNull: true, primaryKey: 2 }),
      column('cents', 'INTEGER', { description: 'US cents' }),
      column('euros', 'REAL', { generated: true }),
    ],
    foreignKeys: [
      { columns: ['customer'], table: 'customers', to: [null], onDelete: 'CASCADE', onUpdate: 'NO ACTION' },
    ],
    indexes: [
      {
        name: 'sqlite_autoindex_orders_1',
        unique: true,
        partial: false,
        columns: ['customer', 'number'],
        sql: null,
      },
    ],
  })
  const [customers, lines, notes] = data.tables
  expect(customers.columns[1]).toEqual(column('name', 'TEXT', { notNull: true, default: "'x'" }))
  expect(lines.foreignKeys).toMatchObject([{ columns: ['customer', 'number'], table: 'orders', to: [null, null] }])
  expect(lines.indexes).toMatchObject([{ name: 'by_text', partial: true, columns: ['(expression)', 'customer'] }])
  expect(notes.columns).toEqual([column('body', '')])
  expect(data.views).toEqual([
    { name: 'broken', sql: expect.any(String), description: null, columns: [] },
    {
      name: 'totals',
      sql: expect.stringContaining('CREATE VIEW totals'),
      description: 'Spending per customer',
      columns: [
        { name: 'customer', type: 'INTEGER', description: null },
        { name: 'sum', type: '', description: 'in cents' },
      ],
    },
  ])
  expect(data.triggers).toMatchObject([{ name: 'tidy', table: 'orders' }])
})

test('there is one store of descriptions, and writing overwrites', async () => {
  await put(acme.token, docs)
  expect((await db.request('/ai/docs')).body.data).toEqual(docs)
  const short = { tables: [{ table: 'customers', description: 'People', columns: [] }] }
  await db.request('/ai/docs', { method: 'PUT', body: short })
  const { data } = (await db.request('/describe')).body
  expect(data.databaseDescription).toBeNull()
  expect(data.tables.map((one: { description: string | null }) => one.description)).toEqual([
    'People',
    ...Array(4).fill(null),
  ])
  await put(acme.token, docs)
})

test('the compact form is a short text for a prompt', async () => {
  await put(acme.token, docs)
  const { data } = (await db.request('/describe?format=compact')).body
  expect(data).toEqual({
    text: `SQLite database: A shop.

customers (2 rows)
  id INTEGER PRIMARY KEY
  name TEXT NOT NULL DEFAULT 'x'
  email TEXT
  UNIQUE (email)

lines (0 rows)
  customer INTEGER
  number INTEGER
  text TEXT
  (customer, number) -> orders
  INDEX ((expression), customer)

notes (2 rows)
  body

"odd ""name""" (0 rows)
  "a b" TEXT

orders (2 rows): One order. Never deleted.
  customer INTEGER NOT NULL -> customers
  number INTEGER NOT NULL
  cents INTEGER: US cents
  euros REAL GENERATED
  PRIMARY KEY (customer, number)

broken (view)

totals (view): Spending per customer
  customer INTEGER
  sum: in cents

Triggers: tidy on orders`,
  })
  expect((await db.request('/describe?format=poem')).body.code).toBe('invalid_input')
})

test('a text of many tables is cut, and names those that are left out', async () => {
  const { db } = await platform.createNamespace(uniqueName('big'))
  for (let from = 0; from < 500; from += 100) {
    const statements = Array.from({ length: 100 }, (_, i) => ({
      sql: `CREATE TABLE table_${from + i} (${Array.from({ length: 20 }, (_, j) => `column_${j} INTEGER`).join(', ')})`,
    }))
    await db().batch(statements)
  }
  const { text } = (await db().request('/describe?format=compact')).body.data
  expect(text.length).toBeLessThan(70_000)
  expect(text).toMatch(/\n\nOmitted to save space: .*table_99$/)
  expect((await db().request('/describe')).body.data.tables).toHaveLength(500)
})

test('a token for some tables sees those, and writes no descriptions', async () => {
  await put(acme.token, docs)
  const limited = { name: 'x', role: 'readonly', tableScope: ['customers'] }
  const { token } = (await platform.request('/v1/tokens', { token: acme.token, body: limited })).body.data
  const { data } = (await platform.request(`${db.path}/describe`, { token })).body
  expect(data.tables.map((one: { table: string }) => one.table)).toEqual(['customers'])
  expect([data.views, data.triggers]).toEqual([[], []])
  expect((await put(token, docs)).body.code).toBe('role_insufficient')
})

test('counting rows is billed as reading them', async () => {
  const rows = async () =>
    (await platform.request('/v1/usage', { token: acme.token })).body.data.spend.rowsRead.quantity
  const before = await rows()
  await db.request('/describe')
  const first = (await rows()) - before
  expect(first).toBeGreaterThanOrEqual(3)
  await db.query("INSERT INTO customers (name) VALUES ('c'), ('d')")
  const between = await rows()
  await db.request('/describe')
  expect((await rows()) - between).toBe(first + 2)
})

const column = (name: string, type: string, more: object = {}) => ({
  name,
  type,
  notNull: false,
  primaryKey: 0,
  default: null,
  generated: false,
  description: null,
  ...more,
})
