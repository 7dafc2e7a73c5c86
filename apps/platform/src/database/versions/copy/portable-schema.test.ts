import { expect, test } from 'vitest'
import { toPortableSql } from './portable-schema.ts'

const portable = "('a' || char(13) || '\nb')"
const text = "'a\r\nb'"

test.each([
  ['CREATE TABLE t (a DEFAULT ?, b CHECK (b <> ?))'],
  ['CREATE TABLE t (a, g AS (a || ?) STORED)'],
  ['CREATE INDEX i ON t (a || ?) WHERE a = ? AND b LIKE ?'],
  ['CREATE VIEW v AS SELECT ?, coalesce(a, ?) FROM t WHERE a IN (?)'],
  ['CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO l VALUES (?, ?); UPDATE t SET a = ?; END'],
])('a text with CRLF is written with char(13): %s', (sql) => {
  expect(toPortableSql(sql.replaceAll('?', text))).toBe(sql.replaceAll('?', portable))
})

test.each([
  "CREATE TABLE t ('a\r\nb', 'c\r\nd' TEXT)",
  "CREATE VIEW v AS SELECT a AS 'x\r\ny', a 'z\r\n' FROM t",
  "CREATE TRIGGER g BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'no\r\nway'); END",
  "CREATE VIRTUAL TABLE f USING fts5(a, tokenize = 'ascii\r\n')",
  'CREATE TABLE t (\r\n  "a\r\nb" -- why\r\n)',
  "CREATE TABLE t (a DEFAULT 'a\rb\n')",
])('names and what has to be one text stay as they are: %j', (sql) => {
  expect(toPortableSql(sql)).toBe(sql)
})
