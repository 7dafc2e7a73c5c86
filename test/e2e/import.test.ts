import { afterAll, beforeAll, expect, test } from 'vitest'
import { everything, everyValue } from '../schemas.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { type Database, exportText, imported, maker, readRows, refusal, shellDump } from '../transfer.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let token: string
let made: (...statements: string[]) => Promise<Database>

beforeAll(async () => {
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
  made = maker(platform, token, ns)
})
afterAll(() => platform.stop())

test('a dump of everything, imported elsewhere, gives the same dump', async () => {
  const dump = await exportText(await made(...everything, ...everyValue))
  const db = await made()
  const { status, body } = await imported(db, dump)
  expect(status, JSON.stringify(body)).toBe(200)
  expect(body.data).toMatchObject({ bytes: Buffer.byteLength(dump), tables: expect.arrayContaining(['own', 'types']) })
  expect(body.meta).toMatchObject({ rowsWritten: expect.any(Number), costUsd: expect.any(Number) })
  expect(await exportText(db)).toBe(dump)
  expect(await readRows(db, "SELECT rowid FROM own WHERE own MATCH 'run'")).toEqual([[7]])
  expect(await readRows(db, "SELECT count(*) FROM external WHERE external MATCH 'negative'")).toEqual([[1]])
})

test('imports long values and many rows with any chunk sizes', async () => {
  const source = await made('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BLOB)')
  for (const size of [1, 31_000, 300_000]) {
    await source.query("INSERT INTO t (a, b) VALUES (replace(hex(zeroblob(?)), '00', 'ä''?'), randomblob(?))", [
      size,
      size,
    ])
  }
  await source.query("INSERT INTO t (a) VALUES (replace(hex(zeroblob(20000)), '0', 'x' || char(0)))")
  await source.query(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) INSERT INTO t (a) SELECT 'row ' || i FROM n",
  )
  const dump = await exportText(source)
  const db = await made()
  const { status, body } = await imported(db, dump)
  expect([status, body.data?.rows], JSON.stringify(body)).toEqual([200, 30_004])
  expect(await exportText(db)).toBe(dump)
})

test("the dump of Debian's sqlite3 is read: line ends, full text, counters, infinity", async () => {
  const statements = [
    ...everything,
    ...everyValue.filter((sql) => !/defer/.test(sql)),
    'CREATE VIRTUAL TABLE points USING rtree_i32(id, x0, x1)',
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO points SELECT i, i, -i + 1000 FROM n',
  ]
  const source = await made(...everything, ...everyValue, ...statements.slice(-2))
  const db = await made()
  const { status, body } = await imported(db, shellDump(...statements))
  expect(status, JSON.stringify(body)).toBe(200)
  for (const sql of [
    'SELECT rowid, typeof(v), quote(v) FROM types WHERE rowid NOT IN (16, 17) ORDER BY rowid',
    'SELECT quote(id), name FROM parents ORDER BY parents.id',
    'SELECT quote(a), b, quote(c), d FROM strict_one ORDER BY b, a',
    "SELECT rowid, title, body FROM own WHERE own MATCH 'run OR walk'",
    "SELECT count(*) FROM external WHERE external MATCH 'negative'",
    'SELECT name, seq FROM sqlite_sequence ORDER BY name',
    'SELECT id, x0, x1, label FROM places WHERE x1 > 1.2',
    'SELECT id, x0, x1 FROM points ORDER BY id',
    "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'o%' AND name NOT LIKE 'e%' ORDER BY type, name",
  ]) {
    expect(await readRows(db, sql), sql).toEqual(await readRows(source, sql))
  }
})

test('it is one transaction, one entry of the record of the schema', async () => {
  const db = await made('CREATE TABLE kept (n)', 'INSERT INTO kept VALUES (1)')
  const good = await imported(
    db,
    'CREATE TABLE a (n);CREATE TABLE b (n);CREATE INDEX i ON a (n);INSERT INTO a VALUES (1),(2);',
  )
  expect(good.body.data).toMatchObject({ rows: 2, statements: 4, tables: ['a', 'b'] })
  const { body } = await db.request('/schema_changes?limit=10')
  expect(body.data[0]).toMatchObject({
    actor: expect.stringMatching(/^token:/),
    migrationId: null,
    objects: expect.arrayContaining([expect.objectContaining({ name: 'a' }), expect.objectContaining({ name: 'i' })]),
  })
  expect(body.data).toHaveLength(2)
  const bad = await imported(db, 'CREATE TABLE c (n);\nINSERT INTO a VALUES (3);\nINSERT INTO nowhere VALUES (1);\n')
  expect(refusal(bad)).toEqual([400, 'import_failed', 3])
  expect(bad.body).toMatchObject({
    statement: 'INSERT INTO nowhere VALUES (1)',
    errorDetail: { kind: 'unknown_table' },
  })
  expect(await readRows(db, 'SELECT count(*) FROM a')).toEqual([[2]])
  expect((await db.query('SELECT * FROM c')).status).toBe(400)
  expect((await db.request('/schema_changes?limit=10')).body.data).toHaveLength(2)
})

