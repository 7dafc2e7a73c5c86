import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let db: ReturnType<SharedPlatform['database']>

beforeAll(async () => {
  platform = await sharedPlatform()
  db = (await platform.createNamespace(ns)).db()
  const { status } = await db.batch([
    { sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, any, r REAL, n NUMERIC, s TEXT, b BLOB)' },
    {
      sql: `INSERT INTO t VALUES (1, 1, 1, 1.0, '1', x'31'), (2, 1.0, 2.5, 2.5, 'x', x''), (3, 9007199254740993, 9e999, NULL, '', NULL)`,
    },
    { sql: 'CREATE TABLE q (q INTEGER)' },
    { sql: 'INSERT INTO q VALUES (-9223372036854775808), (9223372036854775807)' },
    { sql: 'CREATE VIEW both AS SELECT id FROM t UNION ALL SELECT r FROM t' },
    { sql: 'CREATE TABLE logged (id INTEGER PRIMARY KEY, label TEXT UNIQUE, n)' },
    { sql: `CREATE TABLE wide (${Array.from({ length: 100 }, (_, i) => `c${i}`)})` },
    {
      sql: `INSERT INTO wide VALUES (${Array.from({ length: 100 }, (_, i) => (i === 99 ? "x'01'" : i % 2 ? i : `${i}.0`))})`,
    },
  ])
  expect(status).toBe(200)
})
afterAll(() => platform.stop())

const run = (sql: string, params: unknown = [], format: object = { int64: 'text' }) =>
  db.request('/query', { body: { sql, params, ...format } })
const read = async (sql: string, params: unknown = []) => {
  const { body } = await run(sql, params)
  expect(body.error).toBeUndefined()
  return body.data
}
const INF = Number.POSITIVE_INFINITY

