import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { type Database, imported, maker, readRows, shellDump } from '../transfer.ts'

let platform: TestPlatform
let make: (...statements: string[]) => Promise<Database>

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '100' } })
  make = maker(platform, (await platform.createNamespace('acme')).token)
})
afterAll(() => platform.stop())

const LONG = 'é'.repeat(200_000)
const many = (row: (i: number) => string, count = 20_000) => Array.from({ length: count }, (_, i) => row(i)).join(',')
const TABLE = 'CREATE TABLE t (a PRIMARY KEY, b);\n'

const TAKEN: [string, string, string, unknown[][]][] = [
  ...['INSERT', 'INSERT OR IGNORE', 'insert or replace', 'REPLACE', 'INSERT OR ABORT', 'INSERT OR FAIL'].map(
    (how): [string, string, string, unknown[][]] => [
      `a long literal behind ${how}`,
      `${TABLE}${how} INTO t VALUES (1, '${LONG}'), (2, X'${'00ff'.repeat(80_000)}');`,
      'SELECT a, typeof(b), length(b) FROM t',
      [
        [1, 'text', 200_000],
        [2, 'blob', 160_000],
      ],
    ],
  ),
  [
    'REPLACE with 4,000 rows',
    `${TABLE}REPLACE INTO "main"."t" VALUES ${many((i) => `(${i % 3_999}, '${'x'.repeat(40)}')`, 4_000)};`,
    'SELECT count(*) FROM t',
    [[3_999]],
  ],
  [
    'INSERT OR IGNORE with rows left out',
    `${TABLE}INSERT OR IGNORE INTO t VALUES ${many((i) => `(${i % 100}, ${i})`)};`,
    'SELECT count(*), max(b) FROM t',
    [[100, 99]],
  ],
  ...[
    'TRUE',
    'false',
    'CURRENT_TIMESTAMP',
    'current_date',
    'CURRENT_TIME',
    'NULL',
    '-0x10',
    '+ 1.5e3',
    '- 5',
    '.5',
    '1.',
    "'a' || char(10)",
    'abs(-7)',
    "datetime('2020-01-01')",
  ].map((first): [string, string, string, unknown[][]] => [
    `a first row with ${first}`,
    `${TABLE}INSERT INTO t VALUES (-1, ${first}),${many((i) => `(${i}, '${i}')`)};`,
    `SELECT count(*), (SELECT b IS ${first.startsWith('CURRENT_T') ? 'NOT NULL' : `(${first})`} FROM t WHERE a = -1) FROM t`,
    [[20_001, 1]],
  ]),
  [
    'comments between rows',
    `${TABLE}INSERT INTO t VALUES -- rows; (\n${many((i) => `/* ( ${i} */ (${i} -- '\n, '${i}')\n`)} /* end; */;`,
    'SELECT count(*) FROM t',
    [[20_000]],
  ],
  [
    "unistr('\\+FFFFFF')",
    `${TABLE}INSERT INTO t VALUES (1, unistr('\\+FFFFFF'));`,
    'SELECT hex(b) FROM t',
    [['F7BFBFBF']],
  ],
  [
    "unistr('\\U0001F600')",
    `${TABLE}INSERT INTO t VALUES (1, unistr('\\U0001F600'));`,
    'SELECT b FROM t',
    [['\u{1f600}']],
  ],
  [
    'a half surrogate pair in unistr',
    `${TABLE}INSERT INTO t VALUES (1, unistr('x\\ud83d')), (2, unistr('\\D83D\\uDE00'));`,
    'SELECT hex(b) FROM t',
    [['78EDA0BD'], ['EDA0BDEDB880']],
  ],
  [
    'all escapes of unistr',
    `${TABLE}INSERT INTO t VALUES (1, unistr('a\\\\b\\000a\\u000dé\\+01F600\\u0000''z'));`,
    'SELECT hex(b) FROM t',
    [['615C620A0DC3A9F09F9880002' + '77A']],
  ],
  ...[
    'user_version=7',
    'main.application_id = 9',
    'page_size = 4096',
    'journal_mode=WAL',
    "encoding='UTF-8'",
    'synchronous=OFF',
    'auto_vacuum(1)',
    'foreign_keys=OFF',
    'busy_timeout=1000',
    'integrity_check',
    'writable_schema = on',
    'defer_foreign_keys=1',
  ].map((pragma): [string, string, string, unknown[][]] => [
    `PRAGMA ${pragma}`,
    `PRAGMA ${pragma};\n${TABLE}INSERT INTO t VALUES (1, 2);`,
    'SELECT * FROM t',
    [[1, 2]],
  ]),
  [
    'settings of the shell',
    `.dbconfig defensive off\n.bail on\n${TABLE}INSERT INTO t VALUES (1, 2);\n.timer off\n`,
    'SELECT * FROM t',
    [[1, 2]],
  ],
  [
    'a recovered database',
    `BEGIN;\nPRAGMA writable_schema = on;\nCREATE TABLE "r" (id INTEGER PRIMARY KEY AUTOINCREMENT, b);\nINSERT OR IGNORE INTO 'r'('id', 'b') VALUES (3, '${LONG}');\nINSERT OR IGNORE INTO 'sqlite_sequence'('name', 'seq') VALUES ('r', 9);\nPRAGMA writable_schema = off;\nCOMMIT;\n`,
    'SELECT length(b), (SELECT seq FROM sqlite_sequence) FROM r',
    [[200_000, 9]],
  ],
]

test.each(TAKEN)('%s is taken', async (_, file, sql, rows) => {
  const db = await make()
  const { status, body } = await imported(db, file, 'format=sql')
  expect([status, body.error]).toEqual([200, undefined])
  expect(await readRows(db, sql)).toEqual(rows)
})

test('the shell dumps fts5vocab tables, and they show the terms again', async () => {
  const db = await make()
  const dump = shellDump(
    'CREATE VIRTUAL TABLE f USING fts5(a)',
    'CREATE VIRTUAL TABLE v USING fts5vocab(f, row)',
    "INSERT INTO f VALUES ('b a b')",
    "CREATE VIRTUAL TABLE w USING fts5vocab('f', 'col')",
  )
  expect((await imported(db, dump)).body.error).toBeUndefined()
  expect(await readRows(db, 'SELECT term, doc, cnt FROM v')).toEqual([
    ['a', 1, 1],
    ['b', 1, 2],
  ])
  expect(await readRows(db, 'SELECT term, col, cnt FROM w')).toEqual([
    ['a', 'a', 1],
    ['b', 'a', 2],
  ])
})

const REFUSED: [string, string, number, string][] = [
  ['a table that is too wide', `${TABLE}CREATE TABLE w (${many((i) => `c${i}`, 101)});`, 2, '100 columns'],
  ['another long statement', `${TABLE}UPDATE t SET b = '${LONG}';`, 2, '100,000 bytes'],
  [
    'a subquery among many rows',
    `${TABLE}INSERT INTO t VALUES ${many((i) => `(${i}, '${'x'.repeat(20)}')`)},\n(-1, (SELECT 1));`,
    3,
    'without subqueries',
  ],
  [
    'a clause behind many rows',
    `${TABLE}INSERT INTO t VALUES ${many((i) => `(${i}, '${'x'.repeat(20)}')`)}\nON CONFLICT DO NOTHING;`,
    2,
    '100,000 characters',
  ],
  ['a command of the shell', `${TABLE}.read other.sql\n`, 2, '.read other.sql'],
  ['a setting that matters', `${TABLE}\nPRAGMA ignore_check_constraints=ON;`, 3, 'ignore_check_constraints'],
  ['an escape that is none', `${TABLE}INSERT INTO t VALUES (1, unistr('\\U1F600'));`, 2, 'unistr'],
]

test.each(REFUSED)('%s is refused with its line and why', async (_, file, line, why) => {
  const { status, body } = await imported(await make(), file, 'format=sql')
  expect([status, body.line, body.error]).toEqual([400, line, expect.stringContaining(why)])
})