test.each([
  [
    'a bad row among many is named by its line',
    `CREATE TABLE t (n UNIQUE);\n${Array.from({ length: 500 }, (_, i) => `INSERT INTO t VALUES (${i === 400 ? 7 : i});\n`).join('')}`,
    'import_failed',
    402,
  ],
  [
    'rows over several lines',
    "CREATE TABLE t (n NOT NULL);\nINSERT INTO t VALUES\n('a\nb'),\n(NULL),\n(1);",
    'import_failed',
    5,
  ],
  ['a statement with a syntax error', 'SELECT 1;\n\n-- why;\nCRATE TABLE t (n);', 'import_failed', 4],
  ['a value too many', 'CREATE TABLE t (a);\nINSERT INTO t VALUES (1, 2);', 'import_failed', 2],
  ['ATTACH', "CREATE TABLE t (a);\nATTACH 'x' AS y;", 'statement_not_allowed', 2],
  [
    'a setting of the connection',
    'PRAGMA foreign_keys=OFF;\nPRAGMA ignore_check_constraints=ON;',
    'statement_not_allowed',
    2,
  ],
  ['a table of PerSQL', "SELECT 1;\nINSERT INTO _persql_query_log (sql) VALUES ('x');", 'table_protected', 2],
  ['a table of PerSQL, dropped', 'SELECT 1;\nSELECT 2;\nDROP TABLE _persql_query_log;', 'table_protected', 3],
  [
    'a dump that ends in the middle of a transaction',
    'BEGIN TRANSACTION;\nCREATE TABLE t (a);\nINSERT INTO t VALUES (1);\n',
    'import_failed',
    1,
  ],
  [
    'a dump that ends in the middle of a text',
    "CREATE TABLE t (a);\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES ('abc",
    'import_failed',
    3,
  ],
  ['a dump that failed', 'BEGIN TRANSACTION;\nCREATE TABLE t (a);\nROLLBACK; -- due to errors\n', 'import_failed', 3],
  ['an empty file', '', 'import_failed', 1],
  ['nothing but comments', '-- nothing\n/* at all */\n', 'import_failed', 1],
  ['a savepoint', 'CREATE TABLE t (a);\nSAVEPOINT s;', 'statement_not_allowed', 2],
  [
    'the schema written by hand',
    "PRAGMA writable_schema=ON;\nINSERT INTO sqlite_master VALUES('table','t','t',0,'CREATE TABLE t(a)');",
    'import_failed',
    2,
  ],
])('%s', async (_name, file, code, line) => {
  const db = await made()
  const before = await exportText(db)
  const answer = await imported(db, file, 'format=sql')
  expect([answer.body.code, answer.body.line], JSON.stringify(answer.body)).toEqual([code, line])
  expect(answer.status).toBeGreaterThanOrEqual(400)
  expect(answer.status).toBeLessThan(500)
  expect(await exportText(db)).toBe(before)
})

test('a conflict clause that rolls back leaves nothing behind either', async () => {
  const db = await made('CREATE TABLE t (n UNIQUE ON CONFLICT ROLLBACK)', 'CREATE TABLE u (n)')
  const answer = await imported(
    db,
    'INSERT INTO u VALUES (1);\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (1);\nINSERT INTO u VALUES (2);',
  )
  expect(answer.status).toBeGreaterThanOrEqual(400)
  expect(await readRows(db, 'SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u)')).toEqual([[0, 0]])
  expect((await imported(db, 'INSERT INTO t VALUES (1);')).status).toBe(200)
})

