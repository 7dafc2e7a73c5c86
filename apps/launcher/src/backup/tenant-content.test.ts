import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'libsql'
import { expect, onTestFinished, test } from 'vitest'
import { makeDataFolder, removeDataFolder } from '../../../../test/data-folder.ts'
import { keepTenantContent } from './tenant-content.ts'

const own = [
  'CREATE TABLE "_persql" (n)',
  'CREATE TABLE keyless (n)',
  'INSERT INTO keyless (rowid, n) VALUES (7, 1), (9, 9007199254740993)',
  'CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT)',
  'INSERT INTO counted VALUES (41)',
  'DELETE FROM counted',
  "CREATE VIRTUAL TABLE notes USING fts5(body, tokenize = 'porter')",
  "INSERT INTO notes (rowid, body) VALUES (3, 'the runner runs')",
  'CREATE VIEW seen AS SELECT n FROM keyless',
  'CREATE TRIGGER copies AFTER INSERT ON keyless BEGIN INSERT INTO counted VALUES (NULL); END',
]
const internal = [
  'CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID',
  "INSERT INTO _cf_KV VALUES ('identity', 'a-secret-of-the-platform')",
  'CREATE TABLE _persql_change (id INTEGER PRIMARY KEY, detail TEXT)',
  'CREATE INDEX change_detail ON _persql_change (detail)',
  "INSERT INTO _persql_change VALUES (1, 'another-secret-of-the-platform')",
  'CREATE VIRTUAL TABLE _persql_search USING fts5(name)',
  "INSERT INTO _persql_search VALUES ('found')",
  'CREATE TRIGGER _persql_watch AFTER INSERT ON keyless BEGIN INSERT INTO _persql_change (detail) VALUES (new.n); END',
]

test('what stays is the schema and the rows of the tenant, and no byte of the platform', async () => {
  const folder = await makeDataFolder('persql-content-')
  onTestFinished(() => removeDataFolder(folder))
  const file = join(folder, 'database.sqlite')
  fill(file, [...own, ...internal])
  const expected = join(folder, 'expected.sqlite')
  fill(expected, own)

  const { bytes } = await keepTenantContent(file)

  const content = readFileSync(file)
  expect(content.length).toBe(bytes)
  expect(content.includes('secret-of-the-platform')).toBe(false)
  for (const sql of [
    'SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name',
    'SELECT rowid, CAST(n AS TEXT) FROM keyless',
    'SELECT * FROM sqlite_sequence',
    "SELECT rowid, body FROM notes WHERE notes MATCH 'run'",
    'SELECT CAST(n AS TEXT) FROM seen',
    'PRAGMA integrity_check',
  ]) {
    expect(read(file, sql), sql).toEqual(read(expected, sql))
  }
})

function fill(file: string, statements: readonly string[]): void {
  const sqlite = new Sqlite(file)
  sqlite.exec('PRAGMA journal_mode = WAL')
  for (const sql of statements) sqlite.exec(sql)
  sqlite.close()
}

function read(file: string, sql: string): unknown[] {
  const sqlite = new Sqlite(file)
  const rows = sqlite.prepare(sql).raw().all()
  sqlite.close()
  return rows
}
