import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createClient } from '@libsql/client/http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findFreePort } from '../reverse-proxy.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const temporary = fileURLToPath(new URL('../../node_modules/.tmp', import.meta.url))
const kit = join(dirname(createRequire(import.meta.url).resolve('drizzle-kit-cli')), 'bin.cjs')
const ns = uniqueName('kit')

let platform: SharedPlatform
let token: string
/** The folder of an app with a configuration of drizzle-kit. */
let app: string

beforeAll(async () => {
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
  await mkdir(temporary, { recursive: true })
  app = await mkdtemp(join(temporary, 'drizzle-kit-'))
})
afterAll(async () => {
  await platform?.stop()
  await rm(app, { recursive: true, force: true })
})

const open = (database: string) => ({ url: `${platform.url}/libsql/${ns}/${database}/`, authToken: token })

const author = `
export const authors = sqliteTable('authors', {
  id: integer().primaryKey({ autoIncrement: true }),
  email: text().notNull().unique(),
  born: integer(),
})`
const books = `
export const books = sqliteTable(
  'books',
  {
    id: integer().primaryKey(),
    title: text().notNull(),
    author: integer()
      .notNull()
      .references(() => authors.id, { onDelete: 'cascade' }),
  },
  (table) => [index('by_title').on(table.title)],
)`

/** Writes the schema and the configuration of a database. */
async function configure(database: string, tables: string): Promise<string> {
  const folder = join(app, database)
  await mkdir(folder, { recursive: true })
  const names = 'index, integer, sqliteTable, text'
  await writeFile(join(folder, 'schema.ts'), `import { ${names} } from 'drizzle-orm/sqlite-core'\n${tables}\n`)
  const config = { dialect: 'turso', schema: './schema.ts', out: './drizzle', dbCredentials: open(database) }
  await writeFile(join(folder, 'drizzle.config.ts'), `export default ${JSON.stringify(config)}\n`)
  return folder
}

// Without a PATH, drizzle-kit finds no program that creates certificates for its server.
const environment = () => ({ ...process.env, PATH: '', NO_COLOR: '1' })

/** Runs a command of drizzle-kit and returns its output. */
async function runKit(folder: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [kit, ...args], { cwd: folder, env: environment() })
  return stdout
}

describe('drizzle-kit push', () => {
  test('creates tables, finds no changes afterwards, and changes a column of a table with rows', async () => {
    const folder = await configure('push', author + books)
    expect(await runKit(folder, 'push')).toContain('Changes applied')
    expect(await runKit(folder, 'push')).toContain('No changes detected')

    const client = createClient(open('push'))
    await client.batch(
      ["INSERT INTO authors (email) VALUES ('ada@example.com')", "INSERT INTO books VALUES (1, 'Notes', 1)"],
      'write',
    )
    await configure('push', author.replace('born: integer()', 'born: integer().notNull().default(1815)') + books)
    await client.execute('UPDATE authors SET born = 1815')
    expect(await runKit(folder, 'push', '--force')).toContain('Changes applied')
    expect(await runKit(folder, 'push')).toContain('No changes detected')
    await client.execute("INSERT INTO authors (email) VALUES ('grace@example.com')")
    const { rows } = await client.execute('SELECT email, born FROM authors ORDER BY id')
    expect(rows.map((row) => [row.email, row.born])).toEqual([
      ['ada@example.com', 1815],
      ['grace@example.com', 1815],
    ])
    expect((await client.execute('SELECT title FROM books')).rows).toMatchObject([{ title: 'Notes' }])
  })
})

