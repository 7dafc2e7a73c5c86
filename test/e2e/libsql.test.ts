import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  batch,
  chain,
  close,
  execute,
  float,
  integer,
  LibsqlClient,
  type LibsqlResult,
  stmt,
  text,
  transactionSteps,
} from '../libsql-client.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
let db: LibsqlClient

const at = (name: string, token = acme.token) => new LibsqlClient(`${platform.url}/libsql/${ns}/${name}/`, token)

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
  db = at('main')
  await db.run(
    'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, n INT CHECK (n > 0), of REFERENCES item)',
  )
})
afterAll(() => platform.stop())

test('a statement is answered in the form of the protocol', async () => {
  const requests = [execute("SELECT 'x' AS a"), close]
  const { status, headers, body } = await db.send('v2/pipeline', { requests })
  expect(status).toBe(200)
  expect(headers.get('Content-Type')).toBe('application/json')
  const result = {
    cols: [{ name: 'a', decltype: null }],
    rows: [[{ type: 'text', value: 'x' }]],
    affected_row_count: 0,
    last_insert_rowid: null,
    replication_index: null,
    rows_read: 0,
    rows_written: 0,
    query_duration_ms: expect.any(Number),
  }
  expect(body).toEqual({
    baton: null,
    base_url: null,
    results: [
      { type: 'ok', response: { type: 'execute', result } },
      { type: 'ok', response: { type: 'close' } },
    ],
  })
})

describe('values', () => {
  test.each<[object, string, LibsqlResult]>([
    [{ type: 'null' }, 'null', { type: 'null' }],
    [integer(0), 'integer', integer(0)],
    [integer(9007199254740993n), 'integer', integer(9007199254740993n)],
    [integer(2n ** 63n - 1n), 'integer', integer(2n ** 63n - 1n)],
    [integer(-(2n ** 63n)), 'integer', integer(-(2n ** 63n))],
    [float(1), 'real', float(1)],
    [float(0.5), 'real', float(0.5)],
    [float(1e300), 'real', float(1e300)],
    [float(Number.MIN_VALUE), 'real', float(Number.MIN_VALUE)],
    [text(''), 'text', text('')],
    [text('a\0ž"\n'), 'text', text('a\0ž"\n')],
    [{ type: 'blob', base64: '' }, 'blob', { type: 'blob', base64: '' }],
    [{ type: 'blob', base64: 'AQ==' }, 'blob', { type: 'blob', base64: 'AQ' }],
    [{ type: 'blob', base64: '/+8' }, 'blob', { type: 'blob', base64: '/+8' }],
  ])('%j is stored and returned as it is', async (value, type, expected) => {
    const { rows } = await db.run('SELECT ?, typeof(?1)', [value])
    expect(rows).toEqual([[expected, text(type)]])
  })

  test('are stored exactly and returned with their declared types', async () => {
    const typed = at('typed')
    await typed.run('CREATE TABLE t (i INTEGER, f FLOAT, d DECIMAL(10,2), b BOOLEAN, x)')
    const { cols, rows } = await typed.run('INSERT INTO t VALUES (?, ?, ?, ?, ?) RETURNING i, f, d, b, x', [
      ...[integer(2n ** 62n), integer(1), float(2), integer(1)],
      { type: 'blob', base64: 'AQ' },
    ])
    expect(rows).toEqual([[integer(2n ** 62n), float(1), integer(2), integer(1), { type: 'blob', base64: 'AQ' }]])
    const types = ['INTEGER', 'FLOAT', 'DECIMAL(10,2)', 'BOOLEAN', null]
    expect(cols.map(({ decltype }: LibsqlResult) => decltype)).toEqual(types)
    const read = await typed.run('SELECT i, f, d, b, x, i + 1 AS e FROM t')
    expect(read.cols).toEqual([...'ifdbxe'].map((name, i) => ({ name, decltype: types[i] ?? null })))
    expect(read.rows[0].at(-1)).toEqual(integer(2n ** 62n + 1n))
  })

  test('are given by name, with or without the prefix', async () => {
    const args = { a: text('one'), ':b': text('two') }
    for (const sign of [':', '@', '$']) {
      const { rows } = await db.run(`SELECT ${sign}b, ${sign}a, ?1`, { a: text('one'), [`${sign}b`]: text('two') })
      expect(rows).toEqual([[text('two'), text('one'), text('two')]])
    }
    await expect(db.run('SELECT :a', args)).rejects.toMatchObject({ code: 'ARGS_INVALID' })
  })

  test('can be thousands', async () => {
    const count = 5_000
    const args = Array.from({ length: count }, (_, i) => integer(i))
    const { rows } = await db.run(`SELECT count(*), sum(column1) FROM (VALUES ${args.map(() => '(?)').join()})`, args)
    expect(rows).toEqual([[integer(count), integer((count * (count - 1)) / 2)]])
  })

  test('of equal column names are in order', async () => {
    const { cols, rows } = await db.run('SELECT 1 AS a, 2 AS a')
    expect(cols.map(({ name }: LibsqlResult) => name)).toEqual(['a', 'a'])
    expect(rows).toEqual([[integer(1), integer(2)]])
  })
})

