import { afterAll, beforeAll, expect, test } from 'vitest'
import { standIn } from '../../../test/endpoints.ts'
import { startPlatform, type TestPlatform } from '../../../test/harness.ts'
import { type Database, PerSQL } from '../src/index.ts'

const DOCS = {
  databaseDescription: 'A shop',
  tables: [{ table: 'orders', description: 'Who bought', columns: [{ column: 'total', description: 'In cents' }] }],
}
let platform: TestPlatform
let model: Awaited<ReturnType<typeof standIn>>
let db: Database

beforeAll(async () => {
  const content = JSON.stringify({ sql: 'SELECT id, total FROM orders', explanation: 'All orders.' })
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
  model = await standIn(() => ({ body: { choices: [{ message: { role: 'assistant', content } }], usage } }))
  platform = await startPlatform({ environment: { AI_BASE_URL: `${model.url}/v1`, AI_MODEL: 'tiny-1' } })
  const { token } = await platform.createNamespace('acme')
  db = new PerSQL({ token, baseURL: platform.url }).database('acme/main')
  await db.query('CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER, paid_at)')
  await db.query('CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)')
  await db.query('CREATE VIEW big AS SELECT * FROM orders WHERE total > 1000')
})
afterAll(async () => {
  await platform.stop()
  model.stop()
})

test('returns the schema with its descriptions, as data and as text', async () => {
  expect(await db.setDescription(DOCS)).toEqual(DOCS)
  const described = await db.describe()
  expect(described.databaseDescription).toBe('A shop')
  expect(described.tables.map(({ table, description }) => [table, description])).toEqual([
    ['orders', 'Who bought'],
    ['people', null],
  ])
  expect(described.tables[0]?.columns[1]).toMatchObject({ name: 'total', type: 'INTEGER', description: 'In cents' })
  expect(described.views).toMatchObject([{ name: 'big' }])
  const text = await db.describeCompact()
  expect(text).toContain('In cents')
  expect(text).toContain('people')
})

test('finds tables and columns by words, up to the limit', async () => {
  const { hits } = await db.search('who bought & "total"?')
  expect(hits.map(({ table, column }) => [table, column])).toEqual(
    expect.arrayContaining([
      ['orders', undefined],
      ['orders', 'total'],
    ]),
  )
  expect((await db.search('total orders people', { limit: 1 })).hits).toHaveLength(1)
})

test('the schema doctor finds confusing patterns', async () => {
  const { findings, tables, omitted } = await db.doctor()
  expect([tables, omitted]).toEqual([2, 0])
  expect(findings).toContainEqual(expect.objectContaining({ table: 'orders', column: 'paid_at' }))
  expect(findings.every(({ rule, message }) => rule && message)).toBe(true)
})

test('a question returns rows, the statement and its cost', async () => {
  await db.query('INSERT INTO orders (id, total) VALUES (1, 500), (2, 700)')
  const { data, rows, sql, explanation, rowsRead, rowsWritten, meta } = await db.ask('Which orders?', { maxRows: 10 })
  expect([data, rows]).toEqual([
    [
      { id: 1, total: 500 },
      { id: 2, total: 700 },
    ],
    [
      [1, 500],
      [2, 700],
    ],
  ])
  expect([sql, explanation]).toEqual([expect.stringContaining('FROM orders'), 'All orders.'])
  expect([rowsRead, rowsWritten, meta?.rowsRead]).toEqual([2, 0, 2])
})
