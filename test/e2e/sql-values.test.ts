import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let db: ReturnType<SharedPlatform['database']>

beforeAll(async () => {
  platform = await sharedPlatform()
  db = (await platform.createNamespace(ns)).db()
  await db.batch([
    { sql: 'CREATE TABLE typed (i INTEGER, r REAL, n NUMERIC, t TEXT, b BLOB, x)' },
    { sql: 'CREATE INDEX typed_t ON typed (t)' },
    { sql: 'CREATE INDEX typed_x ON typed (x)' },
    { sql: 'CREATE TABLE strict (i INTEGER, a ANY) STRICT' },
    { sql: 'CREATE VIRTUAL TABLE words USING fts5(word)' },
  ])
})
afterAll(() => platform.stop())

const rows = async (sql: string, params: unknown[] = []) => {
  const { body } = await db.query(sql, params)
  expect(body.error).toBeUndefined()
  return body.data.rows
}

test('an integer stays an integer in every column', async () => {
  await rows('INSERT INTO typed VALUES (?1, ?1, ?1, ?1, ?1, ?1)', [7])
  expect(await rows('SELECT typeof(i), typeof(r), typeof(n), t, typeof(b), typeof(x) FROM typed')).toEqual([
    ['integer', 'real', 'integer', '7', 'integer', 'integer'],
  ])
  await rows('INSERT INTO strict VALUES (?, ?)', [7, 7])
  expect(await rows('SELECT typeof(i), typeof(a) FROM strict')).toEqual([['integer', 'integer']])
})

test('an integer compares as a bound integer does: the column’s affinity decides', async () => {
  expect(await rows('SELECT count(*) FROM typed WHERE t = ?', [7])).toEqual([[1]])
  expect(await rows('SELECT count(*) FROM typed WHERE x = ? AND i IN (?, ?)', [7, 7, 8])).toEqual([[1]])
  expect(await rows("SELECT '7' = ?, 7 = ?", [7, 7])).toEqual([[0, 1]])
  expect(await rows('SELECT (?, ?) = (1, 2)', [1, 2])).toEqual([[1]])
})

test('indexes serve an integer as they serve a literal', async () => {
  for (const column of ['t', 'x']) {
    const plan = async (sql: string, params: unknown[]) =>
      (await db.request('/explain', { body: { sql, params } })).body.data.plan
    expect(await plan(`SELECT * FROM typed WHERE ${column} = ?`, [7])).toEqual(
      await plan(`SELECT * FROM typed WHERE ${column} = ?`, ['7']),
    )
  }
})

test('an integer works wherever a placeholder may stand', async () => {
  expect(await rows('SELECT ?/2, -?, ? || ?, json_array(?), json(?)', [7, 1, 1, 2, 5, 3])).toEqual([
    [3, -1, '12', '[5]', '3'],
  ])
  expect(await rows("SELECT '[1,2]' -> ?, '[1,2]' ->> ?", [1, 0])).toEqual([['2', 1]])
  expect(await rows('SELECT value FROM json_each(?) ORDER BY ? LIMIT ? OFFSET ?', ['[1,2,3]', 1, 1, 1])).toEqual([[2]])
  expect(await rows('VALUES (?), (?)', [1, 2])).toEqual([[1], [2]])
  expect(await rows("SELECT 'a1' LIKE ? ESCAPE ?", ['a_', '!'])).toEqual([[1]])
  await rows('INSERT INTO words VALUES (?)', [42])
  expect(await rows('SELECT word FROM words WHERE words MATCH ? LIMIT ?', ['42', 5])).toEqual([[42]])
  expect(await rows('SELECT :a + :a, @b, ?3', [1, 2, 3])).toEqual([[2, 2, 3]])
})

test('columns keep the names they would have', async () => {
  const { body } = await db.query('SELECT ?, ?2 + 1, :c', [1, 2, 3])
  expect(body.data.columns).toEqual(['?', '?2 + 1', ':c'])
})

test('what JSON cannot spell is not rounded in silence', async () => {
  const big = await db.query('SELECT 9007199254740993')
  expect(big.body).toMatchObject({ success: false, code: 'integer_out_of_range' })
  expect((await db.query('SELECT CAST(9007199254740993 AS TEXT)')).body.data.rows).toEqual([['9007199254740993']])
  expect(await rows('SELECT 9007199254740991, -9007199254740991, 1e16, 1e300')).toEqual([
    [9007199254740991, -9007199254740991, 1e16, 1e300],
  ])
  expect(await rows('SELECT 9e999, -9e999')).toEqual([[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]])
  const raw = (body: string) => db.request('/query', { body })
  expect((await raw('{"sql":"SELECT ?","params":[9007199254740993]}')).body.code).toBe('integer_out_of_range')
  expect((await raw('{"sql":"SELECT typeof(?)","params":[1e16]}')).body.data.rows[0][0]).toBe('real')
})

test('blobs, empty and not, come back as they went', async () => {
  expect(await rows('SELECT ?, typeof(?), length(?)', [{ base64: '' }, { base64: '' }, { base64: '/wA=' }])).toEqual([
    [{ base64: '' }, 'blob', 2],
  ])
})