describe('"int64": "text" returns every INTEGER as text, and nothing else', () => {
  const READS: readonly (readonly [string, unknown[], unknown[][]])[] = [
    ['SELECT 0, -1, 9007199254740991, 9007199254740993', [], [['0', '-1', '9007199254740991', '9007199254740993']]],
    ['SELECT 9223372036854775807, -9223372036854775808', [], [['9223372036854775807', '-9223372036854775808']]],
    ['SELECT 1.0, 1e3, 0.5, 1e300, 9223372036854775808, 9e999', [], [[1, 1000, 0.5, 1e300, 2 ** 63, INF]]],
    ["SELECT '1', '', NULL, x'', x'31'", [], [['1', '', null, { base64: '' }, { base64: 'MQ==' }]]],
    [
      'SELECT * FROM t ORDER BY id',
      [],
      [
        ['1', '1', 1, '1', '1', { base64: 'MQ==' }],
        ['2', 1, 2.5, 2.5, 'x', { base64: '' }],
        ['3', '9007199254740993', INF, null, '', null],
      ],
    ],
    ['SELECT id FROM t ORDER BY id DESC LIMIT 2', [], [['3'], ['2']]],
    ['SELECT id FROM t ORDER BY any, id', [], [['1'], ['2'], ['3']]],
    ['SELECT id, id, any AS id FROM t WHERE id = ?', [2], [['2', '2', 1]]],
    ['SELECT count(*), sum(r), sum(id), max(any), avg(id) FROM t', [], [['3', INF, '6', '9007199254740993', 2]]],
    ['SELECT * FROM q ORDER BY 1', [], [['-9223372036854775808'], ['9223372036854775807']]],
    ['SELECT * FROM both WHERE id < 2', [], [['1'], [1]]],
    ['SELECT 1 UNION ALL SELECT 1.0 UNION ALL SELECT 2 ORDER BY 1 DESC', [], [['2'], ['1'], [1]]],
    [
      'VALUES (1, 1.0), (2.0, 2)',
      [],
      [
        ['1', 1],
        [2, '2'],
      ],
    ],
    [
      'WITH x(a) AS (VALUES (1), (2.0)) SELECT a, a * 2 FROM x',
      [],
      [
        ['1', '2'],
        [2, 4],
      ],
    ],
    ['SELECT id / 2, id * 1.0, id || 1 FROM t WHERE id = 3', [], [['1', 3, '31']]],
    ['SELECT typeof(?1), ?1, ?2, typeof(?2) -- end', [7, 1.5], [['integer', '7', 1.5, 'real']]],
    ['SELECT ?', [{ int64: '9223372036854775807' }], [['9223372036854775807']]],
    [
      "SELECT value, key FROM json_each('[1,1.0]')",
      [],
      [
        ['1', '0'],
        [1, '1'],
      ],
    ],
    ['SELECT abs(random()) >= 0, r FROM t WHERE id = 1', [], [['1', 1]]],
    ['SELECT id FROM t WHERE 0', [], []],
    ["SELECT id FROM t WHERE s = 'none'", [], []],
    ['SELECT (SELECT max(id) FROM t) m, EXISTS (SELECT 1)', [], [['3', '1']]],
    [
      'SELECT row_number() OVER (ORDER BY id DESC), id FROM t ORDER BY id',
      [],
      [
        ['3', '1'],
        ['2', '2'],
        ['1', '3'],
      ],
    ],
    ["SELECT 'RETURNING', count(*) FROM t", [], [['RETURNING', '3']]],
  ]

  test.each(READS)('%s', async (sql, params, rows) => {
    const plain = await run(sql, params, {})
    for (const _time of ['first', 'again']) {
      const exact = await read(sql, params)
      expect(exact.rows).toEqual(rows)
      // Types cost nothing, and columns keep their names.
      if (plain.body.success) expect(exact).toEqual({ ...plain.body.data, rows })
    }
    const { body } = await run(sql, params, { int64: 'object' })
    expect(body.data).toEqual({ ...body.data, rows: expect.any(Array) })
    expect(
      body.data.rows.map((row: unknown[]) => row.map((cell) => (Object(cell) as { int64?: string }).int64 ?? cell)),
    ).toEqual(rows)
  })

  test('each value is computed once', async () => {
    const { rows } = await read('SELECT random() AS x, random() AS y FROM t')
    for (const [x, y] of rows) expect(BigInt(x)).not.toBe(BigInt(y))
    const same = await read('SELECT x = y, x FROM (SELECT a.x, a.x AS y FROM (SELECT random() AS x LIMIT 1) a)')
    expect(same.rows[0][0]).toBe('1')
  })

  test('100 columns', async () => {
    const { rows, columns } = await read('SELECT * FROM wide')
    expect(columns.length).toBe(100)
    expect(rows[0].slice(0, 4)).toEqual([0, '1', 2, '3'])
    expect(rows[0].slice(98)).toEqual([98, { base64: 'AQ==' }])
  })

  test('more than 100 parameters', async () => {
    const params = Array.from({ length: 150 }, (_, i) => i)
    const { rows, columns } = await read(
      `SELECT ?1, ?150, ?1 + 0.5 WHERE 149 IN (${params.map((i) => `?${i + 1}`)})`,
      params,
    )
    expect([columns, rows]).toEqual([['?1', '?150', '?1 + 0.5'], [['0', '149', 0.5]]])
  })

  test('PRAGMA and EXPLAIN', async () => {
    expect((await read('PRAGMA table_info(q)')).rows).toEqual([['0', 'q', 'INTEGER', '0', null, '0']])
    expect((await read('EXPLAIN QUERY PLAN SELECT * FROM q')).rows[0][3]).toBe('SCAN q')
  })

  test('a read in a reader', async () => {
    const sql = `WITH RECURSIVE n(i, f) AS (SELECT 9007199254740993, 1.0 UNION ALL SELECT i + 1, f + 1 FROM n LIMIT ?)
      SELECT i, f, f AS f, 'x' AS x FROM n`
    for (const _time of ['first', 'again']) {
      const { rows, columns } = await read(sql, [3])
      expect(columns).toEqual(['i', 'f', 'f', 'x'])
      expect(rows).toEqual([
        ['9007199254740993', 1, 1, 'x'],
        ['9007199254740994', 2, 2, 'x'],
        ['9007199254740995', 3, 3, 'x'],
      ])
    }
  })
})

test('"int64": "object" returns INTEGER and TEXT differently, in every call', async () => {
  await db.query('CREATE TABLE o (q INTEGER)')
  const object = { int64: 'object' }
  const big = { int64: '9223372036854775807' }
  const sql =
    "INSERT INTO o SELECT 9223372036854775807 AS q RETURNING q, '1' AS text, 1.0 AS real, NULL AS none, x'31' AS blob"
  const row = [big, '1', 1, null, { base64: 'MQ==' }]
  const { body } = await run(sql, [], object)
  expect(body.data).toMatchObject({
    rows: [row],
    changes: 1,
    lastInsertRowid: { int64: expect.stringMatching(/^\d+$/) },
  })
  const named = await run(sql, [], { ...object, rows: 'objects' })
  expect(named.body.data.rows).toEqual([{ q: big, text: '1', real: 1, none: null, blob: { base64: 'MQ==' } }])
  const batch = await db.request('/batch', { body: { statements: [{ sql }], ...object } })
  const script = await db.request('/script', { body: { sql, ...object } })
  const begun = await db.request('/transactions', { body: { statements: [{ sql }], ...object } })
  expect(begun.body.error).toBeUndefined()
  const path = `/transactions/${begun.body.data.id}`
  const step = await db.request(`${path}/statements`, { body: { step: 1, statements: [{ sql }], ...object } })
  const committed = await db.request(`${path}/commit`, { body: { statements: [{ sql }], ...object } })
  const results = [batch.body.data, script.body.data, ...[begun, step, committed].map((each) => each.body.data.results)]
  expect(results.map(([{ rows }]) => rows)).toEqual(results.map(() => [row]))
  const failing = { statements: [{ sql }, { sql: 'SELECT nope' }], ...object }
  expect((await db.request('/transactions', { body: failing })).body.results[0].rows).toEqual([row])
  expect((await db.request('/transactions', { body: { int64: 'bigint' } })).body.code).toBe('invalid_input')
  const read = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2) SELECT i, '1' AS int64 FROM n"
  expect((await run(read, [], object)).body.data.rows).toEqual([
    [{ int64: '1' }, '1'],
    [{ int64: '2' }, '1'],
  ])
  expect((await run('PRAGMA table_info(o)', [], object)).body.data.rows).toEqual([
    [{ int64: '0' }, 'q', 'INTEGER', { int64: '0' }, null, { int64: '0' }],
  ])
})

