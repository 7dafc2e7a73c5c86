import { type Client, createClient } from '@libsql/client/http'
import { createClient as createSocketClient } from '@libsql/client/ws'
import { connect } from '@tursodatabase/serverless'
import { createClient as createCompatible } from '@tursodatabase/serverless/compat'
import { eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/libsql/http'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

let platform: SharedPlatform
let ns: string
let token: string
let made = 0

beforeAll(async () => {
  platform = await sharedPlatform()
  ns = uniqueName('libsql')
  token = (await platform.createNamespace(ns)).token
})
afterAll(() => platform.stop())

/** Returns the URL of a new database. */
const newUrl = () => `${platform.url}/libsql/${ns}/db-${++made}/`

describe.each([
  ['http', createClient],
  ['ws', createSocketClient],
])('@libsql/client with a URL of %s:', (scheme, create) => {
  let client: Client
  afterAll(() => client.close())
  beforeAll(async () => {
    client = create({ url: newUrl().replace('http', scheme), authToken: token, intMode: 'bigint' })
    await client.batch(['CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB)'], 'write')
  })

  test('runs statements with exact values', async () => {
    const max = 2n ** 63n - 1n
    const inserted = await client.execute({
      sql: 'INSERT INTO item VALUES (:id, $name, @data)',
      args: { id: max, name: 'max', data: new Uint8Array([1, 2]) },
    })
    expect(inserted).toMatchObject({ rowsAffected: 1, lastInsertRowid: max })
    const { columns, columnTypes, rows } = await client.execute('SELECT *, 1.0 AS one FROM item')
    expect(columns).toEqual(['id', 'name', 'data', 'one'])
    expect(columnTypes).toEqual(['INTEGER', 'TEXT', 'BLOB', ''])
    expect(Array.from(rows[0] as unknown as ArrayLike<unknown>)).toEqual([max, 'max', new Uint8Array([1, 2]).buffer, 1])
  })

  test('names the code of a constraint', async () => {
    await expect(client.execute("INSERT INTO item (name) VALUES ('max')")).rejects.toMatchObject({
      code: 'SQLITE_CONSTRAINT',
      message: 'SQLITE_CONSTRAINT: UNIQUE constraint failed: item.name',
    })
  })

  test('has 1,000 inserts and random defaults in a transaction', async () => {
    await client.execute('CREATE TABLE many (id INTEGER PRIMARY KEY, v TEXT DEFAULT (hex(randomblob(8))))')
    const transaction = await client.transaction('write')
    const first = await transaction.execute('INSERT INTO many DEFAULT VALUES RETURNING v')
    const sql = 'INSERT INTO many (v) VALUES (?)'
    for (let i = 0; i < 20; i++) {
      const some = Array.from({ length: 50 }, (_, j) => transaction.execute({ sql, args: [`${i * 50 + j}`] }))
      expect((await Promise.all(some)).map(({ rowsAffected }) => rowsAffected)).toEqual(Array(50).fill(1))
    }
    const read = await transaction.execute('SELECT v FROM many WHERE id = 1')
    expect(read.rows[0]?.v).toBe(first.rows[0]?.v)
    await transaction.commit()
    expect((await client.execute('SELECT count(*) AS n FROM many')).rows[0]?.n).toBe(1001n)
    expect((await client.execute('SELECT v FROM many WHERE id = 1')).rows[0]?.v).toBe(first.rows[0]?.v)
  })

  test('reads, decides and writes in a transaction', async () => {
    await client.executeMultiple('CREATE TABLE account (id, n); INSERT INTO account VALUES (1, 10), (2, 0);')
    const transaction = await client.transaction('write')
    const { rows } = await transaction.execute('SELECT n FROM account WHERE id = 1')
    await transaction.batch([
      { sql: 'UPDATE account SET n = n - ? WHERE id = 1', args: [rows[0]?.n ?? null] },
      { sql: 'UPDATE account SET n = n + ? WHERE id = 2', args: [rows[0]?.n ?? null] },
    ])
    await expect(transaction.execute('SELECT * FROM missing')).rejects.toThrow('no such table')
    expect((await client.execute('SELECT n FROM account ORDER BY id')).rows.map(({ n }) => n)).toEqual([10n, 0n])
    await transaction.commit()
    expect((await client.execute('SELECT n FROM account ORDER BY id')).rows.map(({ n }) => Number(n))).toEqual([0, 10])
  })

  test('rolls a transaction back when it is closed', async () => {
    const transaction = await client.transaction('write')
    await transaction.execute("INSERT INTO item (name) VALUES ('lost')")
    transaction.close()
    await expect.poll(async () => (await client.execute("SELECT 1 FROM item WHERE name = 'lost'")).rows).toEqual([])
    await client.execute("INSERT INTO item (name) VALUES ('next')")
  })

  test('migrates without losing rows that reference a rebuilt table', async () => {
    await client.executeMultiple(`
      CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
      CREATE TABLE child (of INTEGER REFERENCES parent (id) ON DELETE CASCADE);
      INSERT INTO parent VALUES (1, 'a');
      INSERT INTO child VALUES (1)`)
    await client.migrate([
      'CREATE TABLE new_parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL)',
      'INSERT INTO new_parent SELECT * FROM parent',
      'DROP TABLE parent',
      'ALTER TABLE new_parent RENAME TO parent',
    ])
    await client.migrate(["ALTER TABLE parent ALTER COLUMN name TO name TEXT NOT NULL DEFAULT (upper('x'))"])
    await client.execute('INSERT INTO parent (id) VALUES (2)')
    expect((await client.execute('SELECT name FROM parent ORDER BY id')).rows.map(({ name }) => name)).toEqual([
      'a',
      'X',
    ])
    expect((await client.execute('SELECT of FROM child')).rows).toHaveLength(1)
    await expect(client.execute('INSERT INTO child VALUES (3)')).rejects.toThrow('FOREIGN KEY constraint failed')
  })

  test('counts exactly with 16 concurrent transactions', async () => {
    await client.batch(['CREATE TABLE counter (n INTEGER)', 'INSERT INTO counter VALUES (0)'], 'write')
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        const transaction = await client.transaction('write')
        const { rows } = await transaction.execute('SELECT n FROM counter')
        await transaction.execute({ sql: 'UPDATE counter SET n = ?', args: [(rows[0]?.n as bigint) + 1n] })
        await transaction.commit()
      }),
    )
    expect((await client.execute('SELECT n FROM counter')).rows[0]?.n).toBe(16n)
  })
})

