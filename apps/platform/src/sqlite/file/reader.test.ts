import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { everything, everyValue } from '../../../../../test/schemas.ts'
import type { Page } from '../rows.ts'
import type { Chunks } from './chunks.ts'
import { readSqliteFile, type SqliteFileContent } from './reader.ts'

const module = new WebAssembly.Module(
  readFileSync(createRequire(import.meta.url).resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm')),
)
const folder = mkdtempSync(join(tmpdir(), 'persql-reader-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Statement = Page['statements'][number]

let number = 0
/** Creates a file with Debian's own SQLite. */
function made(...statements: string[]): string {
  const file = join(folder, `${++number}.sqlite`)
  shell(file, statements.map((sql) => (sql.startsWith('.') ? sql : `${sql};`)).join('\n'))
  return file
}
const shell = (file: string, input: string) =>
  execFileSync('sqlite3', ['-batch', '-bail', file], { input, encoding: 'utf8', maxBuffer: 1e9 })

function inMemory(): Chunks & { readonly held: Map<string, Uint8Array> } {
  const held = new Map<string, Uint8Array>()
  return {
    held,
    get: (file, chunk) => held.get(`${file}/${chunk}`)?.slice(),
    put: (file, chunk, bytes) => void held.set(`${file}/${chunk}`, bytes.slice()),
    drop(file, from) {
      for (const key of [...held.keys()]) {
        const [of, chunk] = key.split('/').map(Number) as [number, number]
        if (of === file && chunk >= from) held.delete(key)
      }
    },
  }
}

async function* inPieces(bytes: Uint8Array, size = 50_001) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function readStatements(bytes: Uint8Array, given: Partial<SqliteFileContent> = {}) {
  let pauses = 0
  const reading = {
    module,
    chunks: inMemory(),
    maxBytes: 100_000_000,
    pause: async () => void pauses++,
    asText: true,
    ...given,
  }
  const statements: Statement[] = []
  for await (const statement of readSqliteFile(inPieces(bytes), reading)) statements.push(statement)
  return { statements, pauses }
}
const readDump = async (file: string, given?: Partial<SqliteFileContent>) =>
  (await readStatements(readFileSync(file), given)).statements.map(({ sql }) => sql)

/** Reads a file, then creates another one from the result with Debian's SQLite. */
async function again(file: string): Promise<string> {
  return made('BEGIN', ...(await readDump(file)), 'COMMIT')
}
const refused = async (bytes: Uint8Array | string) => {
  const given = typeof bytes === 'string' ? readFileSync(bytes) : bytes
  const { code, message } = await readStatements(given).then(
    () => ({ code: 'taken', message: '' }),
    (error) => error,
  )
  return `${code}: ${message}`
}

const SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"

test('what Debian wrote is what comes out: schema, values, full text and counters', async () => {
  const file = made(...everything, ...everyValue)
  const copy = await again(file)
  expect(shell(copy, 'PRAGMA integrity_check')).toBe('ok\n')
  expect(shell(copy, SCHEMA)).toBe(shell(file, SCHEMA))
  for (const table of ['parents', 'children', 'strict_one', 'types', '"rowid"', 'no_rowid_name', 'sqlite_sequence']) {
    const rows = `SELECT * FROM ${table} ORDER BY 1, 2`
    const quoted = `.mode quote\n${table === 'types' ? 'SELECT rowid, typeof(v), hex(v) FROM types' : rows}`
    expect(shell(copy, quoted), table).toBe(shell(file, quoted))
  }
  for (const sql of ["SELECT rowid FROM own WHERE own MATCH 'run'", 'SELECT id, label FROM places WHERE x1 > 1.2']) {
    expect(shell(copy, sql)).toBe(shell(file, sql))
  }
})

test('any page size will do, a write-ahead log that was not sent does not matter, nor what was deleted', async () => {
  for (const setting of [
    'PRAGMA page_size = 512',
    'PRAGMA page_size = 65536',
    'PRAGMA journal_mode = WAL',
    'PRAGMA auto_vacuum = FULL',
  ]) {
    const file = made(
      setting,
      'CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)',
      'CREATE INDEX i ON t (b)',
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT i, printf('%0200d', i) FROM n",
      'DELETE FROM t WHERE a % 3 = 0',
      'PRAGMA user_version = 7',
    )
    const copy = await again(file)
    expect(shell(copy, '.sha3sum'), setting).toBe(shell(file, '.sha3sum'))
  }
})

test('values too long for a statement are bound, and nothing is left of the file', async () => {
  const file = made('CREATE TABLE t (a TEXT, b BLOB)', "INSERT INTO t VALUES ('short', randomblob(300000))")
  const chunks = inMemory()
  const { statements, pauses } = await readStatements(readFileSync(file), { chunks, asText: false })
  expect(statements.map(({ sql }) => sql)).toEqual([
    'CREATE TABLE t (a TEXT, b BLOB)',
    `INSERT INTO "t" (rowid,"a","b") VALUES (1,'short',?)`,
  ])
  expect(
    Buffer.from(statements[1]?.params[0] as ArrayBuffer)
      .toString('hex')
      .toUpperCase(),
  ).toBe(shell(file, 'SELECT hex(b) FROM t').trim())
  expect(pauses).toBeGreaterThan(1)
  expect(chunks.held.size).toBe(0)
})

test('texts that are not UTF-8 are read to the last bit, in keys and in long rows too', async () => {
  const file = made(
    'CREATE TABLE k (a TEXT PRIMARY KEY, b) WITHOUT ROWID',
    "INSERT INTO k VALUES (CAST(x'ff' AS TEXT), 1), (CAST(x'eda0bd' AS TEXT), 2), (CAST(x'c080' AS TEXT), 3), ('a', 4)",
    "INSERT INTO k SELECT CAST(x'a9' AS TEXT) || hex(zeroblob(20000)) || i, CAST(x'f7bfbfbf' AS TEXT) || char(13) FROM (SELECT 5 AS i UNION SELECT 6)",
  )
  for (const asText of [true, false]) {
    const { statements } = await readStatements(readFileSync(file), { asText })
    expect(statements.some(({ params }) => params.length > 0)).toBe(!asText)
  }
  expect(shell(await again(file), '.sha3sum')).toBe(shell(file, '.sha3sum'))
})

test('small rows before large ones do not make it hold all of those', async () => {
  const file = made(
    'CREATE TABLE t (a BLOB)',
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO t SELECT 'x' FROM n",
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) INSERT INTO t SELECT randomblob(500000) FROM n',
  )
  const copy = await again(file)
  expect(shell(copy, '.sha3sum')).toBe(shell(file, '.sha3sum'))
})

test('files that are not databases or are truncated are refused', async () => {
  const file = made('CREATE TABLE t (a)', 'INSERT INTO t SELECT zeroblob(100000)', 'CREATE TABLE u (a)')
  const whole = readFileSync(file)
  const changed = (at: number, ...bytes: number[]) => {
    const copy = Buffer.from(whole)
    copy.set(bytes, at)
    return copy
  }
  expect(await refused(new Uint8Array())).toMatch(/^sqlite_file_refused: .*It is empty\./)
  expect(await refused(Buffer.from('CREATE TABLE t (a);'))).toMatch(/^sqlite_file_refused: .*Not a SQLite database/)
  expect(await refused(crypto.getRandomValues(new Uint8Array(8192)))).toMatch(/^sqlite_file_refused: .*encrypted/)
  expect(await refused(whole.subarray(0, 16))).toMatch(/^sqlite_file_refused: .*truncated/)
  expect(await refused(whole.subarray(0, 4096))).toMatch(/^sqlite_file_refused: .*truncated/)
  expect(await refused(whole.subarray(0, -1))).toMatch(/^sqlite_file_refused: .*truncated/)
  expect(await refused(changed(16, 0x0f, 0xff))).toMatch(/^sqlite_file_refused: .*Invalid page size/)
  expect(await refused(changed(19, 9))).toMatch(/^sqlite_file_refused: .*newer/)
  // A false page count, a false root page, a cycle of overflow pages, and an invalid page.
  expect(await refused(changed(4096, 0xff, 0xff, 0xff))).toMatch(/^sqlite_file_refused: /)
  expect(await refused(changed(4096 * 4, 0, 0, 0, 4))).toMatch(/^sqlite_file_refused: .*corrupt/)
  expect(await refused(changed(100, 0xff))).toMatch(/^sqlite_file_refused: /)
  expect(await refused(made('PRAGMA encoding = "UTF-16"', 'CREATE TABLE t (a)'))).toMatch(/UTF-16/)
  expect(await readStatements(whole, { maxBytes: 10_000 }).catch(({ code }) => code)).toBe('body_too_large')
})

test('whichever bytes of a file are changed, it is refused or read, and that ends', async () => {
  const whole = readFileSync(made('PRAGMA page_size = 512', ...everything, ...everyValue))
  let seed = 1
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const outcomes = new Set<string>()
  for (let i = 0; i < 150; i++) {
    const changed = Buffer.from(whole)
    for (let n = 0; n <= random(20); n++) changed[random(i % 2 ? 2_000 : changed.length)] = random(256)
    outcomes.add((await refused(changed)).split(':')[0] as string)
  }
  expect([...outcomes].sort()).toEqual(['sqlite_file_refused', 'taken'])
})

test('a schema that lies is refused', async () => {
  const lying = (...changes: string[]) =>
    made(
      'CREATE TABLE t (a)',
      'INSERT INTO t VALUES (1)',
      'CREATE VIEW v AS SELECT 1',
      '.dbconfig defensive off',
      'PRAGMA writable_schema = ON',
      ...changes,
    )
  const set = (name: string, sql: string) => `UPDATE sqlite_schema SET sql = '${sql}' WHERE name = '${name}'`
  const refusal = /^sqlite_file_refused: /
  expect(await refused(lying(set('t', 'CREATE TABLE other (a)')))).toMatch(refusal)
  expect(await refused(lying(set('t', 'CREATE TABLE t (a); DROP TABLE users')))).toMatch(refusal)
  expect(await refused(lying(set('v', 'CREATE VIEW v AS SELECT 1; DROP TABLE users')))).toMatch(refusal)
  expect(await refused(lying(set('v', 'CREATE TABLE v (a)')))).toMatch(refusal)
  expect(await refused(lying(set('v', 'DROP TABLE t')))).toMatch(refusal)
  expect(await refused(lying(set('t', 'nonsense')))).toMatch(refusal)
  expect(await refused(lying("UPDATE sqlite_schema SET rootpage = 1 WHERE name = 't'"))).toMatch(refusal)
  expect(await refused(lying("UPDATE sqlite_schema SET rootpage = 99 WHERE name = 't'"))).toMatch(refusal)
})

test('tables that read outside of tables and unknown collations are refused', async () => {
  expect(
    await refused(
      made(
        '.dbconfig defensive off',
        'PRAGMA writable_schema = ON',
        "INSERT INTO sqlite_schema VALUES ('table', 'pages', 'pages', 0, 'CREATE VIRTUAL TABLE pages USING sqlite_dbpage')",
      ),
    ),
  ).toMatch(/sqlite_dbpage/)
  expect(await refused(made('CREATE VIRTUAL TABLE old USING fts4(a)'))).toMatch(/fts4/)
  expect(
    await refused(made('CREATE TABLE t (a COLLATE uint)', 'CREATE INDEX i ON t (a)', 'INSERT INTO t VALUES (1), (2)')),
  ).toMatch(/uint/)
})

test("the runtime's tables and PerSQL's own are left out", async () => {
  const file = made('CREATE TABLE _persql_query_log (a)', 'CREATE TABLE _cf_KV (a)', 'CREATE TABLE t (a)')
  expect(await readDump(file)).toEqual(['CREATE TABLE t (a)'])
})