describe('a failed statement results in an error', () => {
  beforeAll(() => db.run("INSERT INTO item (id, name) VALUES (1, 'one')"))

  test.each<[string, object]>([
    [
      "INSERT INTO item (name) VALUES ('one')",
      {
        code: 'SQLITE_CONSTRAINT',
        extended_code: 'SQLITE_CONSTRAINT_UNIQUE',
        message: 'UNIQUE constraint failed: item.name',
      },
    ],
    [
      "INSERT INTO item VALUES (1, 'x', 1, NULL)",
      { code: 'SQLITE_CONSTRAINT', extended_code: 'SQLITE_CONSTRAINT_PRIMARYKEY' },
    ],
    [
      'INSERT INTO item (name) VALUES (NULL)',
      { code: 'SQLITE_CONSTRAINT', extended_code: 'SQLITE_CONSTRAINT_NOTNULL' },
    ],
    [
      "INSERT INTO item (name, n) VALUES ('x', 0)",
      { code: 'SQLITE_CONSTRAINT', extended_code: 'SQLITE_CONSTRAINT_CHECK' },
    ],
    [
      "INSERT INTO item (name, of) VALUES ('x', 99)",
      { code: 'SQLITE_CONSTRAINT', extended_code: 'SQLITE_CONSTRAINT_FOREIGNKEY' },
    ],
    ['SELECT * FROM missing', { code: 'SQLITE_ERROR', message: 'no such table: missing' }],
    ['SELEC 1', { code: 'SQL_PARSE_ERROR', message: 'near "SELEC": syntax error' }],
    ['SELECT 1; SELECT 2', { code: 'SQL_MANY_STATEMENTS' }],
    ['  -- nothing', { code: 'SQL_NO_STATEMENT' }],
    ['SELECT ?', { code: 'ARGS_INVALID' }],
    ['SELECT :a', { code: 'ARGS_INVALID' }],
    ['COMMIT', { message: 'cannot commit - no transaction is active', code: 'SQLITE_ERROR' }],
    ['ROLLBACK', { message: 'cannot rollback - no transaction is active', code: 'SQLITE_ERROR' }],
    ['RELEASE x', { message: 'no such savepoint: x', code: 'SQLITE_ERROR' }],
    ["ATTACH 'x' AS y", { code: 'BLOCKED', extended_code: 'statement_not_allowed' }],
    ['DELETE FROM _persql_query_log', { code: 'BLOCKED', extended_code: 'table_protected' }],
    [`SELECT '${'x'.repeat(100_000)}'`, { code: 'SQLITE_TOOBIG' }],
  ])('%s', async (sql, expected) => {
    const { results } = await db.pipeline([execute(sql), execute("SELECT 'next'"), close])
    expect(results[0]).toMatchObject({ type: 'error', error: expected })
    expect(results[1].response.result.rows).toEqual([[text('next')]])
  })

  test('that a role or a scope refuses', async () => {
    const mint = async (fields: object) =>
      (await platform.request('/v1/tokens', { token: acme.token, body: { name: 'x', ...fields } })).body.data.token
    const reader = at('main', await mint({ role: 'readonly' }))
    const blocked = (extended_code: string) => ({ code: 'BLOCKED', extended_code })
    await expect(reader.run("INSERT INTO item (name) VALUES ('y')")).rejects.toMatchObject(blocked('role_insufficient'))
    expect(await reader.rows('SELECT name FROM item WHERE id = 1')).toEqual([['one']])
    const writer = at('main', await mint({ role: 'readwrite' }))
    await expect(writer.run('CREATE TABLE other (x)')).rejects.toMatchObject(blocked('role_insufficient'))
    await expect(writer.run('PRAGMA foreign_keys = OFF')).rejects.toMatchObject(blocked('statement_not_allowed'))
    const scoped = at('main', await mint({ role: 'admin', tableScope: ['other'] }))
    await expect(scoped.run('SELECT * FROM item')).rejects.toMatchObject(blocked('table_out_of_scope'))
    expect((await db.rows('SELECT count(*) FROM item'))[0]).toEqual(['1'])
  })
})

