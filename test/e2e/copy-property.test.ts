import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Contents, contentsOfFile, differences, quoteName, type Readable, readContents, shell } from '../copies.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { type Database, maker } from '../transfer.ts'

let platform: TestPlatform
let token: string
let make: () => Promise<Database>
let folder: string
let number = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'persql-copies-'))
  platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '500' } })
  token = (await platform.createNamespace('acme')).token
  make = maker(platform, token)
})
afterAll(async () => {
  await platform.stop()
  await rm(folder, { recursive: true, force: true })
})

const text = (bytes: Uint8Array) => `CAST(x'${Buffer.from(bytes).toString('hex')}' AS TEXT)`
const asText = (value: string) => text(Buffer.from(value))
/** Beginnings of characters, middles of others, halves of surrogate pairs, too long forms. */
const BROKEN = ['ff', 'c3', 'a9', 'eda0bd', 'edb880', 'c080', 'f0808080', 'f7bfbfbf', '61ff62', 'efbfbdff', '00ff']
const string = fc.oneof(
  fc.constantFrom(
    '',
    '\r',
    '\n',
    '\r\n',
    'a\r\nb\r',
    "it's '' \"x\"",
    '\0',
    'a\0b\r\n',
    '\\r\r',
    '\\r\\015\r',
    ';--/*',
  ),
  fc.constantFrom('\u{1f600}é漢', '\ufeff', '\ufffd', '\\u000a', '\n.dump\n', '\n/\n', 'go\n'),
  fc.string({ unit: 'binary', maxLength: 12 }),
)
const repeated = (text: string, times: number) => `replace(hex(zeroblob(${times})), '00', ${text})`
const long = fc.constantFrom(
  repeated("'漢' || char(13, 10)", 7_000),
  repeated("''''", 40_000),
  repeated("CAST(x'ff' AS TEXT)", 700),
  repeated("'abc'", 2_000),
  'zeroblob(35000)',
)
const value = fc.oneof(
  long,
  { weight: 8, arbitrary: string.map(asText) },
  { weight: 4, arbitrary: fc.constantFrom(...BROKEN).map((hex) => `CAST(x'${hex}' AS TEXT)`) },
  fc.uint8Array({ maxLength: 9 }).map(text),
  fc.uint8Array({ maxLength: 9 }).map((bytes) => `x'${Buffer.from(bytes).toString('hex')}'`),
  fc.constantFrom('NULL', '9223372036854775807', '(-9223372036854775807 - 1)', '9007199254740993'),
  fc.constantFrom('9e999', '-9e999', '0.1', '-0.0', '1e300', '-1.5e-300', '5e-324', '2.2250738585072014e-308', '1e15'),
  fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }).map(String),
)

const NAMES = [
  'a',
  'B c',
  'd"e',
  "f'g",
  'select',
  'h;i',
  '漢',
  'j--k',
  '[l]',
  'm`n',
  'rowid',
  'oid',
  'ü\u00a0',
  '/*',
  'x.y',
  'é'.repeat(60),
]
const TYPES = ['', 'TEXT', 'INT', 'REAL', 'BLOB', 'NUMERIC', 'VARCHAR(10)', 'TEXT COLLATE NOCASE']

interface Spec {
  readonly kind:
    | 'plain'
    | 'strict'
    | 'without'
    | 'binary'
    | 'auto'
    | 'stored'
    | 'nameless'
    | 'fts'
    | 'indexed'
    | 'rtree'
  readonly columns: readonly string[]
  readonly type: string
  readonly index: 'none' | 'partial' | 'expression' | 'unique'
  readonly rows: readonly (readonly string[])[]
}

