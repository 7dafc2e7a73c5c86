import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

interface Hit {
  kind: string
  table: string
  column?: string
  score: number
  description?: string
}

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
let db: ReturnType<SharedPlatform['database']>

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
  db = acme.db()
  const statements = [
    'CREATE TABLE customers (id INTEGER PRIMARY KEY, full_name TEXT, emailAddress TEXT)',
    'CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, total INTEGER, placed_at TEXT)',
    'CREATE TABLE invoices (id INTEGER PRIMARY KEY, total INTEGER, status TEXT)',
    'CREATE TABLE xt_901 (k TEXT, v TEXT)',
    'CREATE TABLE HTTPRequestLog (url TEXT)',
    'CREATE TABLE 注文明細 (数量 INTEGER)',
    'CREATE TABLE "Größe" ("naïve" TEXT)',
    `CREATE TABLE "🎉 ""!" ("'" TEXT)`,
    'CREATE VIEW spending AS SELECT customer_id, sum(total) AS spent FROM orders GROUP BY 1',
  ]
  expect((await db.batch(statements.map((sql) => ({ sql })))).status).toBe(200)
  const body = {
    tables: [
      {
        table: 'xt_901',
        description: 'Prices of warehouses in Łódź',
        columns: [{ column: 'v', description: 'Currency' }],
      },
      { table: 'spending', description: 'Who spends most', columns: [] },
    ],
  }
  await db.request('/describe', { method: 'PUT', body })
})
afterAll(() => platform.stop())

const path = (q: string, more = '') => `/search?q=${encodeURIComponent(q)}${more}`
const search = async (q: string, more = ''): Promise<Hit[]> => {
  const { status, body } = await db.request(path(q, more))
  expect([status, body.error]).toEqual([200, undefined])
  return body.data.hits
}
const found = async (q: string) => (await search(q)).map(({ table, column }) => (column ? `${table}.${column}` : table))

describe('names', () => {
  test.each([
    ['customers', 'customers'],
    ['customer', 'customers'],
    ['cust', 'customers'],
    ['CUSTOMERS', 'customers'],
    ['email', 'customers.emailAddress'],
    ['address', 'customers.emailAddress'],
    ['emailaddress', 'customers.emailAddress'],
    ['full name', 'customers.full_name'],
    ['full_name', 'customers.full_name'],
    ['order total', 'orders.total'],
    ['total of the invoices', 'invoices.total'],
    ['request log', 'HTTPRequestLog'],
    ['http', 'HTTPRequestLog'],
    ['明細', '注文明細'],
    ['数', '注文明細.数量'],
    ['größe', 'Größe'],
    ['naive', 'Größe.naïve'],
    ['🎉', '🎉 "!'],
    ["'", `🎉 "!.'`],
    ['placed', 'orders.placed_at'],
  ])('%s finds %s first', async (q, first) => {
    expect((await found(q))[0]).toBe(first)
  })

  test('of columns are found with their table, but a table does not bring all its columns', async () => {
    expect(await found('invoices')).toEqual(['invoices'])
    expect(await found('total')).toEqual(expect.arrayContaining(['orders.total', 'invoices.total']))
  })
})

test('descriptions are searched, in other forms of a word and without accents', async () => {
  expect(await search('which table has the price of a warehouse?')).toMatchObject([
    { kind: 'table', table: 'xt_901', description: 'Prices of warehouses in Łódź' },
  ])
  expect(await found('łodz')).toEqual(['xt_901'])
  expect(await search('currency')).toMatchObject([
    { kind: 'column', table: 'xt_901', column: 'v', description: 'Currency' },
  ])
  expect(await search('spends')).toMatchObject([{ kind: 'view', table: 'spending' }])
})

test('returns the best match first, up to the limit', async () => {
  const hits = await search('customer total')
  expect(hits.length).toBeGreaterThan(3)
  const scores = hits.map(({ score }) => score)
  expect(scores).toEqual([...scores].sort((a, b) => b - a))
  expect(await search('customer total', '&limit=2')).toEqual(hits.slice(0, 2))
  for (const limit of ['0', '101', 'x']) {
    expect((await db.request(path('a', `&limit=${limit}`))).body.code).toBe('invalid_input')
  }
  expect((await db.request('/search')).body.code).toBe('invalid_input')
})

test('a token for some tables finds those', async () => {
  const body = { name: 'x', role: 'readonly', tableScope: ['orders'] }
  const { token } = (await platform.request('/v1/tokens', { token: acme.token, body })).body.data
  const { hits } = (await platform.request(db.path + path('customer spending total'), { token })).body.data
  expect(new Set(hits.map((hit: Hit) => hit.table))).toEqual(new Set(['orders']))
})

