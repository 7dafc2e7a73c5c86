import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

/** A caller with a table scope learns of other tables neither that they exist nor what is in them. */

let platform: TestPlatform
let admin: ReturnType<TestPlatform['database']>
let token: string
let mint: (request: object) => Promise<string>
let serial = 0

const IN_SCOPE = ['t', 'log', 'p', 'child', 'chatty', 'own', 'indexes', 'seen', 'empty', 'vocab', 'nested', 'over_view']
const SCHEMA = [
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)',
  'CREATE TABLE log (msg)',
  'CREATE TABLE p (id INTEGER PRIMARY KEY)',
  'CREATE TABLE secret (hidden_column UNIQUE, other)',
  'CREATE INDEX secret_index ON secret (other)',
  'CREATE TABLE child (id INTEGER PRIMARY KEY, p_id REFERENCES p (id), s_id REFERENCES secret (hidden_column))',
  'CREATE TABLE chatty (x)',
  'CREATE TRIGGER t_log AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END',
  'CREATE TRIGGER t_spy AFTER DELETE ON t BEGIN INSERT INTO secret VALUES (old.a, old.b); END',
  'CREATE TRIGGER broken AFTER INSERT ON chatty BEGIN INSERT INTO secret VALUES (1); END',
  'CREATE VIEW v AS SELECT id, a FROM t',
  'CREATE VIEW vs AS SELECT rowid AS id, hidden_column FROM secret',
  'CREATE VIEW door AS SELECT msg FROM log',
  'CREATE TRIGGER door_in INSTEAD OF INSERT ON door BEGIN INSERT INTO log VALUES (new.msg); END',
  'CREATE VIRTUAL TABLE own USING fts5(body)',
  "CREATE VIRTUAL TABLE indexes USING fts5(a, co = 't')",
  "CREATE VIRTUAL TABLE empty USING fts5(a, c='')",
  "CREATE VIRTUAL TABLE seen USING fts5(hidden_column, c='secret')",
  'CREATE VIRTUAL TABLE vocab USING fts5vocab(seen, row)',
  'CREATE VIRTUAL TABLE nested USING fts5(hidden_column, CONTEN = [seen])',
  'CREATE VIRTUAL TABLE over_view USING fts5(hidden_column, con = vs)',
  "INSERT INTO secret VALUES ('classified', 1), ('classified too', 2)",
]

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  const acme = await platform.createNamespace('acme')
  admin = acme.db()
  for (const sql of SCHEMA) expect((await admin.query(sql)).body.error, sql).toBeUndefined()
  mint = async (request) => {
    const { body } = await platform.request('/v1/tokens', { token: acme.token, body: { name: 'x', ...request } })
    return body.data.token
  }
  token = await mint({ tableScope: IN_SCOPE })
})
afterAll(() => platform.stop())

const as = (secret: string) => platform.database('acme', 'main', secret)

/** Statements that name a table, each in the place of {}, and do not compile or do. */
const NAMING = [
  'SELECT * FROM {}',
  'SELECT nope FROM {}',
  'SELECT hidden_column FROM main.{}',
  'SELECT nope FROM "{}" AS x',
  'SELECT count(*), nope FROM t, {}',
  'SELECT nope FROM t JOIN {} USING (a)',
  'SELECT nope FROM (t, ({}))',
  'SELECT a FROM t WHERE a IN {} AND nope',
  'SELECT a FROM t UNION SELECT 1, 2 FROM {}',
  'SELECT (SELECT nope FROM {}) FROM t',
  'SELECT ?, ? FROM {}',
  'SELECT changes() FROM {}',
  'SELECT nope() FROM {}',
  'SELECT abs() FROM {}',
  'WITH q AS (SELECT nope FROM {}) SELECT * FROM q',
  'SELECT nope FROM {}, (WITH {} AS (SELECT 1) SELECT * FROM {})',
  'VALUES ((SELECT * FROM {}))',
  'INSERT INTO {} VALUES (1)',
  'INSERT INTO {} VALUES (1, 2)',
  'INSERT INTO {} (nope) VALUES (1)',
  'INSERT OR REPLACE INTO {} DEFAULT VALUES',
  'REPLACE INTO {} VALUES (1, 2, 3)',
  'INSERT INTO t (a) SELECT nope FROM {}',
  'INSERT INTO t (nope) SELECT 1 FROM {}',
  'UPDATE {} SET nope = 1',
  'UPDATE OR IGNORE {} SET hidden_column = 1',
  'UPDATE t SET a = nope FROM {}',
  'DELETE FROM {}',
  'DELETE FROM {} WHERE nope',
  'DELETE FROM log RETURNING (SELECT nope FROM {})',
  'CREATE TABLE {} (x)',
  'CREATE TABLE IF NOT EXISTS {} (x)',
  'DROP TABLE {}',
  'DROP TABLE IF EXISTS {}',
  'ALTER TABLE {} ADD COLUMN x',
  'ALTER TABLE {} RENAME COLUMN hidden_column TO x',
  'CREATE INDEX i ON {} (hidden_column)',
  'CREATE TRIGGER g AFTER INSERT ON {} BEGIN nonsense',
  'ANALYZE {}',
  'REINDEX {}',
  'DROP VIEW {}',
  'DROP INDEX {}_index',
  'PRAGMA table_info({})',
  'PRAGMA index_list({})',
  'PRAGMA index_info({}_index)',
  'PRAGMA foreign_key_check({})',
  "SELECT * FROM pragma_table_info('{}')",
  "SELECT nope FROM pragma_index_list('{}')",
  'EXPLAIN SELECT nope FROM {}',
  'EXPLAIN QUERY PLAN SELECT * FROM {}',
  'SELECT {}.nope FROM t',
  'SELECT a FROM t INDEXED BY {}_index',
  'SELECT * FROM {}_content',
]

