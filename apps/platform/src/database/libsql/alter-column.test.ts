import { describe, expect, test } from 'vitest'
import { parseAlterColumn, withColumn } from './alter-column.ts'

describe('ALTER COLUMN', () => {
  test.each<[string, object]>([
    ['ALTER TABLE t ALTER COLUMN c TO c text', { table: 't', column: 'c', definition: 'c text' }],
    [
      'alter table `T` alter column "C" to `c` text NOT NULL DEFAULT (1);',
      { table: 't', column: 'c', definition: '`c` text NOT NULL DEFAULT (1)' },
    ],
    ['ALTER TABLE main.t ALTER c TO "c" text', { table: 't', column: 'c', definition: '"c" text' }],
    ['ALTER TABLE t ALTER COLUMN TO column text', { table: 't', column: 'column', definition: 'column text' }],
    [
      '/* x */ ALTER TABLE t ALTER COLUMN a TO a text REFERENCES p(id) -- y',
      { table: 't', column: 'a', definition: 'a text REFERENCES p(id)' },
    ],
  ])('%s is read', (sql, expected) => {
    expect(parseAlterColumn(sql)).toEqual(expected)
  })

  test.each([
    'SELECT 1',
    'ALTER TABLE t RENAME COLUMN a TO b',
    'ALTER TABLE alter_me RENAME TO b',
    'ALTER TABLE t ALTER COLUMN c',
    'ALTER TABLE other.t ALTER COLUMN c TO c text',
    'ALTER TABLE t ALTER COLUMN c TO c text; DROP TABLE t',
    "SELECT 'ALTER TABLE t ALTER COLUMN c TO c text'",
  ])('%s is another statement', (sql) => {
    expect(parseAlterColumn(sql)).toBeUndefined()
  })
})

describe('a table with another definition of a column', () => {
  const change = { table: 't', column: 'b', definition: '"b" text' }
  test.each<[string, string]>([
    ['CREATE TABLE t (a, b INTEGER, c)', 'CREATE TABLE t (a, "b" text, c)'],
    ['CREATE TABLE t (b DEFAULT (max(1, 2)), c)', 'CREATE TABLE t ("b" text, c)'],
    [
      'CREATE TABLE "t"(`a` DECIMAL(10, 2), [B] int CHECK (b > 0 AND a IN (1, 2))) STRICT',
      'CREATE TABLE "t"(`a` DECIMAL(10, 2), "b" text) STRICT',
    ],
    ['CREATE TABLE t (a, b /* , */ int, PRIMARY KEY (a, b))', 'CREATE TABLE t (a, "b" text, PRIMARY KEY (a, b))'],
  ])('%s becomes %s', (sql, expected) => {
    expect(withColumn(sql, change)).toBe(expected)
  })

  test('needs the column', () => {
    expect(() => withColumn('CREATE TABLE t (a, PRIMARY KEY (a))', change)).toThrow('no such column: "b" in table "t"')
  })
})
