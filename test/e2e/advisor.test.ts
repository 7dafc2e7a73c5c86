import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>
type Db = ReturnType<TestPlatform['database']>

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  acme = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())

let number = 0
/** A database of its own, with these statements run in it. */
async function database(...statements: string[]): Promise<Db> {
  const name = `d${++number}`
  const db = acme.db(name)
  await ran(db, ...statements)
  return db
}

async function ran(db: Db, ...statements: string[]): Promise<void> {
  for (const sql of statements) await queried(db, sql)
}

async function queried(db: Db, sql: string, params?: unknown[]) {
  const { body } = await db.query(sql, params)
  if (!body.success) throw new Error(`${sql}: ${body.error}`)
  return body.data as { rows: unknown[][]; rowsRead: number; changes?: number }
}

async function advised(db: Db) {
  const { status, body } = await db.request('/ai/indexes', { body: {} })
  expect(body).toMatchObject({ success: true })
  expect(status).toBe(200)
  return body.data as {
    examined: number
    suggestions: {
      table: string
      columns: string[]
      sql: string
      reason: string
      queries: string[]
      rowsReadBefore: number
      rowsReadAfter: number
    }[]
  }
}

/** Rows 1 to `rows` into `into`, each as `values` makes it of `i`. */
const fill = (into: string, rows: number, values: string) =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) INSERT INTO ${into} SELECT ${values} FROM n`

const ORDERS = [
  'CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, status TEXT, created_at INTEGER, total REAL)',
  fill(
    'orders',
    5_000,
    "i, i % 500, iif(i % 40 = 0, 'open', iif(i % 3, 'paid', 'sent')), 1700000000 + i * 7919 % 5003, i * 1.5",
  ),
]

/** The oracle: with the suggested index made for real, the real query reads at most half. */
async function holds(db: Db, sql: string, query: string, params: unknown[]): Promise<void> {
  const before = await queried(db, query, params)
  await queried(db, sql)
  const after = await queried(db, query, params)
  expect(after.rowsRead * 2).toBeLessThanOrEqual(before.rowsRead)
  expect(after.rows).toEqual(before.rows)
}

describe('an index is suggested', () => {
  test('for a comparison, in words, with rows before and after', async () => {
    const db = await database(...ORDERS)
    const query = 'SELECT id, total FROM orders WHERE customer_id = ? ORDER BY id'
    await queried(db, query, [7])
    const { suggestions, examined } = await advised(db)
    expect(examined).toBeGreaterThanOrEqual(1)
    expect(suggestions).toEqual([
      {
        table: 'orders',
        columns: ['customer_id'],
        sql: 'CREATE INDEX "idx_orders_customer_id" ON "orders" ("customer_id")',
        reason:
          '1 query scans the whole table "orders" to filter by customer_id; with this index, it reads 11 rows instead of 5,000. Each insert into "orders" writes one more row.',
        queries: [query],
        rowsReadBefore: 5_000,
        rowsReadAfter: expect.any(Number),
      },
    ])
    await holds(db, suggestions[0]?.sql as string, query, [123])
    expect((await advised(db)).suggestions).toEqual([])
  })

  test('for a range with ORDER BY', async () => {
    const db = await database(...ORDERS)
    const query = 'SELECT * FROM orders WHERE created_at >= ? AND created_at < ? ORDER BY created_at DESC LIMIT ?'
    await queried(db, query, [1700000100, 1700000200, 20])
    const { suggestions } = await advised(db)
    expect(suggestions.map(({ columns }) => columns)).toEqual([['created_at']])
    await holds(db, suggestions[0]?.sql as string, query, [1700000300, 1700000400, 10])
  })

  test('for both columns where one alone leaves much', async () => {
    const db = await database(
      'CREATE TABLE events (id INTEGER PRIMARY KEY, tenant TEXT, kind TEXT, at INTEGER)',
      fill('events', 10_000, "i, 'tenant ' || (i % 7), 'kind ' || (i / 7 % 11), i"),
    )
    const query = 'SELECT count(*) FROM events WHERE tenant = ? AND kind = ?'
    await queried(db, query, ['tenant 1', 'kind 2'])
    const { suggestions } = await advised(db)
    expect(suggestions).toHaveLength(1)
    expect(new Set(suggestions[0]?.columns)).toEqual(new Set(['tenant', 'kind']))
    await holds(db, suggestions[0]?.sql as string, query, ['tenant 3', 'kind 4'])
  })

  test('for equality before order, one index for both', async () => {
    const db = await database(...ORDERS)
    const query = 'SELECT * FROM orders WHERE status = ? ORDER BY created_at DESC LIMIT 10'
    await queried(db, query, ['open'])
    const { suggestions } = await advised(db)
    expect(suggestions.map(({ columns }) => columns)).toEqual([['status', 'created_at']])
    expect(suggestions[0]?.reason).toContain('to filter by status and sort by created_at')
    await holds(db, suggestions[0]?.sql as string, query, ['paid'])
  })

  test('for a join, with aliases', async () => {
    const db = await database(
      ...ORDERS,
      'CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT)',
      fill('customers', 500, "i, 'c' || i || '@example.com'"),
    )
    const query =
      'SELECT o.id FROM customers AS c JOIN orders o ON o.customer_id = c.id WHERE c.email = ? ORDER BY o.id'
    await queried(db, query, ['c9@example.com'])
    const { suggestions } = await advised(db)
    // Neither does anything without the other, and both say so.
    expect(suggestions.map(({ table, columns }) => [table, columns])).toEqual(
      expect.arrayContaining([
        ['orders', ['customer_id']],
        ['customers', ['email']],
      ]),
    )
    expect(suggestions.find(({ table }) => table === 'orders')?.reason).toContain(
      'with this index and the one on "customers" (email)',
    )
    const [first, last] = suggestions.map(({ sql }) => sql) as [string, string]
    const before = await queried(db, query, ['c77@example.com'])
    await ran(db, first, last)
    const after = await queried(db, query, ['c77@example.com'])
    expect(after.rowsRead * 2).toBeLessThan(before.rowsRead)
    expect(after.rows).toEqual(before.rows)
  })

  test('for a foreign key whose parent is deleted', async () => {
    const db = await database(
      'CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT)',
      'CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id) ON DELETE CASCADE, n)',
      fill('parents', 200, "i, 'p' || i"),
      fill('children', 4_000, 'i, i % 200 + 1, i'),
    )
    await queried(db, 'DELETE FROM parents WHERE id = ?', [5])
    const { suggestions } = await advised(db)
    expect(suggestions.map(({ table, columns }) => [table, columns])).toEqual([['children', ['parent']]])
    await queried(db, suggestions[0]?.sql as string)
    expect((await queried(db, 'DELETE FROM parents WHERE id = ?', [6])).rowsRead).toBeLessThan(200)
  })

  test('for an UPDATE that scans, which is tried without effect', async () => {
    const db = await database(...ORDERS)
    await queried(db, 'UPDATE orders SET status = ? WHERE customer_id = ?', ['void', 3])
    const before = (await queried(db, 'SELECT * FROM orders ORDER BY id')).rows
    const { suggestions } = await advised(db)
    expect(suggestions.map(({ columns }) => columns)).toEqual([['customer_id']])
    expect((await queried(db, 'SELECT * FROM orders ORDER BY id')).rows).toEqual(before)
  })

  test('for statements of a batch', async () => {
    const db = await database(...ORDERS)
    const sql = 'SELECT * FROM orders WHERE customer_id = ?'
    await db.batch([{ sql, params: [1] }, { sql: "SELECT ';' AS mark" }, { sql, params: [2] }])
    expect((await advised(db)).suggestions.map(({ queries }) => queries)).toEqual([[sql]])
  })

  test('behind a view', async () => {
    const db = await database(...ORDERS, "CREATE VIEW paid AS SELECT o.* FROM orders o WHERE o.status = 'paid'")
    await queried(db, 'SELECT * FROM paid WHERE customer_id = ?', [4])
    expect((await advised(db)).suggestions[0]?.columns).toContain('customer_id')
  })

  test('under names that need quotes', async () => {
    const db = await database(
      'CREATE TABLE "odd ""table" ("a ""b" TEXT, "select" INTEGER, "ünï code" TEXT, "#x" BLOB)',
      fill('"odd ""table"', 3_000, "'v' || (i % 600), i, 'u' || i, NULL"),
    )
    const query = 'SELECT "select" FROM "odd ""table" AS [t t] WHERE [t t]."a ""b" = ? ORDER BY "select"'
    await queried(db, query, ['v7'])
    const { suggestions } = await advised(db)
    expect(suggestions.map(({ table, columns }) => [table, columns])).toEqual([['odd "table', ['a "b']]])
    await holds(db, suggestions[0]?.sql as string, query, ['v8'])
  })

  test('under a name that is still free', async () => {
    const db = await database(...ORDERS, 'CREATE INDEX idx_orders_customer_id ON orders (total)')
    await queried(db, 'SELECT * FROM orders WHERE customer_id = ?', [1])
    expect((await advised(db)).suggestions[0]?.sql).toContain('"idx_orders_customer_id_2"')
  })

  test('of rows whose ids are far apart, or in clusters', async () => {
    const db = await database(
      'CREATE TABLE far (id INTEGER PRIMARY KEY, k INTEGER)',
      fill('far', 30_000, 'i * 100003 * 7919, i % 3000'),
      'CREATE TABLE clustered (id INTEGER PRIMARY KEY, k INTEGER)',
      fill('clustered', 30_000, 'iif(i < 30000, i, 4000000000000000), i % 3000'),
    )
    await queried(db, 'SELECT * FROM far WHERE k = ?', [5])
    await queried(db, 'SELECT * FROM clustered WHERE k = ?', [5])
    const { suggestions } = await advised(db)
    expect(suggestions.map(({ table, columns }) => [table, columns]).sort()).toEqual([
      ['clustered', ['k']],
      ['far', ['k']],
    ])
    for (const { rowsReadBefore } of suggestions) expect(rowsReadBefore).toBeGreaterThan(10_000)
  })

  test('where the planner has statistics', async () => {
    const db = await database(...ORDERS, 'CREATE INDEX by_status ON orders (status)', 'ANALYZE')
    const query = "SELECT * FROM orders WHERE status = 'paid' AND customer_id = ?"
    await queried(db, query, [7])
    const { suggestions } = await advised(db)
    expect(suggestions[0]?.columns).toContain('customer_id')
    await holds(db, suggestions[0]?.sql as string, query, [8])
  })

  test('beside a statement that takes the square of its rows', async () => {
    const db = await database(
      'CREATE TABLE a (id INTEGER PRIMARY KEY, k)',
      'CREATE TABLE b (id INTEGER PRIMARY KEY, k)',
    )
    const square = 'SELECT count(*) FROM a WHERE (SELECT max(b.id) FROM b WHERE abs(b.k) > a.k AND b.id <> ?) > 0'
    await ran(db, fill('a', 100, 'i, i'), fill('b', 100, 'i, i'))
    await queried(db, square, [1])
    await queried(db, 'SELECT * FROM a WHERE k = ?', [1])
    await ran(db, fill('a', 30_000, 'i + 100, i'), fill('b', 30_000, 'i + 100, i'))
    expect((await advised(db)).suggestions.map(({ table, columns }) => [table, columns])).toEqual([['a', ['k']]])
  })

  test('with values that JavaScript cannot hold, and blobs', async () => {
    const db = await database(
      'CREATE TABLE big (id INTEGER PRIMARY KEY, snowflake INTEGER, hash BLOB, n ANY) STRICT',
      fill('big', 3_000, "i, 9007199254740993 + i, CAST('h' || i AS BLOB), iif(i % 2, i, 'x' || i)"),
    )
    await queried(db, 'SELECT id FROM big WHERE snowflake = ?', ['9007199254741000'])
    await queried(db, 'SELECT id FROM big WHERE hash = ?', [{ base64: 'aDc=' }])
    const { suggestions } = await advised(db)
    expect(suggestions.map(({ columns }) => columns).sort()).toEqual([['hash'], ['snowflake']])
    for (const { rowsReadAfter } of suggestions) expect(rowsReadAfter).toBeLessThanOrEqual(2)
  })
})

describe('nothing is suggested', () => {
  test('for queries that an index serves, for small tables, and for reads of everything', async () => {
    const db = await database(
      ...ORDERS,
      'CREATE INDEX served ON orders (customer_id, status)',
      'CREATE TABLE small (id INTEGER PRIMARY KEY, name TEXT)',
      fill('small', 50, "i, 'n' || i"),
    )
    await queried(db, 'SELECT * FROM orders WHERE customer_id = ?', [7])
    await queried(db, 'SELECT * FROM small WHERE name = ?', ['n7'])
    await queried(db, 'SELECT sum(total) FROM orders')
    await queried(db, 'SELECT * FROM orders WHERE id = ?', [7])
    const { suggestions, examined } = await advised(db)
    expect(suggestions).toEqual([])
    expect(examined).toBeGreaterThanOrEqual(4)
  })

  test('for what cannot be tried: no end, no rowids, virtual tables, tables that are gone', async () => {
    const db = await database(
      'CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID',
      fill('w', 1_000, "'k' || i, i"),
      'CREATE VIRTUAL TABLE docs USING fts5(body)',
      fill('docs', 500, "'word ' || i"),
      'CREATE TABLE gone (a)',
      fill('gone', 500, 'i'),
      'CREATE TABLE steps (id INTEGER PRIMARY KEY, n)',
      fill('steps', 500, 'i, i'),
    )
    await queried(db, 'SELECT * FROM w WHERE v = ?', [5])
    await queried(db, 'SELECT * FROM docs WHERE body = ?', ['word 5'])
    await queried(db, 'SELECT * FROM gone WHERE a = ?', [5])
    await queried(db, 'DROP TABLE gone')
    await queried(
      db,
      'WITH c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i <> ?) SELECT count(*) FROM c, steps WHERE steps.n = c.i',
      [3],
    )
    expect((await advised(db)).suggestions).toEqual([])
  })

  test('for tables beyond the token’s scope', async () => {
    const db = await database(...ORDERS, 'CREATE TABLE secrets AS SELECT * FROM orders')
    await queried(db, 'SELECT * FROM orders WHERE customer_id = ?', [7])
    await queried(db, 'SELECT * FROM secrets WHERE customer_id = ?', [7])
    await queried(db, 'SELECT * FROM secrets JOIN orders USING (id) WHERE orders.status = ?', ['no'])
    const { body } = await platform.request('/v1/tokens', {
      token: acme.token,
      body: { name: 'narrow', role: 'readonly', tableScope: ['orders'] },
    })
    const narrow = platform.database('acme', `d${number}`, body.data.token)
    const { suggestions, examined } = await advised(narrow)
    expect(suggestions.map(({ table }) => table)).toEqual(['orders'])
    expect(suggestions.flatMap(({ queries }) => queries).join()).not.toContain('secrets')
    expect(examined).toBe(1)
  })
})

describe('a call', () => {
  test('leaves data and schema as they were, and nothing of the copy', async () => {
    const db = await database(
      'CREATE TABLE notes (id INTEGER PRIMARY KEY, owner INTEGER, body TEXT)',
      fill('notes', 2_000, "i, i % 100, 'marmalade-' || i"),
      'CREATE TRIGGER t AFTER UPDATE ON notes BEGIN INSERT INTO notes (body) VALUES (new.body); END',
    )
    await queried(db, 'SELECT * FROM notes WHERE owner = ?', [7])
    await queried(db, 'DELETE FROM notes WHERE owner = ?', [8])
    const state = async () => [
      (await queried(db, 'SELECT * FROM notes ORDER BY id')).rows,
      (await queried(db, "SELECT * FROM sqlite_master WHERE name NOT LIKE '_persql%'")).rows,
    ]
    const before = await state()
    const files = await filesWith('marmalade-1234')
    expect((await advised(db)).suggestions).toHaveLength(1)
    expect(await state()).toEqual(before)
    expect(await filesWith('marmalade-1234')).toEqual(files)
  })

  test('is billed as one request and the rows that were copied', async () => {
    const db = await database(...ORDERS)
    await queried(db, 'SELECT * FROM orders WHERE customer_id = ?', [7])
    await advised(db)
    const { rows } = await queried(
      db,
      "SELECT rows_read, rows_written, status FROM _persql_query_log WHERE operation = 'advise_indexes'",
    )
    // Once to count, once to copy, and some for the first look.
    expect(rows).toEqual([[expect.any(Number), 0, 200]])
    expect(rows[0]?.[0]).toBeGreaterThanOrEqual(10_000)
    expect(rows[0]?.[0]).toBeLessThanOrEqual(11_000)
  })

  test('that is cut off leaves a copy, which its timer removes', async () => {
    const name = `d${number + 1}`
    const tables = ['x', 'y', 'z']
    const db = await database(
      ...tables.flatMap((table) => [
        `CREATE TABLE ${table} (id INTEGER PRIMARY KEY, k INTEGER, body TEXT)`,
        fill(table, 20_000, "i, i % 1000, 'tangerine-' || i || hex(zeroblob(100))"),
      ]),
    )
    for (const table of tables) await queried(db, `SELECT * FROM ${table} WHERE k = ?`, [7])
    const own = (await filesWith('tangerine-15000')).map(getObjectId)
    const copies = async () => (await filesWith('tangerine-15000')).map(getObjectId).filter((id) => !own.includes(id))
    // A run can end before its copy is seen, and between this and the kill.
    do {
      let hasEnded = false
      const cut = db
        .request('/ai/indexes', { body: {} })
        .catch(() => undefined)
        .finally(() => {
          hasEnded = true
        })
      while (!hasEnded && (await copies()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      await platform.kill()
      await cut
      await platform.restart()
    } while ((await copies()).length === 0)
    await platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs: 11 * 60 * 1000 } })
    await expect.poll(copies).toEqual([])
    expect((await advised(acme.db(name))).suggestions).toHaveLength(3)
    await platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs: 0 } })
  })

  test('reports a table that is dropped during the run', async () => {
    const db = await database(
      'CREATE TABLE brief (id INTEGER PRIMARY KEY, k INTEGER, body TEXT)',
      fill('brief', 20_000, 'i, i % 1000, hex(zeroblob(200))'),
    )
    await queried(db, 'SELECT * FROM brief WHERE k = ?', [7])
    const advice = db.request('/ai/indexes', { body: {} })
    await queried(db, 'SELECT 1')
    await queried(db, 'DROP TABLE brief')
    // Or it was quicker, or had not begun.
    expect([undefined, 'no such table: brief']).toContain((await advice).body.error)
    expect((await advised(db)).suggestions).toEqual([])
  })

  test('takes no fields, and only one at a time', async () => {
    const db = await database(...ORDERS)
    await queried(db, 'SELECT * FROM orders WHERE customer_id = ?', [7])
    expect((await db.request('/ai/indexes', { body: { table: 'orders' } })).body.code).toBe('invalid_input')
    const answers = await Promise.all([1, 2].map(() => db.request('/ai/indexes', { body: {} })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe('advice_under_way')
    expect((await advised(db)).suggestions).toHaveLength(1)
  })

  test('samples a large table, and other calls run in between', async () => {
    const db = await database('CREATE TABLE large (id INTEGER PRIMARY KEY, k INTEGER, body TEXT)')
    for (let i = 0; i < 4; i++) {
      await queried(db, fill('large', 50_000, `i + ${i * 50_000}, (i * 7919 + ${i}) % 40000, 'body ' || i`))
    }
    const query = 'SELECT * FROM large WHERE k = ? ORDER BY id'
    await queried(db, query, [7])
    let done = false
    const advice = advised(db).finally(() => {
      done = true
    })
    let answered = 0
    while (!done) {
      expect((await queried(db, 'SELECT k FROM large WHERE id = ?', [answered + 1])).rows).toHaveLength(1)
      if (!done) answered++
    }
    expect(answered).toBeGreaterThan(5)
    const { suggestions } = await advice
    expect(suggestions.map(({ columns }) => columns)).toEqual([['k']])
    expect(suggestions[0]?.rowsReadBefore).toBe(20_000)
    expect(suggestions[0]?.reason).toContain('Measured on a sample of 20,000 rows.')
    await holds(db, suggestions[0]?.sql as string, query, [9])
  })
})

const getObjectId = (file: string) => file.replace(/\..*$/, '')

/** Files of objects, with their logs, that hold this text. */
async function filesWith(text: string): Promise<string[]> {
  const folder = join(platform.data, 'objects', 'database')
  const names = (await readdir(folder)).sort()
  // Journals come and go while one looks.
  const bytes = (name: string) => readFile(join(folder, name)).catch(() => Buffer.alloc(0))
  const found = await Promise.all(names.map(async (name) => (await bytes(name)).includes(text)))
  return names.filter((_, i) => found[i])
}
