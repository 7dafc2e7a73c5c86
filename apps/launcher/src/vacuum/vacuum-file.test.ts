import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'libsql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { vacuumFile } from './vacuum-file.ts'

const everything = { minFreeBytes: 0, minFreeShare: 0, maxLiveBytes: 1e9, roomBytes: 1e9 }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'persql-vacuum-'))
})
afterAll(() => rm(folder, { recursive: true }))

let made = 0
function openFile(): { file: string; sqlite: Sqlite.Database } {
  const file = join(folder, `${++made}.sqlite`)
  const sqlite = new Sqlite(file)
  sqlite.exec('PRAGMA journal_mode = wal')
  return { file, sqlite }
}

const read = (sqlite: Sqlite.Database, sql: string): unknown[] => sqlite.prepare(sql).raw().all()

/** The rows of a filler, which are deleted, so that there are free pages. */
const fill = `CREATE TABLE filler (b);
  WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO filler SELECT zeroblob(5000) FROM n`

/** Rows with gaps in their rowids. `value` is an expression of the number of the row. */
const rows = (table: string, columns: string, value: string): string =>
  `INSERT INTO ${table} (${columns}) WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT ${value} FROM n`

/** Tables, with the query whose rows must stay the same. */
const tables: [string, string[], string][] = [
  ['a table without keys', ['CREATE TABLE t (a, b)', rows('t', 'rowid, a', 'i * 7, i')], 'rowid, * FROM t'],
  [
    'a table whose names need quotes',
    ['CREATE TABLE "a ""b" ("c ""d" TEXT)', rows('"a ""b"', 'rowid, "c ""d"', 'i * 7, i')],
    'rowid, * FROM "a ""b"',
  ],
  [
    'a column named like a keyword',
    ['CREATE TABLE t ("select", "rowid")', rows('t', 'oid, "select"', 'i * 7, i')],
    'oid, * FROM t',
  ],
  [
    'all names of the rowid taken',
    ['CREATE TABLE t (rowid, oid, _rowid_)', rows('t', 'rowid, oid', 'i, i')],
    '* FROM t',
  ],
  [
    'defaults and checks',
    [
      "CREATE TABLE t (a CHECK (a IN (1, 2) OR a > 2), b DEFAULT 'x' NOT NULL, c DEFAULT (1 + 2) COLLATE NOCASE)",
      rows('t', 'rowid, a', 'i * 7, i'),
    ],
    'rowid, * FROM t',
  ],
  [
    'a check that rows violate',
    ['CREATE TABLE t (a CHECK (a > 1000))', 'PRAGMA ignore_check_constraints = ON', rows('t', 'rowid, a', 'i * 7, i')],
    'rowid, * FROM t',
  ],
  [
    'generated columns',
    ['CREATE TABLE t (a, s AS (a * 2) STORED, v AS (a || s))', rows('t', 'rowid, a', 'i * 7, i')],
    'rowid, * FROM t',
  ],
  [
    'a generated column first',
    ['CREATE TABLE t (s AS (a * 2) STORED, a)', rows('t', 'rowid, a', 'i * 7, i')],
    'rowid, * FROM t',
  ],
  [
    'a column that was added',
    ['CREATE TABLE t (a)', rows('t', 'rowid, a', 'i * 7, i'), 'ALTER TABLE t ADD COLUMN b DEFAULT 5'],
    'rowid, * FROM t',
  ],
  [
    'a column that was dropped',
    ['CREATE TABLE t (a, b)', rows('t', 'rowid, a, b', 'i * 7, i, i'), 'ALTER TABLE t DROP COLUMN a'],
    'rowid, * FROM t',
  ],
  [
    'a partial index',
    ['CREATE TABLE t (a)', 'CREATE INDEX i ON t (a) WHERE a > 100', rows('t', 'rowid, a', 'i * 7, i')],
    'rowid, * FROM t',
  ],
  [
    'an index of an expression',
    ['CREATE TABLE t (a)', 'CREATE INDEX i ON t (a + 1)', rows('t', 'rowid, a', 'i * 7, i')],
    'rowid, * FROM t',
  ],
  [
    'a unique index',
    ['CREATE TABLE t (a, b)', 'CREATE UNIQUE INDEX i ON t (a, b DESC)', rows('t', 'rowid, a', 'i * 7, i')],
    'rowid, * FROM t',
  ],
  ['a unique constraint', ['CREATE TABLE t (a UNIQUE)', rows('t', 'rowid, a', 'i * 7, i')], 'rowid, * FROM t'],
  ['a key that is text', ['CREATE TABLE t (a TEXT PRIMARY KEY)', rows('t', 'rowid, a', 'i * 7, i')], 'rowid, * FROM t'],
  [
    'a key of two columns',
    ['CREATE TABLE t (a, b, PRIMARY KEY (a, b))', rows('t', 'rowid, a', 'i * 7, i')],
    'rowid, * FROM t',
  ],
  [
    'INTEGER PRIMARY KEY',
    ['CREATE TABLE t (id INTEGER PRIMARY KEY, a)', rows('t', 'id, a', 'i * 7, i')],
    'rowid, * FROM t',
  ],
  [
    'INTEGER PRIMARY KEY DESC',
    ['CREATE TABLE t (id INTEGER PRIMARY KEY DESC, a)', rows('t', 'rowid, id', 'i * 7, i')],
    'rowid, * FROM t',
  ],
  ['INT PRIMARY KEY', ['CREATE TABLE t (id INT PRIMARY KEY)', rows('t', 'rowid, id', 'i * 7, i')], 'rowid, * FROM t'],
  [
    'AUTOINCREMENT',
    [
      'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)',
      rows('t', 'id', 'i * 7'),
      'DELETE FROM t WHERE id > 1000',
    ],
    '(SELECT seq FROM sqlite_sequence), * FROM t',
  ],
  [
    'WITHOUT ROWID',
    ['CREATE TABLE t (a TEXT PRIMARY KEY, b) WITHOUT ROWID', rows('t', 'a, b', 'i * 7, i')],
    '* FROM t',
  ],
  [
    'STRICT',
    ['CREATE TABLE t (a INT, b ANY) STRICT', rows('t', 'rowid, a, b', "i * 7, i, 'x'")],
    'rowid, typeof(b), * FROM t',
  ],
  [
    'negative and large rowids',
    ['CREATE TABLE t (a)', 'INSERT INTO t (rowid, a) VALUES (-5, 1), (0, 2), (9007199254740993, 3)'],
    'CAST(rowid AS TEXT), * FROM t',
  ],
  ['an empty table', ['CREATE TABLE t (a)'], 'rowid, * FROM t'],
  [
    'foreign keys',
    [
      'CREATE TABLE p (id INTEGER PRIMARY KEY)',
      'CREATE TABLE t (p REFERENCES p ON DELETE CASCADE)',
      rows('p', 'id', 'i'),
      rows('t', 'rowid, p', 'i * 7, i'),
    ],
    'rowid, * FROM t',
  ],
  [
    'triggers and views',
    [
      'CREATE TABLE t (a)',
      rows('t', 'rowid, a', 'i * 7, i'),
      'CREATE VIEW v AS SELECT rowid AS r, a FROM t',
      'CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END',
    ],
    '* FROM v',
  ],
  [
    'statistics',
    ['CREATE TABLE t (a)', 'CREATE INDEX i ON t (a)', rows('t', 'rowid, a', 'i * 7, i'), 'ANALYZE'],
    '(SELECT stat FROM sqlite_stat1), rowid, * FROM t',
  ],
  [
    'FTS5 with its own content',
    ['CREATE VIRTUAL TABLE t USING fts5(a)', rows('t', 'rowid, a', "i * 7, 'word ' || i")],
    "rowid, * FROM t WHERE t MATCH 'word'",
  ],
  [
    'FTS5 over a table without keys',
    [
      'CREATE TABLE c (a)',
      "CREATE VIRTUAL TABLE t USING fts5(a, content='c')",
      rows('c', 'rowid, a', "i * 7, 'word ' || i"),
      'INSERT INTO t (rowid, a) SELECT rowid, a FROM c',
    ],
    "rowid, * FROM t WHERE t MATCH 'word'",
  ],
  [
    'FTS5 without content',
    ["CREATE VIRTUAL TABLE t USING fts5(a, content='')", rows('t', 'rowid, a', "i * 7, 'word ' || i")],
    "rowid FROM t WHERE t MATCH 'word'",
  ],
  [
    'FTS5 without content, with deletes',
    [
      "CREATE VIRTUAL TABLE t USING fts5(a, content='', contentless_delete=1)",
      rows('t', 'rowid, a', "i * 7, 'word ' || i"),
      'DELETE FROM t WHERE rowid = 7',
    ],
    "rowid FROM t WHERE t MATCH 'word'",
  ],
  [
    'FTS4',
    ['CREATE VIRTUAL TABLE t USING fts4(a)', rows('t', 'docid, a', "i * 7, 'word ' || i")],
    "docid, * FROM t WHERE t MATCH 'word'",
  ],
  [
    'R-Tree',
    ['CREATE VIRTUAL TABLE t USING rtree(id, x, y, +note)', rows('t', 'id, x, y, note', "i * 7, i, i + 1, 'n' || i")],
    '* FROM t WHERE x > 100',
  ],
  [
    "the platform's tables",
    [
      'CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID',
      rows('_cf_KV', 'key, value', "'k' || i, i"),
      'CREATE TABLE _persql_log (at INTEGER, sql TEXT)',
      rows('_persql_log', 'rowid, at', 'i * 7, i'),
    ],
    '* FROM _cf_KV UNION ALL SELECT rowid, sql FROM _persql_log',
  ],
]