describe('"int64": "text" in writes', () => {
  const BIG = { int64: '9223372036854775807' }

  test.each<[string, unknown[], unknown[][]]>([
    ['INSERT INTO logged VALUES (1, ?, ?) RETURNING *', ['a', BIG], [['1', 'a', '9223372036854775807']]],
    [
      'INSERT INTO logged VALUES (2, ?, 1.0), (3, ?, 1) RETURNING n, id AS key, n AS n',
      ['b', 'c'],
      [
        [1, '2', 1],
        ['1', '3', '1'],
      ],
    ],
    ['INSERT INTO logged (label) VALUES (?) RETURNING id number, label "the label", n', ['d'], [['4', 'd', null]]],
    ['UPDATE logged SET n = n WHERE id = ? RETURNING n, ? + id, ?2', [1, 1], [['9223372036854775807', '2', '1']]],
    [
      'UPDATE OR IGNORE main.logged AS l SET n = 5 WHERE l.id = 2 RETURNING n, CASE WHEN id = 2 THEN n ELSE 0.5 END',
      [],
      [['5', '5']],
    ],
    [
      'UPDATE logged SET n = q.q FROM q WHERE logged.id = 3 AND q.q < 0 RETURNING *',
      [],
      [['3', 'c', '-9223372036854775808']],
    ],
    [
      "INSERT INTO logged VALUES (9, 'a', 1) ON CONFLICT (label) DO UPDATE SET n = 7 RETURNING id, n, coalesce(n, 1.0) c",
      [],
      [['1', '7', '7']],
    ],
    ['INSERT INTO logged (n) SELECT r FROM t WHERE id = 2 RETURNING n, n IS NULL, n ISNULL', [], [[2.5, '0', '0']]],
    [
      'WITH x AS (SELECT 4 AS id) DELETE FROM logged WHERE id IN (SELECT id FROM x) RETURNING id -- RETURNING',
      [],
      [['4']],
    ],
    [
      'REPLACE INTO logged VALUES (1, ?, -1.5) RETURNING n, (SELECT count(*) FROM q), random() IS NOT NULL',
      ['z'],
      [[-1.5, '2', '1']],
    ],
    ['DELETE FROM logged WHERE id = 77 RETURNING *', [], []],
  ])('%s', async (sql, params, rows) => {
    expect((await read(sql, params)).rows).toEqual(rows)
  })

  test('the same statement without RETURNING reports its rowid as text', async () => {
    const insert = 'INSERT INTO logged (id, label) VALUES (?, ?)'
    expect(await read(insert, [100, 'hundred'])).toMatchObject({ lastInsertRowid: '100', changes: 1 })
    expect(await read(insert, [{ int64: '9223372036854775806' }, 'far'])).toMatchObject({
      lastInsertRowid: '9223372036854775806',
    })
    expect((await run(insert, [101, 'one'], {})).body.data.lastInsertRowid).toBe(101)
    expect(
      (await run(insert, [{ int64: '9223372036854775805' }, 'farther'], {})).body.data.lastInsertRowid,
    ).toBeUndefined()
    expect((await read('DELETE FROM logged WHERE id > ?', [99])).lastInsertRowid).toBeUndefined()
  })

  test('an exact write of a statement that ran before, and the other way round', async () => {
    const sql = 'UPDATE logged SET n = ? WHERE id = 1 RETURNING n, id'
    expect((await run(sql, [1], {})).body.data).toMatchObject({ columns: ['n', 'id'], rows: [[1, 1]] })
    expect(await read(sql, [2])).toMatchObject({ columns: ['n', 'id'], rows: [['2', '1']] })
    expect((await run(sql, [3], {})).body.data).toMatchObject({ columns: ['n', 'id'], rows: [[3, 1]] })
    // A rounded integer is still refused without it, before anything is stored.
    expect((await run(sql, [BIG], {})).body.code).toBe('integer_out_of_range')
    expect((await read('SELECT n FROM logged WHERE id = 1')).rows).toEqual([['3']])
  })
})