test('long descriptions of many columns fit', async () => {
  const { db } = await platform.createNamespace(uniqueName('wordy'))
  const columns = Array.from({ length: 90 }, (_, i) => `c${i}`)
  const names = Array.from({ length: 12 }, (_, i) => `t${i}`)
  await db().batch(names.map((name) => ({ sql: `CREATE TABLE ${name} (${columns.join(', ')})` })))
  // One of the characters that Unicode takes apart into most others.
  const note = '\ufdfa'.repeat(400)
  const tables = names.map((table) => ({
    table,
    description: table,
    columns: columns.map((column) => ({ column, description: `${note} ${table} ${column}` })),
  }))
  expect((await db().request('/describe', { method: 'PUT', body: { tables } })).body.error).toBeUndefined()
  const { body } = await db().request(path('c89 t11', '&limit=1'))
  expect(body.data).toMatchObject({ hits: [{ table: 't11', column: 'c89' }] })
})

test('leaves nothing behind', async () => {
  const state = async () => [
    (await db.query('SELECT count(*) FROM sqlite_master')).body.data.rows,
    (await db.request('/tables')).body.data,
    (await platform.request('/v1/usage', { token: acme.token })).body.data.spend.rowsWritten,
  ]
  const before = await state()
  await search('customers')
  expect(await state()).toEqual(before)
  expect((await db.query('SELECT * FROM _persql_search')).body.errorDetail.kind).toBe('unknown_table')
})

test('statements and virtual tables go on as before', async () => {
  await db.query('CREATE VIRTUAL TABLE IF NOT EXISTS notes USING fts5(body)')
  for (let i = 1; i <= 3; i++) {
    await db.query('INSERT INTO notes VALUES (?)', [`hello ${i}`])
    await search('notes')
    expect((await db.query("SELECT count(*) FROM notes WHERE notes MATCH 'hello'")).body.data.rows).toEqual([[i]])
    expect((await db.query('INSERT INTO customers (full_name) VALUES (?)', ['a'])).body.data.lastInsertRowid).toBe(i)
  }
  await db.query('DROP TABLE notes')
})

const bits = fc.constantFrom(
  ...[
    '"',
    "'",
    '*',
    '(',
    ')',
    'AND',
    'OR',
    'NOT',
    'NEAR',
    '^',
    ':',
    '-',
    '+',
    '{',
    '}',
    'name',
    'whole',
    ' ',
    ',',
    '\\',
  ],
  ...['\0', '%', '_', '注', '🎉', 'ß', 'İ', '\u0301', 'ก็', '가', '\u{1E900}', '²', 'x78', 'customers', 'a', '1', '\n'],
)
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ maxLength: 60 }),
  fc.array(bits, { maxLength: 20 }).map((list) => list.join('')),
  fc.string({ minLength: 900, maxLength: 1_000 }),
)

test('never fails for any search text', async () => {
  await fc.assert(
    fc.asyncProperty(texts, async (q) => {
      for (const { table, score } of await search(q.slice(0, 1_000).toWellFormed())) {
        expect([table.length > 0, score > 0]).toEqual([true, true])
      }
    }),
    { numRuns: 400 },
  )
})

test('what is named exactly so comes before what starts like it', async () => {
  const { db } = await platform.createNamespace(uniqueName('exact'))
  await db().batch(['AB', 'ABC', 'a', '"A "'].map((name) => ({ sql: `CREATE TABLE ${name} (id INTEGER)` })))
  for (const q of ['a', 'ab', 'abc', 'A ']) {
    const { hits } = (await db().request(path(q))).body.data
    expect(hits[0].table.toLowerCase()).toBe(q.toLowerCase())
  }
})

test('every table is found by its own name, before all others', async () => {
  const { db } = await platform.createNamespace(uniqueName('names'))
  const char = fc.oneof(bits, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }))
  const name = fc
    .array(char, { minLength: 1, maxLength: 12 })
    .map((list) => list.join('').replaceAll('\0', '0').toWellFormed())
    .filter((text) => !/^(sqlite_|_persql_|_cf_)/i.test(text) && text.trim() !== '')
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { minLength: 2, maxLength: 12, selector: (text) => text.toLowerCase() }),
      async (names) => {
        const quoted = names.map((text) => `"${text.replaceAll('"', '""')}"`)
        const made = await db().batch(quoted.map((text) => ({ sql: `CREATE TABLE ${text} (id INTEGER)` })))
        expect(made.body.error).toBeUndefined()
        try {
          for (const text of names) {
            const { body } = await db().request(path(text))
            expect([body.error, body.data?.hits[0]?.table]).toEqual([undefined, text])
          }
        } finally {
          await db().batch(quoted.map((text) => ({ sql: `DROP TABLE ${text}` })))
        }
      },
    ),
    { numRuns: 60 },
  )
})
