import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

/** SQLite compiles triggers, views and virtual tables when they are used, so it accepts those that never can be. */

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
let db: ReturnType<SharedPlatform['database']>
let serial = 0

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
  db = await acme.make('CREATE TABLE t (a)', 'CREATE VIEW v AS SELECT a FROM t')
})
afterAll(() => platform.stop())

const trigger = (body: string, when = '') => `CREATE TRIGGER g AFTER INSERT ON t ${when} BEGIN ${body}; END`

const REFUSED = [
  trigger('DELETE FROM _persql_query_log'),
  trigger('INSERT INTO t VALUES (1); UPDATE _persql_query_log SET sql = 1'),
  trigger('INSERT INTO "_PerSQL_query_log" (ts) SELECT 1'),
  trigger('REPLACE INTO [_persql_new] VALUES (1)'),
  trigger('INSERT INTO _persql_meta_query_log (ts) VALUES (1)'),
  trigger('UPDATE OR IGNORE _persql_deferred_keys SET parent = 1'),
  trigger('INSERT INTO absent SELECT * FROM _persql_base_1'),
  trigger('SELECT key FROM _cf_KV'),
  trigger('SELECT 1', 'WHEN EXISTS (SELECT 1 FROM _cf_METADATA)'),
  trigger('DELETE FROM _cf_KV'),
  trigger("UPDATE sqlite_schema SET sql = ''"),
  trigger('DELETE FROM sqlite_master'),
  'CREATE TRIGGER IF NOT EXISTS main.g INSTEAD OF UPDATE OF a ON v BEGIN DELETE FROM _persql_query_log; END',
  'CREATE VIEW n AS SELECT * FROM _cf_KV',
  'CREATE VIEW IF NOT EXISTS n (a) AS SELECT 1 WHERE 1 IN main._cf_KV',
  'CREATE VIEW n AS SELECT 1 FROM t JOIN "_CF_kv"',
  'CREATE VIEW n AS WITH q AS (SELECT * FROM _persql_base_1) SELECT * FROM q',
  "CREATE VIEW n AS SELECT * FROM pragma_table_info('_cf_KV')",
  "CREATE VIRTUAL TABLE n USING fts5(key, c='_cf_KV')",
  'CREATE VIRTUAL TABLE n USING fts5(id, content = _persql_base_1)',
]

const ACCEPTED = [
  'CREATE VIEW {} AS SELECT ts, sql FROM _persql_query_log',
  'CREATE VIEW {} AS SELECT * FROM _persql_meta_query_log',
  "CREATE VIEW {} AS SELECT name FROM sqlite_master WHERE name NOT LIKE '_cf_%'",
  'CREATE VIEW {} AS SELECT 1 AS _cf_KV, 2 AS _persql_base_1',
  'CREATE TRIGGER {} AFTER INSERT ON t BEGIN INSERT INTO log SELECT count(*) FROM _persql_query_log; END',
  "CREATE TRIGGER {} AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('DELETE FROM _persql_query_log'); END",
  'CREATE TRIGGER {} AFTER DELETE ON t BEGIN INSERT INTO to_come VALUES (1); END',
  "CREATE TABLE {} (a DEFAULT '_cf_KV', b CHECK (b <> '_persql_x'))",
]

const readSchema = async (at: typeof db) =>
  (await at.query("SELECT name FROM sqlite_master WHERE name GLOB '[a-z]*' ORDER BY name")).body.data.rows

describe('what could never run is refused when it is created', () => {
  const doors: Record<string, (sql: string) => Promise<{ status: number; body: Record<string, unknown> }>> = {
    query: (sql) => db.query(sql),
    batch: (sql) => db.batch([{ sql: 'SELECT 1' }, { sql }]),
    'batch as one transaction': (sql) => db.batch([{ sql }], { transaction: true }),
    propose: (sql) => db.request('/propose', { body: { sql } }),
    'a migration': async (sql) => {
      const draft = await db.request('/migrations', { body: { name: `m${++serial}`, sql } })
      if (draft.status >= 300) return draft
      return db.request(`/migrations/${draft.body.data.id}/apply`, { body: {} })
    },
    'an import': (sql) =>
      db.request('/import', { method: 'POST', body: `${sql};\n`, headers: { 'content-type': 'application/sql' } }),
  }
  test.each(Object.keys(doors))('%s', async (door) => {
    const before = await readSchema(db)
    for (const sql of REFUSED) {
      const { status, body } = await (doors[door] as (typeof doors)[string])(sql)
      expect([sql, status === 400 || status === 403], JSON.stringify(body)).toEqual([sql, true])
      expect(JSON.stringify(body)).toMatch(/is a system table|A trigger that writes to \\"sqlite_/)
    }
    expect(await readSchema(db)).toEqual(before)
    expect((await db.query('INSERT INTO t VALUES (1)')).status).toBe(200)
  })
})

test.each(ACCEPTED)('what can run, or may one day, is created: %s', async (form) => {
  const at = await acme.make('CREATE TABLE t (a)', 'CREATE TABLE log (a)')
  const { body } = await at.query(form.replace('{}', 'n'))
  expect(body.error).toBeUndefined()
  expect((await at.query('INSERT INTO t VALUES (1)')).body.error).toBeUndefined()
  if (form.startsWith('CREATE VIEW')) expect((await at.query('SELECT * FROM n')).body.error).toBeUndefined()
})