test('triggers, comments and semicolons in odd places, a byte order mark and CRLF', async () => {
  const db = await made()
  const file = `\ufeff-- made by hand;\r\nBEGIN;\r\nCREATE TABLE t (a TEXT, b);\r\nCREATE TRIGGER tr AFTER INSERT ON t WHEN new.b = 1 BEGIN\r\n  INSERT INTO t VALUES ('x; END;', CASE WHEN 1 THEN 2 ELSE 3 END); -- ;\r\n  SELECT 1;\r\nEND;\r\nINSERT INTO t VALUES ('a;b--c/*', 1), ('ä', 2) /* two */;\r\nINSERT INTO t (b, a) VALUES (-1.5e3, NULL) ON CONFLICT DO NOTHING;\r\nUPDATE t SET b = b + 1 WHERE b = 2;\r\nCOMMIT`
  const { status, body } = await imported(db, file, 'format=sql')
  expect(status, JSON.stringify(body)).toBe(200)
  expect(await readRows(db, 'SELECT a, b FROM t ORDER BY rowid')).toEqual([
    ['a;b--c/*', 1],
    ['x; END;', 3],
    ['ä', 3],
    [null, -1500],
  ])
})

test('foreign keys may be met in any order, and must be met in the end', async () => {
  const db = await made('CREATE TABLE p (id INTEGER PRIMARY KEY)', 'CREATE TABLE c (p INTEGER REFERENCES p)')
  expect((await imported(db, 'INSERT INTO c VALUES (1);INSERT INTO p VALUES (1);')).status).toBe(200)
  const answer = await imported(db, 'INSERT INTO p VALUES (2);INSERT INTO c VALUES (2),(3);')
  expect(answer.status).toBe(400)
  expect(answer.body).toMatchObject({ code: 'import_failed', errorDetail: { kind: 'fk_violation', table: 'c' } })
  expect(await readRows(db, 'SELECT (SELECT count(*) FROM p), (SELECT count(*) FROM c)')).toEqual([[1, 1]])
  expect((await db.query('INSERT INTO c VALUES (9)')).status).toBe(400)
})

test('counters of AUTOINCREMENT never go back for tables that were there', async () => {
  const db = await made(
    'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)',
    'INSERT INTO t VALUES (50)',
    'DELETE FROM t',
  )
  await imported(db, "DELETE FROM sqlite_sequence;\nINSERT INTO sqlite_sequence VALUES('t',9);")
  expect(await readRows(db, "SELECT seq FROM sqlite_sequence WHERE name = 't'")).toEqual([[50]])
})

test('is for admins, within the tables of their token', async () => {
  const db = await made(
    'CREATE TABLE t (n)',
    'CREATE TABLE u (n)',
    'CREATE TRIGGER tr AFTER INSERT ON t WHEN new.n = 2 BEGIN INSERT INTO u VALUES (1); END',
  )
  const as = async (request: object) => {
    const { body } = await platform.request('/v1/tokens', { token, body: { name: 'x', ...request } })
    return platform.database(ns, db.slug, body.data.token)
  }
  expect(refusal(await imported(await as({ role: 'readwrite' }), 'SELECT 1;'))).toEqual([
    403,
    'role_insufficient',
    undefined,
  ])
  const scoped = await as({ role: 'admin', tableScope: ['u'] })
  expect((await imported(scoped, 'INSERT INTO u VALUES (1);')).status).toBe(200)
  expect(refusal(await imported(scoped, 'SELECT 1;\nINSERT INTO t VALUES (1);'))).toEqual([
    403,
    'table_out_of_scope',
    2,
  ])
  expect(refusal(await imported(scoped, 'CREATE TABLE v (n);'))).toEqual([403, 'table_out_of_scope', 1])
  expect(refusal(await imported(scoped, 'n\n1\n', 'format=csv&table=t'))).toEqual([
    403,
    'table_out_of_scope',
    undefined,
  ])
  expect((await imported(scoped, 'n\n1\n', 'format=csv&table=u')).status).toBe(200)
  // Its trigger writes elsewhere.
  const other = await as({ role: 'admin', tableScope: ['t'] })
  expect(refusal(await imported(other, 'INSERT INTO t VALUES (1);'))).toEqual([403, 'table_out_of_scope', 1])
})

