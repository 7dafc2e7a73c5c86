import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let db: ReturnType<SharedPlatform['database']>

beforeAll(async () => {
  platform = await sharedPlatform()
  db = (await platform.createNamespace(ns)).db()
  await db.batch([{ sql: 'CREATE TABLE marker (x)' }, { sql: 'CREATE TABLE t (a)' }])
})
afterAll(() => platform.stop())

test('no text smuggles a second statement past the first', async () => {
  const piece = fc.constantFrom(
    "'",
    '"',
    '`',
    '[',
    ']',
    '--',
    '\n',
    '/*',
    '*/',
    '/',
    '*',
    '-',
    ';',
    ' ',
    '\t',
    '\r',
    '\f',
    '\v',
    '\ufeff',
    '$a',
    '$a(',
    ')',
    ':a',
    '@a(',
    '#',
    '::',
    '?',
    '?1',
    '(',
    "x'",
    'é',
    'SELECT',
    'SELECT 1',
    'EXPLAIN',
    'CREATE TRIGGER',
    'CREATE TEMP TRIGGER',
    'z AFTER INSERT ON t',
    'BEGIN',
    'END',
    '; END',
    'CASE WHEN 1 THEN 2 END',
    "'a''b'",
    'WITH q AS (SELECT 1)',
    '0x1',
    '1.5e3',
    '.',
    '\\',
  )
  const sql = fc
    .tuple(fc.array(piece, { maxLength: 7 }), fc.array(piece, { maxLength: 7 }))
    .map(([before, after]) => `${before.join('')} SELECT 1; INSERT INTO marker VALUES (1) ${after.join('')}`)
  await fc.assert(
    fc.asyncProperty(sql, async (text) => {
      const { status } = await db.query(text, text.includes('?') ? [1] : [])
      expect(status).toBeLessThan(500)
      const rows = (await db.query('SELECT count(*) FROM marker')).body.data.rows
      if (rows[0][0] !== 0) throw new Error(`ran: ${JSON.stringify(text)}`)
    }),
    { numRuns: 1_500, examples: [['\vBEGIN-- SELECT 1; INSERT INTO marker VALUES (1) ']] },
  )
})

test('tables of the catalog can be looked up in one statement, as tools do that read a schema', async () => {
  for (const catalog of ['sqlite_master', 'sqlite_schema']) {
    const { body } = await db.query(
      `SELECT m.name, p.name FROM ${catalog} m, pragma_table_xinfo(m.name) p WHERE m.type = ? AND p.cid >= ?`,
      ['table', 0],
    )
    expect(body.data.rows).toEqual(
      expect.arrayContaining([
        ['marker', 'x'],
        ['t', 'a'],
      ]),
    )
  }
  const { body } = await db.query(
    'WITH names AS (SELECT name FROM sqlite_master) SELECT * FROM names, pragma_index_list(names.name)',
  )
  expect(body.data.rows).toEqual([])
})
