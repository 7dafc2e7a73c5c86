import { expect, test } from 'vitest'
import { withoutRollback } from '../../sqlite/tokenizer.ts'

test.each([
  ['INSERT OR ROLLBACK INTO t VALUES (1)', 'INSERT OR ABORT INTO t VALUES (1)'],
  ['insert /* a */ or\n-- b\nrollback into t values (1)', 'insert /* a */ or\n-- b\nABORT into t values (1)'],
  ['UPDATE OR ROLLBACK t SET a = 1', 'UPDATE OR ABORT t SET a = 1'],
  ['CREATE TABLE t (a UNIQUE ON CONFLICT ROLLBACK)', 'CREATE TABLE t (a UNIQUE ON CONFLICT ABORT)'],
  [
    "CREATE TRIGGER r BEFORE INSERT ON t BEGIN SELECT RAISE ( ROLLBACK , 'no'); END",
    "CREATE TRIGGER r BEFORE INSERT ON t BEGIN SELECT RAISE ( ABORT , 'no'); END",
  ],
  [
    'CREATE TABLE t (a NOT NULL ON CONFLICT ROLLBACK, b UNIQUE ON CONFLICT REPLACE, CHECK (a) ON CONFLICT ROLLBACK)',
    'CREATE TABLE t (a NOT NULL ON CONFLICT ABORT, b UNIQUE ON CONFLICT REPLACE, CHECK (a) ON CONFLICT ABORT)',
  ],
])('conflicts are resolved by ABORT: %s', (sql, expected) => expect(withoutRollback(sql)).toBe(expected))

test.each([
  'ROLLBACK',
  'SELECT a OR rollback FROM t',
  'SELECT rollback FROM t',
  "INSERT INTO t VALUES ('INSERT OR ROLLBACK INTO t')",
  'SELECT "ON CONFLICT ROLLBACK"',
  '-- INSERT OR ROLLBACK\nSELECT 1',
  'INSERT OR REPLACE INTO rollback VALUES (1)',
])('other text stays unchanged: %s', (sql) => expect(withoutRollback(sql)).toBe(sql))