test('accepts a form with a file of up to 50 MB, and reports larger ones', async () => {
  const db = await made()
  const send = (body: BodyInit, headers = {}) =>
    fetch(`${platform.url}${db.path}/import`, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${token}`, ...headers },
    })
  const form = new FormData()
  form.set('note', 'before it')
  form.set('file', new File(['CREATE TABLE t (a);\nINSERT INTO t VALUES (1);'], 'x.sql'))
  const taken = await send(form)
  expect([taken.status, ((await taken.json()) as { data: object }).data]).toMatchObject([
    200,
    { rows: 1, tables: ['t'] },
  ])
  const empty = new FormData()
  empty.set('other', 'x')
  expect((await send(empty)).status).toBe(400)
  const large = new FormData()
  large.set('file', new File([`SELECT 1;\n${'-'.repeat(51 * 1024 * 1024)}`], 'x.sql'))
  const refused = await send(large)
  expect([refused.status, ((await refused.json()) as { error: string }).error]).toEqual([
    413,
    'The request body exceeds 50 MB.',
  ])
})

test('sent again with its Idempotency-Key it is not done again', async () => {
  const db = await made('CREATE TABLE t (n)')
  const once = () => imported(db, 'INSERT INTO t VALUES (1);', '', { 'Idempotency-Key': 'once' })
  const first = await once()
  const again = await once()
  expect([first.status, again.status, again.headers.get('Idempotency-Replayed')]).toEqual([200, 200, 'true'])
  expect(again.body).toEqual(first.body)
  expect(await readRows(db, 'SELECT count(*) FROM t')).toEqual([[1]])
  const other = await imported(db, 'INSERT INTO t VALUES (2);', '', { 'Idempotency-Key': 'once' })
  expect(refusal(other)).toEqual([422, 'idempotency_mismatch', undefined])
})

test('what has become of it can be seen', async () => {
  const db = await made()
  expect((await db.request('/import')).body.data).toEqual({ import: null })
  await imported(db, 'CREATE TABLE t (a);INSERT INTO t VALUES (1),(2);')
  expect((await db.request('/import')).body.data.import).toMatchObject({
    state: 'done',
    rows: 2,
    bytes: 48,
    totalBytes: 48,
  })
  await imported(db, 'CREATE TABLE t (a);')
  expect((await db.request('/import')).body.data.import).toMatchObject({
    state: 'failed',
    error: expect.stringContaining('Line 1'),
  })
})

test('members can import from the console, which the audit log records', async () => {
  const owner = await platform.signUp(`${uniqueName('root')}@example.com`)
  const slug = (await owner.request('/api/namespaces')).body.data[0].slug
  const path = `/api/namespaces/${slug}`
  await owner.request(`${path}/databases`, { body: { slug: 'mine' } })
  const options = { method: 'POST', body: 'CREATE TABLE t (a);', headers: { 'content-type': 'application/sql' } }
  const { status, body } = await owner.request(`${path}/databases/mine/import`, options)
  expect([status, body.data?.tables]).toEqual([200, ['t']])
  const state = await owner.request(`${path}/databases/mine/import`)
  expect(state.body.data.import).toMatchObject({ id: body.data.id, state: 'done' })
  const entries = async () => (await owner.request(`${path}/audit?limit=20`)).body.data as { action: string }[]
  await expect.poll(entries).toContainEqual(expect.objectContaining({ action: 'database.imported' }))
})

test("another tenant's reads are answered while 100,000 rows of each format are imported", async () => {
  const rows = Array.from({ length: 100_000 }, (_, i) => i)
  const files: [string, string][] = [
    ['create=1&table=t&format=csv', `id,name\n${rows.map((i) => `${i},name ${i}`).join('\n')}\n`],
    ['create=1&table=t&format=ndjson', rows.map((i) => `{"id":${i},"name":"name ${i}"}\n`).join('')],
    [
      'format=sql',
      `CREATE TABLE t (id, name);\n${rows.map((i) => `INSERT INTO t VALUES (${i},'name ${i}');\n`).join('')}`,
    ],
    [
      'format=sql',
      `CREATE TABLE t (id, name);\nINSERT INTO t VALUES ${rows.map((i) => `(${i},'name ${i}')`).join(',\n')};\n`,
    ],
  ]
  const other = (await platform.createNamespace(uniqueName('other'))).db()
  for (const [query, file] of files) {
    const db = await made()
    const run = { isOver: false }
    const importing = imported(db, file, query).finally(() => {
      run.isOver = true
    })
    let answered = 0
    for (; !run.isOver; answered++) expect((await other.query('SELECT 1')).status).toBe(200)
    const { status, body } = await importing
    expect([status, body.data?.rows], JSON.stringify(body).slice(0, 500)).toEqual([200, 100_000])
    expect(await readRows(db, 'SELECT count(*), count(DISTINCT id), max(name) FROM t')).toEqual([
      [100_000, 100_000, 'name 99999'],
    ])
    // The first and the last read overlap with the import.
    expect(answered, query).toBeGreaterThan(10)
  }
})