test('Drizzle inserts many rows, and nests transactions', async () => {
  const users = sqliteTable('users', { id: integer().primaryKey(), name: text().notNull(), age: integer() })
  const db = drizzle(createClient({ url: newUrl(), authToken: token }))
  await db.run(sql`CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER)`)
  const many = Array.from({ length: 300 }, (_, i) => ({ name: `user ${i}`, age: i }))
  expect(await db.insert(users).values(many).returning({ id: users.id })).toHaveLength(300)
  await db.transaction(async (tx) => {
    const [first] = await tx.select().from(users).where(eq(users.id, 1))
    await tx
      .update(users)
      .set({ name: `${first?.name}!` })
      .where(eq(users.id, 1))
    await tx
      .transaction(async (nested) => {
        await nested.delete(users)
        throw new Error('undo')
      })
      .catch(() => {})
  })
  expect(await db.select().from(users).where(eq(users.id, 1))).toEqual([{ id: 1, name: 'user 0!', age: 0 }])
  expect(await db.$count(users)).toBe(300)
  const [counted, listed] = await db.batch([
    db.select({ n: sql<number>`count(*)` }).from(users),
    db.select().from(users).limit(1),
  ])
  expect([counted, listed]).toEqual([[{ n: 300 }], [{ id: 1, name: 'user 0!', age: 0 }]])
})

describe('@tursodatabase/serverless', () => {
  test('runs statements, batches and transactions', async () => {
    const db = connect({ url: newUrl(), authToken: token })
    await db.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT); CREATE INDEX by_name ON item (name)')
    const insert = await db.prepare('INSERT INTO item (name) VALUES (?)')
    expect(await insert.run(['a'])).toMatchObject({ changes: 1, lastInsertRowid: 1 })
    const select = await db.prepare('SELECT id, name FROM item WHERE name = ?')
    expect(select.columns()).toMatchObject([
      { name: 'id', type: 'INTEGER' },
      { name: 'name', type: 'TEXT' },
    ])
    expect(await select.get(['a'])).toEqual({ id: 1, name: 'a' })
    await db.batch(["INSERT INTO item (name) VALUES ('b')", "INSERT INTO item (name) VALUES ('c')"], 'write')
    const rename = db.transaction(async () => {
      await db.run("UPDATE item SET name = 'A' WHERE id = 1")
      throw new Error('undo')
    })
    await expect(rename()).rejects.toThrow('undo')
    expect(await db.all('SELECT name FROM item ORDER BY id')).toEqual([{ name: 'a' }, { name: 'b' }, { name: 'c' }])
    await db.close()
  })

  test('has the interface of @libsql/client too', async () => {
    const client = createCompatible({ url: newUrl(), authToken: token })
    await client.batch(['CREATE TABLE t (a)', 'INSERT INTO t VALUES (1)'], 'write')
    const transaction = await client.transaction('write')
    await transaction.execute('INSERT INTO t VALUES (2)')
    await transaction.rollback()
    expect((await client.execute('SELECT count(*) AS n FROM t')).rows).toEqual([[1]])
    client.close()
  })
})