const width = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 5 }) },
  fc.constantFrom(49, 50, 51, 98, 99, 100),
)
const spec: fc.Arbitrary<Spec> = fc
  .record({
    kind: fc.constantFrom<Spec['kind']>(
      'plain',
      'plain',
      'strict',
      'without',
      'binary',
      'auto',
      'stored',
      'nameless',
      'fts',
      'indexed',
      'rtree',
    ),
    width,
    names: fc.shuffledSubarray(NAMES, { minLength: 5, maxLength: 5 }),
    type: fc.constantFrom(...TYPES),
    index: fc.constantFrom<Spec['index']>('none', 'partial', 'expression', 'unique'),
  })
  .chain(({ kind, width, names, type, index }) => {
    const room = { auto: 99, stored: 98, fts: 90, indexed: 90, rtree: 1, nameless: 3 }[kind as string] ?? 100
    const columns = Array.from({ length: Math.min(width, room) }, (_, i) => names[i] ?? `c${i}`)
    const row = fc.array(value, { minLength: columns.length, maxLength: columns.length })
    return fc.array(row, { maxLength: 6 }).map((rows) => ({ kind, columns, type, index, rows }))
  })

/** The statements that make a table, and how it can be read. */
function createTable({ kind, columns, type, index, rows }: Spec, at: number): { sql: string[]; tables: Readable[] } {
  const name = `t ${at}'"`
  const own = quoteName(name)
  const names = columns.map(quoteName)
  const first = names[0] as string
  const into = (row: readonly string[], more: readonly string[] = []) =>
    `INSERT OR IGNORE INTO ${own} (${[...more, ...names]}) VALUES (${row})`
  const plain = rows.map((row) => into(row))
  const read = (all: readonly string[], order: string): Readable => ({ name, columns: all, order })
  const listColumns = (each: string) => names.map((column) => `${column} ${each}`).join(', ')
  const on = `${quoteName(`i ${at}`)} ON ${own}`
  const indexes = {
    none: [],
    partial: [`CREATE INDEX ${on} (${first} DESC) WHERE ${first} IS NOT NULL AND ${first} <> 'a;\r\n'`],
    expression: [`CREATE INDEX ${on} (typeof(${first}) || 'x;y')`],
    unique: [`CREATE UNIQUE INDEX ${on} (${first})`],
  }[index]
  const around = [
    `CREATE VIEW ${quoteName(`v ${at}`)} AS SELECT ${first} AS "x;" FROM ${own} -- why;`,
    `CREATE TRIGGER ${quoteName(`g ${at}`)} AFTER DELETE ON ${own} BEGIN INSERT INTO log VALUES ('END;'); END`,
  ]
  const rowid = ['rowid', '_rowid_', 'oid'].find((word) => !columns.includes(word)) as string
  switch (kind) {
    case 'plain':
      return {
        sql: [
          `CREATE TABLE ${own} (${listColumns(type)})`,
          ...rows.map((row, i) => into([`${7 * i - 9}`, ...row], [rowid])),
          ...indexes,
          ...around,
        ].filter((sql) => index !== 'unique' || !sql.startsWith('CREATE UNIQUE')),
        tables: [read([...columns.slice(0, 99), rowid], rowid)],
      }
    case 'strict':
      return {
        sql: [`CREATE TABLE ${own} (${listColumns('ANY')}) STRICT`, ...indexes, ...plain, ...around],
        tables: [read(columns, rowid)],
      }
    case 'without':
      return {
        sql: [
          `CREATE TABLE ${own} (${listColumns(type)}, PRIMARY KEY (${[...names].reverse().slice(0, 3)})) WITHOUT ROWID`,
          ...indexes,
          ...plain,
          ...around,
        ],
        tables: [read(columns, `${[...names].reverse().slice(0, 3)}`)],
      }
    case 'binary':
      return {
        sql: [
          `CREATE TABLE ${own} (${listColumns('TEXT COLLATE NOCASE')}, PRIMARY KEY (${first} COLLATE BINARY DESC)) WITHOUT ROWID`,
          ...plain,
          into(columns.map(() => "'a'")),
          into(columns.map(() => "'A'")),
        ],
        tables: [read(columns, `${first} COLLATE BINARY`)],
      }
    case 'auto':
      return {
        sql: [
          `CREATE TABLE ${own} (id INTEGER PRIMARY KEY AUTOINCREMENT, ${listColumns(type)})`,
          ...plain,
          `DELETE FROM ${own} WHERE id > 3`,
        ],
        tables: [read(['id', ...columns], 'id'), { name: 'sqlite_sequence', columns: ['name', 'seq'], order: 'name' }],
      }
    case 'stored':
      return {
        sql: [
          `CREATE TABLE ${own} (${listColumns(type)}, g1 AS (typeof(${first})), g2 TEXT AS (typeof(${first}) || '\r\n') STORED)`,
          ...indexes,
          ...plain,
          ...around,
        ],
        tables: [read([...columns, 'g1', 'g2'], rowid)],
      }
    case 'nameless': {
      const many = plain.map((sql) => sql.replace(/\(.*?\) VALUES \(.*/s, 'VALUES (NULL, NULL, NULL)'))
      return {
        sql: [
          `CREATE TABLE ${own} (rowid, _rowid_, oid)`,
          ...many,
          ...rows.map((row) => `INSERT INTO ${own} VALUES (${row[0]}, 1, ${row.at(-1)})`),
        ],
        tables: [read(['rowid', '_rowid_', 'oid'], 'hex(rowid), hex(oid), typeof(rowid), typeof(oid), _rowid_')],
      }
    }
    case 'fts':
      return {
        sql: [
          `CREATE VIRTUAL TABLE ${own} USING fts5(${columns.map((_, i) => `c${i}`)})`,
          ...rows.map((row) => `INSERT INTO ${own} VALUES (${row})`),
          `CREATE VIRTUAL TABLE ${quoteName(`w ${at}`)} USING fts5vocab(${own}, 'instance')`,
        ],
        tables: [
          read(
            columns.map((_, i) => `c${i}`),
            'rowid',
          ),
          { name: `w ${at}`, columns: ['term', 'doc', 'col', 'offset'], order: 'doc, col, offset, term' },
        ],
      }
    case 'indexed':
      return {
        sql: [
          `CREATE TABLE ${own} (id INTEGER PRIMARY KEY, ${columns.map((_, i) => `c${i}`)})`,
          ...rows.map((row, i) => `INSERT INTO ${own} VALUES (${i * 3}, ${row})`),
          `CREATE VIRTUAL TABLE ${quoteName(`x ${at}`)} USING fts5(c0, cont = ${own}, content_rowid = id)`,
          `INSERT INTO ${quoteName(`x ${at}`)} (${quoteName(`x ${at}`)}) VALUES ('rebuild')`,
          `CREATE VIRTUAL TABLE ${quoteName(`w ${at}`)} USING fts5vocab(${quoteName(`x ${at}`)}, instance)`,
        ],
        tables: [
          read(['id', ...columns.map((_, i) => `c${i}`)], 'id'),
          { name: `w ${at}`, columns: ['term', 'doc', 'col', 'offset'], order: 'doc, col, offset, term' },
        ],
      }
    case 'rtree':
      return {
        sql: [
          `CREATE VIRTUAL TABLE ${own} USING rtree(id, x0, x1, +note)`,
          ...rows.map((row, i) => `INSERT INTO ${own} VALUES (${i * 5 - 3}, ${i}.25, ${i}.5, ${row[0]})`),
        ],
        tables: [read(['id', 'x0', 'x1', 'note'], 'id')],
      }
  }
}

/** Two tables that refer to each other, checked when the transaction ends, and one that refers to itself. */
const CYCLE = [
  'CREATE TABLE hen (id INTEGER PRIMARY KEY, egg INTEGER NOT NULL REFERENCES egg(id) DEFERRABLE INITIALLY DEFERRED)',
  'CREATE TABLE egg (id INTEGER PRIMARY KEY, hen INTEGER NOT NULL REFERENCES hen(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, up REFERENCES egg(id))',
  'INSERT INTO hen VALUES (1, 2)',
  'INSERT INTO egg VALUES (2, 1, 2)',
]
const CYCLE_TABLES: Readable[] = [
  { name: 'hen', columns: ['id', 'egg'], order: 'id' },
  { name: 'egg', columns: ['id', 'hen', 'up'], order: 'id' },
]

const LINE_END = /0D0A|27207C7C2063686172283133/
const withoutLineEnds = ({ schema, rows }: Contents): Contents => ({
  schema: schema.map((object) => object.map((text) => (LINE_END.test(String(text)) ? '' : text))),
  rows,
})

async function download(db: Database, format: string): Promise<Uint8Array> {
  const response = await fetch(`${platform.url}${db.path}/export?format=${format}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  expect(response.status, format).toBe(200)
  return new Uint8Array(await response.arrayBuffer())
}

const send = (db: Database, file: Uint8Array) =>
  db.request('/import', { method: 'POST', body: file, headers: { 'content-type': 'application/octet-stream' } })

test('every kind of copy of any database has the same content, also in the sqlite3 shell', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(spec, { minLength: 1, maxLength: 4 }), async (specs) => {
      const made = specs.map(createTable)
      const tables = [
        ...new Map(
          [...CYCLE_TABLES, ...made.flatMap((each) => each.tables)].map((table) => [table.name, table]),
        ).values(),
      ]
      const source = await make()
      const statements = ['CREATE TABLE log (n)', ...CYCLE, ...made.flatMap(({ sql }) => sql)]
      for (let at = 0; at < statements.length; at += 50) {
        const { status, body } = await source.batch(
          statements.slice(at, at + 50).map((sql) => ({ sql })),
          { transaction: true },
        )
        expect([status, body.error], statements[at + (body.statement ?? 0)]?.slice(0, 300)).toEqual([200, undefined])
      }
      const expected = await readContents(source, tables)
      const held = async (db: Database, how: string) =>
        expect(differences(await readContents(db, tables), expected), how).toEqual([])

      const fork = await source.request('/fork', { body: { slug: `fork-${++number}` } })
      expect(fork.status, JSON.stringify(fork.body)).toBe(200)
      await held(platform.database('acme', `fork-${number}`, token), 'fork')

      const snapshot = await source.request('/snapshots', { body: { label: 'now' } })
      expect(snapshot.status, JSON.stringify(snapshot.body)).toBe(200)
      expect((await source.query('DELETE FROM hen')).status).toBe(200)
      const restored = await source.request('/restore', { body: { snapshotId: snapshot.body.data.id } })
      expect(restored.status, JSON.stringify(restored.body)).toBe(200)
      await held(source, 'restore')

      for (const format of ['sql', 'sqlite']) {
        const bytes = await download(source, format)
        const file = join(folder, `${++number}.sqlite`)
        if (format === 'sql') shell(file, bytes)
        else await writeFile(file, bytes)
        expect(shell(file, 'PRAGMA integrity_check; PRAGMA foreign_key_check;'), format).toBe('ok\n')
        // Line ends within CREATE statements are rewritten for the shell.
        const same = format === 'sql' ? withoutLineEnds : (contents: Contents) => contents
        // How FTS5 cuts any text into terms differs from version to version, so its terms are compared within one version.
        const own = tables.filter(({ name }) => !name.startsWith('w '))
        const rows = Object.fromEntries(own.map(({ name }) => [name, expected.rows[name] ?? []]))
        const found = differences(same(contentsOfFile(file, own)), same({ ...expected, rows }))
        expect(found, `${format} in the shell`).toEqual([])
        const copy = await make()
        const { status, body } = await send(copy, bytes)
        expect(status, JSON.stringify(body)).toBe(200)
        expect(differences(same(await readContents(copy, tables)), same(expected)), `${format} imported`).toEqual([])
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 12) },
  )
}, 1_200_000)

test('a full-text table without its texts is refused by every copy, and named', async () => {
  const db = await make()
  for (const options of ["content=''", 'content=""', "c=''", "CONTENT = ''", "conten='', contentless_delete=1"]) {
    expect((await db.query(`CREATE VIRTUAL TABLE ft USING fts5(a, ${options})`)).status, options).toBe(200)
    for (const path of ['/export', '/export?format=sqlite', '/snapshots', '/fork']) {
      const body = { '/snapshots': { label: 'x' }, '/fork': { slug: 'never' } }[path]
      const { status, body: said } = await db.request(path, body ? { body } : {})
      expect([status, said.code, said.error], `${options} ${path}`).toEqual([
        409,
        'copy_impossible',
        expect.stringContaining('"ft"'),
      ])
    }
    expect((await db.query('DROP TABLE ft')).status).toBe(200)
  }
})
