import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let db: ReturnType<SharedPlatform['database']>

beforeAll(async () => {
  platform = await sharedPlatform()
  db = (await platform.createNamespace(ns)).db()
  await db.batch([
    { sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)' },
    { sql: 'CREATE TABLE pairs (a, b)' },
    { sql: 'CREATE TABLE seen (id INTEGER PRIMARY KEY, label TEXT)' },
  ])
})
afterAll(() => platform.stop())

type Sent = readonly unknown[] | Record<string, unknown>
const run = (sql: string, params: Sent = []) => db.request('/query', { body: { sql, params } })
const rows = async (sql: string, params: Sent = []) => {
  const { body } = await run(sql, params)
  expect(body.error).toBeUndefined()
  return body.data.rows
}
const range = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i))
const int64 = (value: bigint) => ({ int64: `${value}` })

/** Values in JSON, with their type and a text that shows them exactly. */
const VALUES: readonly (readonly [string, unknown, string, string])[] = [
  ['zero', 0, 'integer', '0'],
  ['a whole number', 7, 'integer', '7'],
  ['the largest safe integer', Number.MAX_SAFE_INTEGER, 'integer', '9007199254740991'],
  ['the smallest safe integer', Number.MIN_SAFE_INTEGER, 'integer', '-9007199254740991'],
  ['int64 zero', int64(0n), 'integer', '0'],
  ['int64 2^53', int64(2n ** 53n), 'integer', '9007199254740992'],
  ['int64 2^53 + 1', int64(2n ** 53n + 1n), 'integer', '9007199254740993'],
  ['int64 -(2^53 + 1)', int64(-(2n ** 53n) - 1n), 'integer', '-9007199254740993'],
  ['the largest int64', int64(2n ** 63n - 1n), 'integer', '9223372036854775807'],
  ['the smallest int64', int64(-(2n ** 63n)), 'integer', '-9223372036854775808'],
  ['a fraction', 1.5, 'real', '1.5'],
  ['a REAL beyond 2^53', 1e25, 'real', '1.0e+25'],
  ['a REAL beyond 2^63', 1e300, 'real', '1.0e+300'],
  ['true', true, 'integer', '1'],
  ['false', false, 'integer', '0'],
  ['null', null, 'null', 'NULL'],
  ['a text', "it's", 'text', "'it''s'"],
  ['an empty text', '', 'text', "''"],
  ['digits', '7', 'text', "'7'"],
  ['quotes, backslashes and controls', '"\\\n\t\u0001', 'text', `'"\\\n\t\u0001'`],
  ['beyond the BMP', '😀é\u2028', 'text', "'😀é\u2028'"],
  ['an empty blob', { base64: '' }, 'blob', "X''"],
  ['a blob', { base64: '/wAB' }, 'blob', "X'FF0001'"],
]

describe.each([
  ['alone', 0],
  ['among 100 parameters', 99],
  ['among 101 parameters', 100],
  ['among 1,000 parameters', 999],
])('a value %s', (_, others) => {
  const fill = range(others, (i) => i)
  const list = range(others, (i) => `?${i + 2}`).join()

  test.each(VALUES)('%s keeps type and value', async (_name, value, type, quoted) => {
    const sql = `SELECT typeof(?1), quote(?1)${others > 0 ? ` WHERE 98 IN (${list})` : ''}`
    expect(await rows(sql, [value, ...fill])).toEqual([[type, quoted]])
  })

  test('infinity, from JSON that has it', async () => {
    const body = JSON.stringify({ sql: `SELECT typeof(?1), ?1 > 1e308, ?2 < -1e308`, params: [0, 1] })
    const some = body.replace('[0,1]', '[9e999,-9e999]')
    expect((await db.request('/query', { body: some })).body.data.rows).toEqual([['real', 1, 1]])
  })

  test('a text with NUL', async () => {
    const sql = `SELECT length(CAST(?1 AS BLOB)), hex(?1)${others > 0 ? ` WHERE 98 IN (${list})` : ''}`
    expect(await rows(sql, ['a\0b', ...fill])).toEqual([[3, '610062']])
  })

  test('an integer has no affinity: the column decides', async () => {
    const sql = `SELECT '7' = ?1, 7 = ?1${others > 0 ? ` WHERE 98 IN (${list})` : ''}`
    expect(await rows(sql, [7, ...fill])).toEqual([[0, 1]])
  })
})

test('a REAL has the same bits among many parameters as alone', async () => {
  const double = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value))
  await fc.assert(
    fc.asyncProperty(fc.array(double, { minLength: 60, maxLength: 60 }), async (values) => {
      const sql = `SELECT ${range(60, (i) => `?${i + 1}`).join()} WHERE ?200 IS NULL`
      const params = range(200, (i) => values[i] ?? null)
      expect(await rows(sql, params)).toEqual([values])
    }),
    { numRuns: 20 },
  )
})