describe('the answer is the same whether a table out of scope exists or not', () => {
  const mcp = (sql: string) =>
    platform.request('/mcp', {
      token,
      headers: { accept: 'application/json, text/event-stream' },
      body: {
        ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
        params: { name: 'query', arguments: { database: 'main', sql } },
      },
    })
  const doors: Record<string, (sql: string) => Promise<{ status: number; body: unknown }>> = {
    query: (sql) => as(token).query(sql),
    batch: (sql) => as(token).batch([{ sql: 'SELECT 1' }, { sql }]),
    'batch as one transaction': (sql) => as(token).batch([{ sql }], { transaction: true }),
    explain: (sql) => as(token).request('/explain', { body: { sql } }),
    validate: (sql) => as(token).request('/validate', { body: { sql } }),
    propose: (sql) => as(token).request('/propose', { body: { sql } }),
    MCP: mcp,
  }
  test.each(Object.keys(doors))('%s', async (door) => {
    const send = async (sql: string) => {
      const { status, body } = await (doors[door] as (typeof doors)[string])(sql)
      return { status, body: JSON.stringify(body).replace(/"(durationMs|meta)":[^}]*/g, '') }
    }
    for (const form of NAMING) {
      const existing = await send(form.replaceAll('{}', 'secret'))
      const other = await send(form.replaceAll('{}', 'absent'))
      expect(existing, form).toEqual({ ...other, body: other.body.replaceAll('absent', 'secret') })
      if (door !== 'validate' && door !== 'MCP') expect(existing.status, `${form}: ${existing.body}`).not.toBe(200)
    }
  })

  test('with any role', async () => {
    for (const role of ['readonly', 'readwrite', 'admin']) {
      const db = as(await mint({ role, tableScope: IN_SCOPE }))
      for (const sql of ['INSERT INTO {} VALUES (1)', 'DROP TABLE {}', 'DELETE FROM {}', 'SELECT 1 FROM {}']) {
        for (const table of ['secret', 'absent']) {
          const { status, body } = await db.query(sql.replace('{}', table))
          expect([status, body.error], sql).toEqual([403, `Token scope does not include table "${table}"`])
        }
      }
    }
  })
})

test.each([
  ['SELECT nope FROM t', 'no such column: nope'],
  ['SELECT nope FROM v', 'no such column: nope'],
  ['SELECT a FROM t WHERE secret.hidden_column = 1', 'no such column: secret.hidden_column'],
  ['WITH secret AS (SELECT a FROM t) SELECT nope FROM secret', 'no such column: nope'],
  ['INSERT INTO t (nope) VALUES (1)', 'table t has no column named nope'],
  ['INSERT INTO t VALUES (1, 2)', 'table t has 3 columns but 2 values were supplied'],
  ['INSERT INTO door (nope) VALUES (1)', 'table door has no column named nope'],
  ['UPDATE log SET nope = 1', 'no such column: nope'],
  ["SELECT nope FROM json_each('[]')", 'no such column: nope'],
  ['SELECT a IS NOT DISTINCT FROM nope FROM t', 'no such column: nope'],
  ['SELEC * FROM secret', 'near "SELEC": syntax error'],
  ['SELECT * FROM secret WHERE', 'incomplete input'],
  ['SELECT nope() FROM t', 'no such function: nope'],
  ['SELECT ? FROM t', 'Expected 1 parameter, but got 0.'],
])('a mistake that has to do with tables in scope alone is explained: %s', async (sql, error) => {
  const { status, body } = await as(token).query(sql)
  expect([status, body.error]).toEqual([400, error])
})

