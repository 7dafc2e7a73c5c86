import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { type Database, exportText, imported, maker, readRows, refusal } from '../transfer.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let made: (...statements: string[]) => Promise<Database>

beforeAll(async () => {
  platform = await sharedPlatform()
  made = maker(platform, (await platform.createNamespace(ns)).token, ns)
})
afterAll(() => platform.stop())

const VALUES = [
  "(NULL), (''), (1), (1.0), ('1'), (-0.5), (0.1 + 0.2), (1e300), (-9e999), (9007199254740993), (-9223372036854775808)",
  "(x''), (x'00ff'), ('x''00ff'''), ('a,b'), ('a\"b'), ('line\nbreak'), ('cr\r\nlf'), ('ä\u{1F600}'), ('a' || char(0) || 'b')",
  "(' padded '), ('007'), ('1e5'), ('NULL'), (replace(hex(zeroblob(40000)), '0', 'long')), (zeroblob(60000))",
]
const COLUMNS = ['', 'TEXT', 'INTEGER', 'REAL', 'NUMERIC', 'BLOB', 'VARCHAR(20)']
const DIGEST = "SELECT id, typeof(v), CASE typeof(v) WHEN 'text' THEN hex(v) ELSE quote(v) END FROM t ORDER BY id"

test.each(['csv', 'ndjson'])('an export as %s imports unchanged, for columns of any type', async (format) => {
  for (const type of COLUMNS) {
    const create = `CREATE TABLE t (id INTEGER PRIMARY KEY, v ${type}, "g""e" AS (id + 1))`
    const source = await made(create, ...VALUES.map((values) => `INSERT INTO t (v) VALUES ${values}`))
    const file = await exportText(source, `format=${format}&table=t`)
    const db = await made(create)
    const { status, body } = await imported(db, file, `format=${format}&table=t`)
    expect(status, JSON.stringify(body).slice(0, 400)).toBe(200)
    expect(body.data).toMatchObject({ tables: ['t'], rows: 26 })
    expect(await readRows(db, DIGEST), type).toEqual(await readRows(source, DIGEST))
    expect(await exportText(db, `format=${format}&table=t`)).toBe(file)
  }
})

test('CSV is as RFC 4180 has it, and NULL is not the empty text', async () => {
  const db = await made(
    'CREATE TABLE t (a, "b,c" TEXT)',
    "INSERT INTO t VALUES (NULL, ''), (1.0, 'say \"hi\"'), (x'0aff', NULL)",
  )
  const response = await fetch(`${platform.url}${db.path}/export?format=csv&table=T`, {
    headers: { authorization: `Bearer ${(await platform.createNamespace(ns)).token}` },
  })
  expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8')
  expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="db-\d+-T\.csv"$/)
  expect(await response.text()).toBe(`a,"b,c"\r\n,""\r\n1.0,"say ""hi"""\r\nX'0aff',\r\n`)
  expect(await exportText(db, 'format=ndjson&table=t')).toBe(
    '{"a":null,"b,c":""}\n{"a":1.0,"b,c":"say \\"hi\\""}\n{"a":{"base64":"Cv8="},"b,c":null}\n',
  )
})

test('exports of a table say what they lack', async () => {
  const db = await made('CREATE TABLE t (a)')
  const code = async (query: string) => (await db.request(`/export?${query}`)).body.code
  expect(await code('format=csv')).toBe('invalid_input')
  expect(await code('table=t')).toBe('invalid_input')
  expect(await code('format=xml')).toBe('invalid_input')
  expect(await code('format=csv&table=none')).toBe('table_not_found')
  expect(await code('format=ndjson&table=_persql_query_log')).toBe('table_protected')
})

test('a table is made for the data, with types that hold it', async () => {
  const db = await made()
  const csv = 'id,price,zip,note,"odd ""name""",none,mixed\n1,1.5,01234,hello,"7",,1\n-2,3,90210,,"8",,x\n'
  expect((await imported(db, csv, 'format=csv&table=from csv&create=1')).body.data).toMatchObject({
    rows: 2,
    tables: ['from csv'],
  })
  expect(await readRows(db, "SELECT name, type FROM pragma_table_info('from csv')")).toEqual([
    ['id', 'INTEGER'],
    ['price', 'REAL'],
    ['zip', 'TEXT'],
    ['note', 'TEXT'],
    ['odd "name"', 'TEXT'],
    ['none', 'TEXT'],
    ['mixed', 'TEXT'],
  ])
  expect(await readRows(db, 'SELECT id, price, zip, note, typeof(id), mixed FROM "from csv"')).toEqual([
    [1, 1.5, '01234', 'hello', 'integer', '1'],
    [-2, 3, '90210', null, 'integer', 'x'],
  ])
  const ndjson = '{"id":9007199254740993,"x":1}\n\n{"x":"a","id":2,"later":true}\n{"id":3,"x":{"base64":"AP8="}}'
  expect((await imported(db, ndjson, 'format=ndjson&table=n&create=true')).status).toBe(200)
  expect(await readRows(db, 'SELECT quote(id), quote(x), later FROM n')).toEqual([
    ['9007199254740993', '1', null],
    ['2', "'a'", 1],
    ['3', "X'00FF'", null],
  ])
  expect(refusal(await imported(db, csv, 'format=csv&table=n&create=1'))).toEqual([409, 'table_exists', undefined])
  expect(refusal(await imported(db, csv, 'format=csv&table=nowhere'))).toEqual([404, 'table_not_found', undefined])
  expect(refusal(await imported(db, csv, 'format=csv&table=_persql_x&create=1'))).toEqual([
    403,
    'table_protected',
    undefined,
  ])
  expect(refusal(await imported(db, csv, 'format=csv'))).toEqual([400, 'invalid_input', undefined])
})