describe('a batch', () => {
  test('commits, and rolls back after an error', async () => {
    const counter = at('batches')
    await counter.run('CREATE TABLE t (a UNIQUE)')
    for (const begin of [
      'BEGIN IMMEDIATE',
      'BEGIN DEFERRED',
      'BEGIN',
      'begin transaction',
      'BEGIN CONCURRENT',
      'BEGIN EXCLUSIVE',
    ]) {
      const value = `'${begin}'`
      const good = batch(transactionSteps(begin, `INSERT INTO t VALUES (${value})`))
      const bad = batch(transactionSteps(begin, `INSERT INTO t VALUES ('x')`, `INSERT INTO t VALUES (${value})`))
      const { results, baton } = await counter.pipeline([good, bad, close])
      expect(baton).toBeNull()
      const [first, second] = results.map(({ response }) => response.result)
      expect(first.step_errors).toEqual([null, null, null, null])
      expect(first.step_results.map((each: unknown) => each !== null)).toEqual([true, true, true, false])
      expect(second.step_errors.map((each: LibsqlResult) => each?.code)).toEqual([
        undefined,
        undefined,
        'SQLITE_CONSTRAINT',
        undefined,
        undefined,
      ])
    }
    expect(await counter.rows('SELECT count(*) FROM t')).toEqual([['6']])
  })

  test('of a read transaction refuses writes', async () => {
    const steps = transactionSteps('BEGIN TRANSACTION READONLY', 'SELECT 1', "INSERT INTO item (name) VALUES ('r')")
    const { results } = await db.pipeline([batch(steps), close])
    const { step_errors: errors, step_results: ran } = results[0].response.result
    expect(ran[1].rows).toEqual([[integer(1)]])
    expect(errors[2]).toMatchObject({ code: 'BLOCKED' })
  })

  test('rolls back to savepoints', async () => {
    const steps = chain(
      ...[
        'BEGIN',
        "INSERT INTO item (name) VALUES ('kept')",
        'SAVEPOINT a',
        "INSERT INTO item (name) VALUES ('undone')",
      ],
      ...['ROLLBACK TO a', 'RELEASE a', 'COMMIT'],
    )
    const { results } = await db.pipeline([batch(steps), close])
    expect(results[0].response.result.step_errors).toEqual(steps.map(() => null))
    expect(await db.rows("SELECT name FROM item WHERE name IN ('kept', 'undone')")).toEqual([['kept']])
  })

  test('without COMMIT in a stream that closes is rolled back', async () => {
    const { results } = await db.pipeline([batch(chain('BEGIN', "INSERT INTO item (name) VALUES ('lost')")), close])
    expect(results[0].response.result.step_errors).toEqual([null, null])
    expect(await db.rows("SELECT 1 FROM item WHERE name = 'lost'")).toEqual([])
  })

  test('can have 4,000 steps', async () => {
    const texts = Array.from({ length: 4_000 }, (_, i) => `SELECT ${i % 200}`)
    const { results } = await db.pipeline([batch(transactionSteps('BEGIN TRANSACTION READONLY', ...texts)), close])
    const { step_results: ran } = results[0].response.result
    expect(ran).toHaveLength(4_003)
    expect(ran[4_000].rows).toEqual([[integer(199)]])
  })

  test('uses stored SQL', async () => {
    const store = (sql_id: number, sql: string) => ({ type: 'store_sql', sql_id, sql })
    const steps = [{ stmt: { sql_id: 1, args: [text('b')] } }, { stmt: { sql_id: 0 } }]
    const { results, baton } = await db.pipeline([store(0, 'SELECT 1'), store(1, 'SELECT ?'), batch(steps), close])
    expect(results[2].response.result.step_results.map(({ rows }: LibsqlResult) => rows)).toEqual([
      [[text('b')]],
      [[integer(1)]],
    ])
    expect(baton).toBeNull()
  })
})

test('a write reports the last rowid that its request inserted', async () => {
  const { results } = await at('rowids').pipeline([
    execute('CREATE TABLE t (id INTEGER PRIMARY KEY, a)'),
    execute('UPDATE t SET a = 1'),
    execute('INSERT INTO t VALUES (9007199254740993, 0)'),
    execute('UPDATE t SET a = 1'),
    execute('SELECT 1'),
    close,
  ])
  const rowids = results.slice(0, -1).map(({ response }) => response.result.last_insert_rowid)
  expect(rowids).toEqual([null, null, '9007199254740993', '9007199254740993', null])
})

test('the catalog has no tables of PerSQL, unless they are named', async () => {
  const other = at('catalog')
  await other.run('CREATE TABLE mine (a)')
  await acme.db('catalog').query('SELECT 1')
  const lists = [
    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')",
    'SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) p',
    'WITH x AS (SELECT 1) SELECT name FROM sqlite_master, x',
  ]
  for (const sql of lists) expect(await other.rows(sql), sql).toEqual([['mine']])
  expect(await other.rows('SELECT count(rowid) > 1 FROM sqlite_master')).toEqual([['1']])
  expect(await other.rows('SELECT count(*) > 0 FROM _persql_meta_query_log')).toEqual([['1']])
})