test.each(tables)('VACUUM keeps rowids: %s', async (_name, statements, query) => {
  const { file, sqlite } = openFile()
  for (const sql of [fill, ...statements, 'DROP TABLE filler']) sqlite.exec(sql)
  sqlite.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const content = () => [
    read(sqlite, `SELECT ${query}`),
    read(sqlite, 'SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name'),
  ]
  const before = content()
  const size = (await stat(file)).size
  const result = vacuumFile(sqlite, everything)
  expect(content()).toEqual(before)
  expect((await stat(file)).size).toBeLessThan(size - 900_000)
  expect(result).toMatchObject({ freedBytes: size - (await stat(file)).size })
  expect(read(sqlite, 'PRAGMA integrity_check')).toEqual([['ok']])
  if (query.includes('MATCH')) sqlite.exec("INSERT INTO t (t) VALUES ('integrity-check')")
  sqlite.close()
})

test('without the temporary indexes, VACUUM would change rowids', () => {
  const { sqlite } = openFile()
  sqlite.exec('CREATE TABLE t (a); INSERT INTO t (rowid, a) VALUES (7, 1); VACUUM')
  expect(read(sqlite, 'SELECT rowid FROM t')).toEqual([[1]])
  sqlite.close()
})

test('a reader with an older state keeps it, and the file shrinks after the reader has ended', async () => {
  const { file, sqlite } = openFile()
  for (const sql of [fill, 'CREATE TABLE t (a)', 'INSERT INTO t (rowid, a) VALUES (7, 1)', 'DROP TABLE filler'])
    sqlite.exec(sql)
  sqlite.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const { size } = await stat(file)
  const reader = new Sqlite(file)
  reader.exec('BEGIN')
  expect(read(reader, 'SELECT rowid, a FROM t')).toEqual([[7, 1]])
  expect(vacuumFile(sqlite, everything)).toHaveProperty('freedBytes')
  expect(read(reader, 'SELECT rowid, a FROM t')).toEqual([[7, 1]])
  expect(read(reader, 'PRAGMA integrity_check')).toEqual([['ok']])
  reader.exec('COMMIT')
  reader.close()
  sqlite.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  expect((await stat(file)).size).toBeLessThan(size - 900_000)
  expect(read(sqlite, 'SELECT rowid, a FROM t')).toEqual([[7, 1]])
  expect(read(sqlite, 'PRAGMA integrity_check')).toEqual([['ok']])
  sqlite.close()
})