describe('many parameters', () => {
  test.each([100, 101, 1_000, 5_000])('%i values of IN', async (count) => {
    const sql = `SELECT count(*) FROM (SELECT value FROM json_each(?1)) WHERE value IN (${range(count - 1, () => '?').join()})`
    expect(await rows(sql, [JSON.stringify(range(count * 2, (i) => i)), ...range(count - 1, (i) => i)])).toEqual([
      [count - 1],
    ])
  })

  test.each([100, 101, 1_000, 6_000])('an INSERT with %i values', async (count) => {
    const params = range(count, (i) => (i % 2 === 0 ? i : i % 3 === 0 ? null : `v${i}`))
    const pairs = count % 2 === 0 ? params : params.slice(1)
    const values = range(pairs.length / 2, () => '(?,?)').join()
    await rows('DELETE FROM pairs WHERE true')
    expect((await run(`INSERT INTO pairs VALUES ${values}`, pairs)).body.data.changes).toBe(pairs.length / 2)
    const stored = await rows('SELECT a, b FROM pairs ORDER BY rowid')
    expect(stored.flat()).toEqual(pairs)
  })

  test('blobs of 1 MB among them', async () => {
    const blob = Buffer.alloc(1_000_000, 7)
    const sql = `SELECT length(?1), hex(substr(?1, 1, 2)), typeof(?2) WHERE ?150 = 150`
    const params = [{ base64: blob.toString('base64') }, { base64: '' }, ...range(148, (i) => i + 3)]
    expect(await rows(sql, params)).toEqual([[1_000_000, '0707', 'blob']])
  })

  test('placeholders by number, with holes and repeated', async () => {
    const params = range(300, (i) => i + 1)
    expect(await rows('SELECT ?300, ?2, ?2, ?007', params)).toEqual([[300, 2, 2, 7]])
    expect(
      await rows(
        'SELECT ?5, ?2',
        range(5, (i) => i + 1),
      ),
    ).toEqual([[5, 2]])
  })

  test('columns keep the names they would have', async () => {
    const { body } = await run(
      'SELECT ?, ?1, ?2 + 1, :c, @c, ?150 AS last',
      range(150, (i) => i + 1),
    )
    expect(body.data.columns).toEqual(['?', '?1', '?2 + 1', ':c', '@c', 'last'])
    expect(body.data.rows).toEqual([[1, 1, 3, 3, 4, 150]])
  })

  test('an index serves them as it serves few', async () => {
    const { body } = await db.request('/explain', {
      body: { sql: `SELECT * FROM t WHERE id IN (${range(500, () => '?').join()})`, params: range(500, (i) => i) },
    })
    expect(body.data.plan[0].detail).toContain('USING INTEGER PRIMARY KEY')
  })

  test.each([
    ['more than the statement can hold', range(9_500, () => '?'), 9_500, 413, 'statement_too_long', '9,500 parameters'],
    ['a number beyond the limit', ['?32767'], 1, 400, 'sql_error', '32,766 parameters'],
    ['a number far beyond the limit', ['?99999999999999999999'], 1, 400, 'sql_error', '32,766 parameters'],
    ['?0', ['?0', '?200'], 200, 400, 'sql_error', '32,766 parameters'],
    ['fewer than the statement needs', ['?200'], 199, 400, 'sql_error', 'Expected 200 parameters, but got 199.'],
    ['more than the statement needs', ['?200'], 201, 400, 'sql_error', 'Expected 200 parameters, but got 201.'],
    ['more than any statement can have', ['?1'], 32_767, 400, 'invalid_input', '32,766'],
  ])('%s: refused', async (_, placeholders, count, status, code, text) => {
    const answer = await run(
      `SELECT 1 IN (${placeholders.join()})`,
      range(count, () => 1),
    )
    expect([answer.status, answer.body.code]).toEqual([status, code])
    expect(JSON.stringify(answer.body)).toContain(text)
  })
})