describe('"rows": "objects"', () => {
  const objects = { rows: 'objects' }

  test('returns each row as an object', async () => {
    const { body } = await run('SELECT id, any, s FROM t WHERE id < ? ORDER BY id', [3], objects)
    expect(body.data).toMatchObject({
      columns: ['id', 'any', 's'],
      rows: [
        { id: 1, any: 1, s: '1' },
        { id: 2, any: 1, s: 'x' },
      ],
    })
  })

  test('together with exact integers, also in a reader', async () => {
    const sql = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2) SELECT i, i * 1.0 AS f FROM n'
    const { body } = await run(sql, [], { ...objects, int64: 'text' })
    expect(body.data.rows).toEqual([
      { i: '1', f: 1 },
      { i: '2', f: 2 },
    ])
  })

  test('names that objects have stay data', async () => {
    const { body } = await run('SELECT 1 AS "__proto__", 2 AS constructor, 3 AS ""', [], objects)
    expect(JSON.stringify(body.data.rows)).toBe('[{"__proto__":1,"constructor":2,"":3}]')
  })

  test.each([
    ['SELECT id, any AS id FROM t'],
    ['SELECT id, any AS id FROM t WHERE 0'],
    ["INSERT INTO logged (label) VALUES ('refused') RETURNING id, n AS id"],
    ['WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2) SELECT i AS id, i AS id FROM n'],
  ])('%s is refused and names the column', async (sql) => {
    for (const format of [objects, { ...objects, int64: 'text' }]) {
      const { status, body } = await run(sql, [], format)
      expect([status, body.code]).toEqual([400, 'duplicate_column'])
      expect(body.error).toContain('"id"')
    }
    expect((await read("SELECT count(*) FROM logged WHERE label = 'refused'")).rows).toEqual([['0']])
  })
})

describe('every call that returns results takes the form', () => {
  const format = { int64: 'text', rows: 'objects' }
  const insert = { sql: 'INSERT INTO logged (label, n) VALUES (:label, 1.0) RETURNING n, typeof(label) AS kind' }

  test.each([true, false])('batch with "transaction": %s', async (transaction) => {
    const statements = [
      { ...insert, params: { label: `b${transaction}` } },
      { sql: 'SELECT count(*) AS n FROM logged WHERE label = ?', params: [`b${transaction}`] },
    ]
    const { body } = await db.request('/batch', { body: { statements, transaction, ...format } })
    expect(body.data.map(({ rows }: { rows: unknown }) => rows)).toEqual([[{ n: 1, kind: 'text' }], [{ n: '1' }]])
    expect(body.data[0].lastInsertRowid).toMatch(/^\d+$/)
  })

  test('a batch that a reader runs', async () => {
    const sql = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2) SELECT i FROM n'
    const { body } = await db.request('/batch', { body: { statements: [{ sql }, { sql }], ...format } })
    expect(body.data.map(({ rows }: { rows: unknown }) => rows)).toEqual([
      [{ i: '1' }, { i: '2' }],
      [{ i: '1' }, { i: '2' }],
    ])
  })

  test('propose, for its apply', async () => {
    const { body } = await db.request('/propose', { body: { ...insert, params: { label: 'proposed' }, ...format } })
    expect(body.error).toBeUndefined()
    expect(body.data.plan).toEqual(expect.any(Array))
    const applied = await db.request('/apply', { body: { executionToken: body.data.executionToken } })
    expect(applied.body.data.rows).toEqual([{ n: 1, kind: 'text' }])
    expect(applied.body.data.lastInsertRowid).toMatch(/^\d+$/)
  })

  test.each(['/explain', '/validate'])('%s returns no results, so it refuses the form', async (path) => {
    const { body } = await db.request(path, { body: { sql: 'SELECT 1', ...format } })
    expect(body.code).toBe('invalid_input')
  })

  test.each([
    { int64: 'bigint' },
    { int64: true },
    { int64: null },
    { rows: 'arrays' },
    { rows: ['objects'] },
    { rows: null },
  ])('%j is refused', async (wrong) => {
    expect((await run('SELECT 1', [], wrong)).body.code).toBe('invalid_input')
    const { body } = await db.request('/batch', { body: { statements: [{ sql: 'SELECT 1' }], ...wrong } })
    expect(body.code).toBe('invalid_input')
  })
})