test.each([
  [{ minFreeBytes: 2_000_000 }, 'few_free_pages'],
  [{ minFreeShare: 0.999 }, 'few_free_pages'],
  [{ maxLiveBytes: 4_096 }, 'too_large'],
  [{ roomBytes: 4_096 }, 'no_room'],
])('a file stays as it is with %o: %s', async (limits, skipped) => {
  const { file, sqlite } = openFile()
  for (const sql of [fill, 'CREATE TABLE t (a)', 'DROP TABLE filler', 'PRAGMA wal_checkpoint(TRUNCATE)'])
    sqlite.exec(sql)
  const { size } = await stat(file)
  expect(vacuumFile(sqlite, { ...everything, ...limits })).toEqual({ skipped })
  expect((await stat(file)).size).toBe(size)
  sqlite.close()
})

test('a VACUUM that fails leaves no index', () => {
  const { sqlite } = openFile()
  for (const sql of [fill, 'CREATE TABLE t (a)', 'DROP TABLE filler']) sqlite.exec(sql)
  const catalog = read(sqlite, 'SELECT name FROM sqlite_master')
  const failing = new Proxy(sqlite, {
    get(target, key) {
      if (key !== 'exec') return Reflect.get(target, key)
      return (sql: string) => {
        if (sql === 'VACUUM') throw new Error('database is locked')
        return target.exec(sql)
      }
    },
  })
  expect(() => vacuumFile(failing, everything)).toThrow('database is locked')
  expect(read(sqlite, 'SELECT name FROM sqlite_master')).toEqual(catalog)
  sqlite.close()
})

test('the size of system tables is the pages that they use', () => {
  const { sqlite } = openFile()
  sqlite.exec(
    'CREATE TABLE _persql_a (b); CREATE INDEX _persql_b ON _persql_a (b); CREATE TABLE t (b); INSERT INTO t VALUES (zeroblob(50000))',
  )
  sqlite.exec(fill)
  sqlite.exec('DELETE FROM filler')
  // The catalog, one table and one index.
  expect(vacuumFile(sqlite, everything)).toMatchObject({ systemBytes: 3 * 4_096 })
  sqlite.close()
})
