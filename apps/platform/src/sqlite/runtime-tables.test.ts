import { expect, test } from 'vitest'
import { hideRuntimeTables } from './runtime-tables.ts'
import { parseStatement } from './tokenizer.ts'

const shown = (sql: string) => hideRuntimeTables(parseStatement(sql))
const catalog = (name: string) =>
  `${name} AS (SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_schema WHERE tbl_name NOT GLOB '_cf_*')`

test('a statement that looks up tables of the catalog gets one without those of the runtime', () => {
  const sql = 'SELECT * FROM sqlite_master m, pragma_table_info(m.name) WHERE type = ? AND m.name = ?2'
  const { text, placeholders } = shown(sql)
  expect(text).toBe(`WITH ${catalog('sqlite_master')} ${sql}`)
  expect(placeholders.map(([start, end]) => text.slice(start, end))).toEqual(['?', '?2'])
})

test.each(['WITH', 'with  RECURSIVE'])('%s is joined', (start) => {
  const { text, placeholders } = shown(
    `${start} t AS (SELECT name FROM sqlite_schema LIMIT ?) SELECT * FROM t, pragma_index_list(t.name)`,
  )
  expect(text.startsWith(`${start} ${catalog('sqlite_schema')}, t AS`)).toBe(true)
  expect(placeholders.map(([begin, end]) => text.slice(begin, end))).toEqual(['?'])
})

test('all else stays as it is, and so does what was done already', () => {
  for (const sql of [
    'SELECT * FROM sqlite_master',
    "SELECT * FROM pragma_table_info('t')",
    'DELETE FROM sqlite_master WHERE name IN (SELECT name FROM pragma_table_list)',
  ]) {
    expect(shown(sql).text).toBe(sql)
  }
  const { text } = shown('SELECT * FROM sqlite_master m JOIN pragma_table_xinfo(m.name)')
  expect(shown(text).text).toBe(text)
})
