import { describe, expect, test } from 'vitest'
import { normalForm } from './normal-form.ts'
import { parseRenames, resolveOriginalName } from './renames.ts'
import { addedColumns, withName } from './table-text.ts'

test.each([
  ['CREATE TABLE t (a)', 'CREATE TABLE t (a, b TEXT)', ['b TEXT']],
  ['CREATE TABLE t (a)', 'create table "T" (A, b DEFAULT (1, 2), c)', ['b DEFAULT (1, 2)', 'c']],
  ['CREATE TABLE t (a, b, CHECK (a > 0))', 'CREATE TABLE t (a, b, c, CHECK (a > 0))', ['c']],
  ['CREATE TABLE t (a text, b text)', "CREATE TABLE t (a text, b text, c text DEFAULT ',')", ["c text DEFAULT ','"]],
  ['CREATE TABLE t (a)', 'CREATE TABLE t (a, CHECK (a > 0))', undefined],
  ['CREATE TABLE t (a)', 'CREATE TABLE t (a) STRICT', undefined],
  ['CREATE TABLE t (a)', 'CREATE TABLE t (a NOT NULL)', undefined],
  ['CREATE TABLE t (a DEFAULT (1))', 'CREATE TABLE t (a DEFAULT (1, 2))', undefined],
  ['CREATE TABLE t (a, b)', 'CREATE TABLE t (a)', undefined],
])('from %s to %s adds %s', (before, after, columns) => {
  expect(addedColumns(before, after)).toEqual(columns)
})

test('a table gets another name, and nothing else changes', () => {
  expect(withName('CREATE VIRTUAL TABLE "a ""b" USING fts5(c)', 'd"e')).toBe(
    'CREATE VIRTUAL TABLE "d""e" USING fts5(c)',
  )
})

test('how a statement is written does not matter, what it says does', () => {
  expect(normalForm('CREATE  TABLE "T"(A -- the a\n)')).toBe(normalForm('create table t (a)'))
  expect(normalForm("CREATE TABLE t (a DEFAULT 'X')")).not.toBe(normalForm("CREATE TABLE t (a DEFAULT 'x')"))
  expect(normalForm('CREATE TABLE t (a DEFAULT X)')).not.toBe(normalForm('CREATE TABLE t (a DEFAULT x)'))
})

describe('where names come from', () => {
  const change = (number: number, sql: string, as: 'changed' | 'renamed' | 'added', name: string, from?: string) => ({
    number,
    sql,
    objects: [{ type: 'table', name, change: as, ...(from !== undefined && { from }) }],
  })
  test('is followed through renames of tables and columns, and ends where something is new', () => {
    const renames = parseRenames([
      change(5, 'ALTER TABLE "B" ADD COLUMN z', 'changed', 'B'),
      change(4, 'ALTER TABLE b RENAME "y" TO w', 'changed', 'b'),
      change(3, 'ALTER TABLE a RENAME TO b', 'renamed', 'b', 'a'),
      change(2, 'ALTER TABLE main.a RENAME COLUMN x TO y', 'changed', 'a'),
      change(1, 'ALTER TABLE a RENAME COLUMN z TO v', 'changed', 'a'),
    ])
    const { table, column } = resolveOriginalName(renames, 'b')
    expect([table, ...['w', 'v', 'z', 'other'].map(column)]).toEqual(['a', 'x', 'z', 'z', 'other'])
    const made = parseRenames([
      change(2, 'CREATE TABLE a (x)', 'added', 'a'),
      change(1, 'ALTER TABLE o RENAME TO a', 'renamed', 'a', 'o'),
    ])
    expect(resolveOriginalName(made, 'a').table).toBe('a')
  })
})
