import { expect, test } from 'vitest'
import { parseStatement } from '../../sqlite/tokenizer.ts'
import { getDestructiveEffect } from './destructive.ts'

const loss = (sql: string) => getDestructiveEffect(parseStatement(sql))

test.each([
  'DELETE FROM t',
  'delete from "where"',
  'DELETE FROM t -- WHERE id = 1',
  "DELETE FROM t RETURNING 'WHERE'",
  'DELETE FROM t RETURNING (SELECT 1 WHERE 1)',
  'WITH old AS (SELECT 1 WHERE 1) DELETE FROM t',
  'DROP TABLE t',
  'drop table if exists main.t',
  'ALTER TABLE t DROP COLUMN c',
  'ALTER TABLE t DROP c',
])('%s loses rows whole', (sql) => expect(loss(sql)).toBe('whole'))

test.each([
  'REPLACE INTO t VALUES (1)',
  'INSERT OR REPLACE INTO t VALUES (1)',
  'WITH a AS (SELECT 1) INSERT OR REPLACE INTO t SELECT * FROM a',
])('%s replaces rows', (sql) => expect(loss(sql)).toBe('replaced'))

test.each([
  'DELETE FROM t WHERE id = 1',
  'WITH old AS (SELECT 1) DELETE FROM t WHERE id IN (SELECT * FROM old)',
  'EXPLAIN DELETE FROM t',
  'EXPLAIN QUERY PLAN DROP TABLE t',
  'DROP INDEX i',
  'DROP VIEW v',
  'ALTER TABLE t RENAME TO "drop"',
  'ALTER TABLE t ADD COLUMN "drop" TEXT',
  "INSERT INTO t VALUES (replace('a', 'b', 'c'))",
  'INSERT INTO t SELECT replace(a, b, c) FROM u ON CONFLICT DO UPDATE SET a = 1',
  'INSERT OR IGNORE INTO t VALUES (1)',
  'UPDATE t SET a = replace(a, 1, 2)',
  'SELECT 1',
])('%s loses nothing that it does not name', (sql) => expect(loss(sql)).toBeUndefined())