describe('a sequence', () => {
  test('runs all statements of a text, with transactions of its own', async () => {
    const scripts = at('scripts')
    const sql = `
      CREATE TABLE t (a); -- comment;
      CREATE TRIGGER tr AFTER INSERT ON t WHEN new.a = 1 BEGIN INSERT INTO t VALUES (2); INSERT INTO t VALUES (3); END;
      BEGIN; INSERT INTO t VALUES (1); COMMIT;
      BEGIN; INSERT INTO t VALUES (9); ROLLBACK;
      DROP TABLE IF EXISTS other; DELETE FROM t WHERE a = 3`
    const { results } = await scripts.pipeline([{ type: 'sequence', sql }, { type: 'get_autocommit' }, close])
    expect(results.map(({ response }) => response)).toEqual([
      { type: 'sequence' },
      { type: 'get_autocommit', is_autocommit: true },
      { type: 'close' },
    ])
    expect(await scripts.rows('SELECT a FROM t ORDER BY a')).toEqual([['1'], ['2']])
  })

  test('stops at the first error; earlier statements stay', async () => {
    const scripts = at('stops')
    const sql = 'CREATE TABLE t (a); INSERT INTO t VALUES (1); INSERT INTO missing VALUES (1); INSERT INTO t VALUES (2)'
    const { results } = await scripts.pipeline([{ type: 'sequence', sql }, close])
    expect(results[0]).toMatchObject({ type: 'error', error: { message: 'no such table: missing' } })
    expect(await scripts.rows('SELECT a FROM t')).toEqual([['1']])
  })

  test('can create, fill and empty a table', async () => {
    const scripts = at('emptied')
    const sql = 'DROP TABLE IF EXISTS t; CREATE TABLE t (a); INSERT INTO t VALUES (1); DELETE FROM t; DROP TABLE t'
    for (let i = 0; i < 2; i++) {
      const { results } = await scripts.pipeline([{ type: 'sequence', sql }, close])
      expect(results[0]).toEqual({ type: 'ok', response: { type: 'sequence' } })
    }
  })
})

test('a statement is described without running', async () => {
  const describe = (sql: string) => ({ type: 'describe', sql })
  const { results } = await db.pipeline([
    describe('SELECT id, name AS who, n + ? FROM item WHERE name = :name AND id = ?5'),
    describe("INSERT INTO item (name) VALUES ('described') RETURNING id, name"),
    describe('DELETE FROM item WHERE id = ?'),
    describe('EXPLAIN SELECT 1'),
    describe('BEGIN'),
    describe('SELECT * FROM missing'),
    close,
  ])
  const [select, insert, remove, explain, begin, missing] = results
  expect(select.response.result).toEqual({
    params: [{ name: null }, { name: ':name' }, { name: null }, { name: null }, { name: '?5' }],
    cols: [
      { name: 'id', decltype: 'INTEGER' },
      { name: 'who', decltype: 'TEXT' },
      { name: 'n + ?', decltype: null },
    ],
    is_explain: false,
    is_readonly: true,
  })
  expect(insert.response.result).toMatchObject({
    cols: [
      { name: 'id', decltype: 'INTEGER' },
      { name: 'name', decltype: 'TEXT' },
    ],
    is_readonly: false,
  })
  expect(remove.response.result).toEqual({ params: [{ name: null }], cols: [], is_explain: false, is_readonly: false })
  expect(explain.response.result).toMatchObject({ is_explain: true, is_readonly: true })
  expect(begin.response.result).toEqual({ params: [], cols: [], is_explain: false, is_readonly: true })
  expect(missing).toMatchObject({ type: 'error', error: { message: 'no such table: missing' } })
  expect(await db.rows("SELECT 1 FROM item WHERE name = 'described'")).toEqual([])
})

test('a cursor returns its rows as lines', async () => {
  const probe = { stmt: { ...stmt('SELECT 1'), want_rows: false }, condition: { type: 'is_autocommit' } }
  const lines = await db.cursor([{ stmt: stmt('SELECT 1 AS a UNION ALL SELECT 2') }, { stmt: stmt('SELEC') }, probe])
  expect(lines).toEqual([
    { baton: null, base_url: null },
    { type: 'step_begin', step: 0, cols: [{ name: 'a', decltype: null }] },
    { type: 'row', row: [integer(1)] },
    { type: 'row', row: [integer(2)] },
    { type: 'step_end', affected_row_count: 0, last_insert_rowid: null },
    { type: 'step_error', step: 1, error: { message: 'near "SELEC": syntax error', code: 'SQL_PARSE_ERROR' } },
    { type: 'step_begin', step: 2, cols: [{ name: '1', decltype: null }] },
    { type: 'step_end', affected_row_count: 0, last_insert_rowid: null },
    { type: 'replication_index', replication_index: null },
  ])
})