test.each([
  ['SELECT * FROM vs', 'table_out_of_scope', 'secret'],
  ['SELECT nope FROM vs', 'table_out_of_scope', 'secret'],
  ['DELETE FROM t', 'table_out_of_scope', 'secret'],
  ['DELETE FROM t WHERE nope', 'table_out_of_scope', 'secret'],
  ['INSERT INTO child (p_id) VALUES (1)', 'table_out_of_scope', 'secret'],
  ['INSERT INTO child (nope) VALUES (1)', 'table_out_of_scope', 'secret'],
  // Its trigger does not compile, and says of which table.
  ['INSERT INTO chatty VALUES (1)', 'table_unresolved', undefined],
  ['INSERT INTO chatty (nope) VALUES (1)', 'table_unresolved', undefined],
])('what views, triggers and foreign keys reach is judged before mistakes: %s', async (sql, code, table) => {
  const { body } = await as(token).query(sql)
  expect(body.code).toBe(code)
  if (table) expect(body.error).toBe(`Token scope does not include table "${table}"`)
  else expect(JSON.stringify(body)).not.toMatch(/secret|column/)
})

describe('a virtual table is judged by all that it reads', () => {
  test.each(['own', 'indexes', 'empty'])('%s can be read', async (table) => {
    expect((await as(token).query(`SELECT * FROM ${table}`)).body.error).toBeUndefined()
  })

  test.each(['seen', 'vocab', 'nested', 'over_view'])('%s cannot be read', async (table) => {
    for (const sql of [
      `SELECT * FROM ${table}`,
      `SELECT rowid FROM ${table}`,
      `SELECT nope FROM ${table}`,
      `SELECT count(*) FROM ${table}`,
      `SELECT (SELECT 1 FROM ${table} LIMIT 1)`,
    ]) {
      const { status, body } = await as(token).query(sql)
      expect([status, body.code], sql).toEqual([403, 'table_out_of_scope'])
      expect(body.error).toMatch(/^Token scope does not include table "(secret|seen)"$/)
    }
  })

  test.each([
    ['content', "'secret'"],
    ['conten', "'secret'"],
    ['CONTE', '"secret"'],
    ['cont', '[secret]'],
    ['con', '`secret`'],
    ['Co', 'secret'],
    ['c', "'SECRET'"],
    ['c  ', "   'secret'   "],
    ['content_rowid = rowid, c', 'secret'],
    ["prefix = '2 3', tokenize = 'porter', c", "'secret'"],
    ["t = 'unicode61 tokenchars ''=''', content_r = id, c", "'vs'"],
  ])('%s = %s', async (option, value) => {
    const tried = `tried_${++serial}`
    const made = await admin.query(`CREATE VIRTUAL TABLE ${tried} USING fts5(hidden_column, ${option} = ${value})`)
    expect(made.body.error).toBeUndefined()
    expect((await admin.query(`SELECT * FROM ${tried}`)).body.data.rows).toHaveLength(2)
    const { body } = await as(await mint({ tableScope: [tried] })).query(`SELECT * FROM ${tried}`)
    expect(body.error).toBe('Token scope does not include table "secret"')
    const both = as(await mint({ tableScope: [tried, 'secret'] }))
    expect((await both.query(`SELECT * FROM ${tried}`)).body.data.rows).toHaveLength(2)
  })

  test('the index of a table that is gone gives no more away than one that never was', async () => {
    await admin.query("CREATE VIRTUAL TABLE orphan USING fts5(a, c = 'gone')")
    const db = as(await mint({ tableScope: ['orphan'] }))
    expect((await db.query('SELECT * FROM orphan')).body.error).toBe('Token scope does not include table "gone"')
  })
})

describe('lists', () => {
  test.each(['/tables', '/schema', '/describe', '/describe?format=compact', '/search?q=hidden', '/doctor'])(
    '%s',
    async (path) => {
      const { status, body } = await as(token).request(path)
      expect(status).toBe(200)
      expect(JSON.stringify(body)).not.toMatch(/secret|hidden_column|classified|"vs"|seen|nested|vocab|over_view/)
    },
  )

  test('of an admin have all of it, and count what can be counted', async () => {
    const { status, body } = await admin.request('/tables')
    expect(status).toBe(200)
    const counts = Object.fromEntries(
      body.data.map(({ name, rowCount }: { name: string; rowCount: number | null }) => [name, rowCount]),
    )
    expect(counts).toMatchObject({ secret: 2, seen: 2, t: 0, orphan: null })
  })
})