describe('drizzle-kit pull', () => {
  test('writes the schema of a database, without tables of PerSQL', async () => {
    const folder = await configure('pull', '')
    const client = createClient(open('pull'))
    await client.executeMultiple(`
      CREATE TABLE authors (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, born REAL DEFAULT 1.5);
      CREATE TABLE books (id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES authors (id) ON DELETE CASCADE);
      CREATE INDEX by_author ON books (author);
      CREATE VIEW titles AS SELECT id FROM books`)
    await runKit(folder, 'pull')
    const schema = await readFile(join(folder, 'drizzle/schema.ts'), 'utf8')
    expect([...schema.matchAll(/sqlite(?:Table|View)\("(\w+)"/g)].map(([, name]) => name).sort()).toEqual([
      'authors',
      'books',
      'titles',
    ])
    expect(schema).toContain('email: text().notNull()')
    expect(schema).toContain('references(() => authors.id, { onDelete: "cascade" } )')
    expect(schema).toContain('index("by_author").on(table.author)')
  })
})

/** Starts the server of Drizzle Studio, and returns a function that calls it as its page does. */
async function startStudio(folder: string) {
  const port = await findFreePort()
  const studio = spawn(process.execPath, [kit, 'studio', '--port', `${port}`], {
    cwd: folder,
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(studio, 'exit')
  let output = ''
  for (const stream of [studio.stdout, studio.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const stop = async () => {
    studio.kill()
    await exited
  }
  try {
    await expect.poll(() => output + (studio.exitCode ?? ''), { timeout: 60_000 }).toMatch(/up and running/)
  } catch (cause) {
    await stop()
    throw new Error(`Drizzle Studio didn't start: ${output}`, { cause })
  }
  return {
    stop,
    call: async (type: string, data?: unknown): Promise<unknown> => {
      const response = await fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ type, data }),
      })
      return response.json()
    },
  }
}

describe('drizzle-kit studio', () => {
  test('reads and writes through its server, as its page does', async () => {
    const folder = await configure('studio', author + books)
    await createClient(open('studio')).executeMultiple(`
      CREATE TABLE authors (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, born INTEGER);
      CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT NOT NULL, author INTEGER NOT NULL)`)
    const { call, stop } = await startStudio(folder)
    try {
      expect(await call('init')).toMatchObject({ dialect: 'sqlite', packageName: '@libsql/client' })
      const proxy = (sql: string, method: string, params: unknown[] = [], mode = 'object') =>
        call('proxy', { sql, method, params, mode })
      const catalog = `SELECT m.name AS "table", p.name AS "column", p.type FROM sqlite_master m
        JOIN pragma_table_xinfo(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
        ORDER BY m.name, p.cid`
      expect(await proxy(catalog, 'all', [], 'array')).toEqual([
        ['authors', 'id', 'INTEGER'],
        ['authors', 'email', 'TEXT'],
        ['authors', 'born', 'INTEGER'],
        ['books', 'id', 'INTEGER'],
        ['books', 'title', 'TEXT'],
        ['books', 'author', 'INTEGER'],
      ])
      const insert = 'INSERT INTO "authors" ("email", "born") VALUES (?, ?) RETURNING *'
      expect(await proxy(insert, 'all', ['ada@example.com', 1815])).toEqual([
        { id: 1, email: 'ada@example.com', born: 1815 },
      ])
      expect(await proxy(insert, 'all', ['ada@example.com', 1815])).toEqual({
        status: 'error',
        error: 'SQLITE_CONSTRAINT: UNIQUE constraint failed: authors.email',
      })
      const changes = [
        { sql: `UPDATE "authors" SET "born" = 1816 WHERE "id" = 1`, method: 'run' },
        { sql: `INSERT INTO "books" VALUES (1, 'Notes', 1) RETURNING "id"`, method: 'all' },
      ]
      expect(await call('tproxy', changes)).toEqual([[], [{ id: 1 }]])
      const refused = [
        { sql: 'DELETE FROM "authors" WHERE "id" = 1' },
        { sql: `INSERT INTO "books" VALUES (1, 'Again', 1)` },
      ]
      expect(await call('tproxy', refused)).toEqual([
        [],
        { error: expect.stringContaining('UNIQUE constraint failed: books.id') },
      ])
      const join = 'SELECT a.born, b.title FROM "authors" a JOIN "books" b ON b."author" = a."id" LIMIT ? OFFSET ?'
      expect(await proxy(join, 'all', [50, 0], 'array')).toEqual([[1816, 'Notes']])
    } finally {
      await stop()
    }
  })
})