const ROW = Buffer.from('a,b\n1,2\n')
test.each([
  ['a field too few', 'csv', 'a,b\n"1\n1",2\n3\n', 4],
  ['a field too many', 'csv', 'a,b\r\n1,2\r\n1,2,3\r\n', 3],
  ['a column that is not there', 'csv', 'a,z\n1,2\n', 1],
  ['a column twice', 'csv', 'a,A\n1,2\n', 1],
  ['a quoted field without end', 'csv', 'a,b\n1,2\n"x\ny,3\n', 3],
  ['text behind a quote', 'csv', 'a,b\n"x"y,3\n', 2],
  [
    'a key twice',
    'csv',
    `a,b\n${Array.from({ length: 300 }, (_, i) => `${i === 250 ? 9 : i},"x\ny"\n`).join('')}`,
    502,
  ],
  ['a CHECK', 'csv', 'a,b\n1,2\n2,bad\n', 3],
  ['an empty file', 'csv', '', 1],
  ['bytes that are not UTF-8', 'csv', Buffer.concat([ROW, Buffer.from([0x33, 0x2c, 0xff, 0xfe, 0x0a])]), 3],
  ['UTF-8 cut in the middle', 'csv', Buffer.concat([ROW, Buffer.from([0x33, 0x2c, 0xc3])]), 3],
  ['no JSON', 'ndjson', '{"a":1}\n{"a":2,}\n', 2],
  ['no object', 'ndjson', '{"a":1}\n\n[1]\n', 3],
  ['no column', 'ndjson', '{"a":1}\n{"z":1}\n', 2],
  ['an object as value', 'ndjson', '{"a":1}\n{"a":{"b":1}}\n', 2],
  ['half a surrogate pair', 'ndjson', '{"a":1}\n{"a":"\\ud800"}\n', 2],
  ['a key twice, of JSON', 'ndjson', '{"a":1}\n{"a":2}\n{"a":1,"b":2}\n', 3],
  ['nothing', 'ndjson', '\n', 1],
])('%s is refused with its line', async (_name, format, file, line) => {
  const db = await made("CREATE TABLE t (a UNIQUE, b CHECK (b IS NOT 'bad'))")
  const body = typeof file === 'string' ? file : (file as unknown as string)
  const answer = await fetch(`${platform.url}${db.path}/import?format=${format}&table=t`, {
    method: 'POST',
    body,
    headers: { authorization: `Bearer ${(await platform.createNamespace(ns)).token}` },
  })
  const failure = (await answer.json()) as { code: string; line: number; error: string }
  expect([answer.status, failure.code, failure.line], failure.error).toEqual([400, 'import_failed', line])
  expect(await readRows(db, 'SELECT count(*) FROM t')).toEqual([[0]])
})

test('byte order mark, CRLF, line ends within fields, columns in any order and case', async () => {
  const db = await made('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n)')
  const file = '\ufeffNAME,id\r\n"two\r\nlines",1\r\n"",2\r\n,3\r\n\r\nplain,4'
  expect((await imported(db, file, 'format=csv&table=t')).body.data).toMatchObject({ rows: 4 })
  expect(await readRows(db, 'SELECT id, name FROM t')).toEqual([
    [1, 'two\r\nlines'],
    [2, ''],
    [3, null],
    [4, 'plain'],
  ])
  const one = await made('CREATE TABLE t (a)')
  expect((await imported(one, 'a\n1\n\n2\n', 'format=csv&table=t')).body.data.rows).toBe(3)
  expect(await readRows(one, 'SELECT a FROM t')).toEqual([[1], [null], [2]])
})

test('detects the format from the media type or the first bytes', async () => {
  const db = await made('CREATE TABLE t (a)')
  const rows = async (...request: Parameters<typeof imported>) => (await imported(...request)).body.data?.rows
  expect(await rows(db, 'a\n1\n', 'table=t', { 'content-type': 'text/csv' })).toBe(1)
  expect(await rows(db, '{"a":1}', 'table=t', { 'content-type': 'application/x-ndjson' })).toBe(1)
  expect(await rows(db, '{"a":1}\n{"a":2}', 'table=t')).toBe(2)
  expect(await rows(db, 'a\n1\n2\n3\n', 'table=t')).toBe(3)
  expect(await rows(db, '-- x\nINSERT INTO t VALUES (1);')).toBe(1)
})