describe('named parameters', () => {
  test.each<[string, string, Record<string, unknown>, unknown[]]>([
    ['without prefix', 'SELECT :a, @b, $c', { a: 1, b: 2, c: 3 }, [1, 2, 3]],
    ['with their prefix', 'SELECT :a, @b, $c', { ':a': 1, '@b': 2, $c: 3 }, [1, 2, 3]],
    ['with another prefix', 'SELECT :a', { $a: 1 }, [1]],
    ['one name with all prefixes', 'SELECT :a, @a, $a', { a: 'x' }, ['x', 'x', 'x']],
    ['one name twice', 'SELECT :a + :a, :b', { a: 2, b: null }, [4, null]],
    ['names by number', 'SELECT :b, :a, ?1', { a: 'one', b: 'two' }, ['two', 'one', 'two']],
    ['a number as a name', 'SELECT ?2, ?1', { 1: 'one', 2: 'two' }, ['two', 'one']],
    ['holes', 'SELECT ?3, :d', { 3: 'three', d: 'four' }, ['three', 'four']],
    ['none', 'SELECT 1', {}, [1]],
    [
      'all types',
      'SELECT typeof(:a), typeof(:b), :c',
      { a: { base64: 'AQ==' }, b: { int64: '5' }, c: true },
      ['blob', 'integer', 1],
    ],
    [
      'names that objects have',
      'SELECT :constructor, :__proto__, :é',
      { constructor: 1, ['__proto__']: 2, é: 3 },
      [1, 2, 3],
    ],
  ])('%s', async (_, sql, params, expected) => {
    expect(await rows(sql, params)).toEqual([expected])
  })

  test('more than 100', async () => {
    const names = range(150, (i) => `n${i}`)
    const params = Object.fromEntries(names.map((name, i) => [name, i]))
    expect(
      await rows(
        `SELECT ${names.slice(100, 150).map((name) => `$${name}`)} WHERE 0 IN (${names.map((name) => `$${name}`)})`,
        params,
      ),
    ).toEqual([range(50, (i) => i + 100)])
  })

  test.each<[string, string, unknown, string, string]>([
    ['a missing name', 'SELECT :a, :b, :c', { b: 1 }, 'sql_error', 'Missing parameters \\"a\\", \\"c\\".'],
    ['an extra name', 'SELECT :a', { a: 1, z: 2 }, 'sql_error', 'Unknown parameter \\"z\\".'],
    ['another case', 'SELECT :a', { A: 1 }, 'sql_error', 'Missing parameter \\"a\\".'],
    ['a placeholder without a name', 'SELECT ?, :a', { a: 1 }, 'sql_error', 'has no name'],
    ['an extra number', 'SELECT :a', { a: 1, 1: 1 }, 'sql_error', 'Unknown parameter \\"1\\".'],
    ['a name twice', 'SELECT :a', { a: 1, ':a': 1 }, 'invalid_input', 'has \\"a\\" twice'],
    ['an empty name', 'SELECT 1', { '': 1 }, 'invalid_input', 'has an empty name'],
    ['a prefix alone', 'SELECT 1', { '@': 1 }, 'invalid_input', 'has an empty name'],
    ['a text', 'SELECT 1', 'a', 'invalid_input', '"params\\" must be an array, or an object'],
    ['a list as a value', 'SELECT :a', { a: [1] }, 'invalid_input', 'params.a'],
    ['an unpaired surrogate', 'SELECT :a', { a: '\ud800' }, 'invalid_input', 'params.a'],
  ])('%s: refused', async (_, sql, params, code, text) => {
    const { status, body } = await db.request('/query', { body: { sql, params } })
    expect([status, body.code]).toEqual([400, code])
    expect(JSON.stringify(body)).toContain(text)
  })

  test('a refused statement has no effect', async () => {
    await run('INSERT INTO seen (label) VALUES (:label)', { label: 'yes', other: 1 })
    await run('INSERT INTO seen (label) VALUES (:label)', {})
    expect(await rows('SELECT count(*) FROM seen')).toEqual([[0]])
  })

  test('of a batch, each statement its own', async () => {
    const { body } = await db.request('/batch', {
      body: {
        statements: [
          { sql: 'INSERT INTO seen (label) VALUES (:a)', params: { a: 'first' } },
          { sql: 'SELECT label FROM seen WHERE label = ?', params: ['first'] },
        ],
        transaction: true,
      },
    })
    expect(body.data[1].rows).toEqual([['first']])
  })
})

describe('an int64 parameter', () => {
  test.each([
    '',
    '1.5',
    '1e3',
    '+1',
    ' 1',
    '0x1',
    '9223372036854775808',
    '-9223372036854775809',
    '99999999999999999999',
  ])('"%s" is refused', async (text) => {
    const { status, body } = await run('SELECT ?', [{ int64: text }])
    expect([status, body.code]).toEqual([400, 'invalid_input'])
  })

  test.each([1, null, ['1']])('%j is refused', async (value) => {
    expect((await run('SELECT ?', [{ int64: value }])).body.code).toBe('invalid_input')
  })

  test('beside base64 is refused', async () => {
    expect((await run('SELECT ?', [{ int64: '1', base64: '' }])).body.code).toBe('invalid_input')
  })

  test('finds a row by a rowid beyond 2^53', async () => {
    await rows("INSERT INTO t VALUES (?, 'far')", [int64(2n ** 62n + 1n)])
    expect(await rows('SELECT x FROM t WHERE id = ?', [int64(2n ** 62n + 1n)])).toEqual([['far']])
    expect(await rows('SELECT x FROM t WHERE id = :id', { id: int64(2n ** 62n) })).toEqual([])
  })
})
