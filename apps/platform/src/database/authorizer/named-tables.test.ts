import { expect, test } from 'vitest'
import { namedTables } from './named-tables.ts'

const read = (name: string) => [name, false]
const write = (name: string) => [name, true]

test.each([
  ['SELECT 1', []],
  ['SELECT * FROM t', [read('t')]],
  ['SELECT * FROM Main . "T t"', [read('T t')]],
  ["SELECT a FROM t, 'u' AS x, [v] LEFT JOIN w ON w.a = t.a, z", ['t', 'u', 'v', 'w', 'z'].map(read)],
  ['SELECT a, b FROM t WHERE a IN (1, 2) ORDER BY a, b', [read('t')]],
  ['SELECT * FROM (t, (u JOIN v)), (SELECT x, y FROM w), z', ['t', 'u', 'v', 'w', 'z'].map(read)],
  ['SELECT (SELECT max(x) FROM u), 1 FROM t', [read('u'), read('t')]],
  ['SELECT 1 FROM t WHERE a IN u AND b NOT IN main.v AND c IN (1)', ['t', 'u', 'v'].map(read)],
  ['SELECT a IS DISTINCT FROM b, a IS NOT DISTINCT FROM c FROM t', [read('t')]],
  ['SELECT * FROM t AS window, u', [read('t'), read('u')]],
  ['SELECT sum(a) OVER w, b FROM t WINDOW w AS (ORDER BY a), w2 AS (w)', [read('t')]],
  ['SELECT * FROM json_each(t.a), t', [read('json_each'), read('t')]],
  ['SELECT a FROM t UNION SELECT b, c FROM u', [read('t'), read('u')]],
  ['VALUES ((SELECT 1 FROM t))', [read('t')]],
  ['WITH q AS (SELECT * FROM t) SELECT * FROM q, u', [read('t'), read('u')]],
  ['WITH q AS (SELECT * FROM r), r (a, b) AS NOT MATERIALIZED (VALUES (1, 2)) SELECT * FROM q', []],
  ['WITH q AS (SELECT 1) SELECT * FROM main.q', [read('q')]],
  ['WITH q AS (SELECT 1) INSERT INTO q SELECT * FROM q', [write('q')]],
  ['SELECT * FROM q, (WITH q AS (SELECT 1) SELECT * FROM q), q', [read('q'), read('q')]],
  ['SELECT with FROM t', [read('t')]],
  [
    'INSERT OR REPLACE INTO t (a, b) SELECT c, d FROM u ON CONFLICT DO UPDATE SET a = 1, b = 2',
    [write('t'), read('u')],
  ],
  ['UPDATE OR IGNORE main.t SET a = 1, b = 2 FROM u, v WHERE 1', [write('t'), read('u'), read('v')]],
  ['DELETE FROM t WHERE a IN (SELECT 1 FROM u) RETURNING a, b', [write('t'), read('u')]],
  ['REPLACE INTO t DEFAULT VALUES', [write('t')]],
  ['CREATE TABLE IF NOT EXISTS t (a REFERENCES u (x) ON UPDATE SET NULL, b)', [write('t'), read('u')]],
  ['DROP TABLE IF EXISTS t', [write('t')]],
  ['ALTER TABLE t ADD COLUMN a REFERENCES u', [write('t'), read('u')]],
  ['CREATE UNIQUE INDEX i ON t (a, b)', [read('t')]],
  [
    'CREATE TRIGGER g AFTER UPDATE OF a, b ON t WHEN EXISTS (SELECT 1 FROM u) BEGIN UPDATE v SET a = 1; DELETE FROM w; END',
    [read('t'), read('u'), write('v'), write('w')],
  ],
  ['CREATE VIEW x AS SELECT * FROM t JOIN u ON t.a = u.a', [read('t'), read('u')]],
  ['SELECT * FROM', []],
  ['SELECT * FROM (((', []],
  ['WITH', []],
])('%s', (sql, expected) => {
  expect(namedTables(sql).map(({ name, isWritten }) => [name, isWritten])).toEqual(expected)
})

test('positions cover the schema and the columns behind a name', () => {
  const sql = 'CREATE TABLE t (a REFERENCES main."u" (x, y) ON DELETE CASCADE)'
  const [, { start, end } = { start: 0, end: 0 }] = namedTables(sql)
  expect(sql.slice(start, end)).toBe('main."u" (x, y)')
})

test('text that is nested as deeply as a body can be takes no longer than it is long', () => {
  const deep = `${'('.repeat(40_000)}WITH a AS (SELECT 1) ${'SELECT * FROM t '.repeat(4_000)}`
  expect(namedTables(deep)).toHaveLength(4_000)
})
