import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { corpus, refused, schema } from './guard-corpus.ts'

const ns = uniqueName('acme')

type Database = ReturnType<SharedPlatform['database']>

let platform: SharedPlatform
let admin: Database
let mint: (request: object) => Promise<Database>

beforeAll(async () => {
  platform = await sharedPlatform()
  const acme = await platform.createNamespace(ns)
  admin = acme.db()
  const made = await admin.batch(schema.map((sql) => ({ sql })))
  expect(made.body.error).toBeUndefined()
  mint = async (request) => {
    const { body } = await platform.request('/v1/tokens', { token: acme.token, body: { name: 'x', ...request } })
    return platform.database(ns, 'main', body.data.token)
  }
})
afterAll(() => platform.stop())

const paramsFor = (sql: string) => (sql.includes('?') ? ['x'] : [])
const fingerprint = async () =>
  (
    await admin.query(
      "SELECT group_concat(name || coalesce(sql, '')) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'",
    )
  ).body.data.rows

describe('the guard reads off SQLite’s own program what a statement does', () => {
  test.each(corpus)('$sql', async ({ sql, kind, reads, writes = [] }) => {
    const { body } = await admin.request('/explain', { body: { sql, params: paramsFor(sql) } })
    expect(body.error).toBeUndefined()
    expect(body.data.kind).toBe(kind)
    expect(body.data.writes).toEqual(expect.arrayContaining([...writes]))
    if (kind === 'schema') return
    expect(new Set(body.data.writes)).toEqual(new Set(writes))
    // A write also reads what it writes.
    const others = body.data.reads.filter((table: string) => !writes.includes(table))
    expect(new Set(others)).toEqual(new Set(reads?.filter((table) => !writes.includes(table))))
  })
})

describe('rejects disallowed statements of every caller', () => {
  test.each(refused)('%j: %s', async (sql, code) => {
    const before = await fingerprint()
    const { body } = await admin.query(sql, paramsFor(sql))
    expect(body).toMatchObject({ success: false, code })
    expect(await fingerprint()).toEqual(before)
  })
})

describe('a role', () => {
  test('readonly runs every read of the corpus and nothing else', async () => {
    const readonly = await mint({ role: 'readonly' })
    for (const { sql, kind } of corpus) {
      const { body } = await readonly.query(sql, paramsFor(sql))
      expect([sql, body.code]).toEqual([sql, kind === 'read' ? undefined : 'role_insufficient'])
    }
  })

  test('readwrite changes rows but not the schema', async () => {
    const readwrite = await mint({ role: 'readwrite' })
    for (const { sql, kind } of corpus) {
      if (kind === 'schema') {
        const { body } = await readwrite.query(sql)
        expect([sql, body.code]).toEqual([sql, 'role_insufficient'])
      }
    }
    for (const sql of ['REINDEX', 'ANALYZE', 'PRAGMA optimize', 'PRAGMA quick_check']) {
      expect([sql, (await readwrite.query(sql)).body.code]).toEqual([sql, 'role_insufficient'])
    }
    expect((await readwrite.query('INSERT INTO log VALUES (1)')).status).toBe(200)
  })
})

describe('a table scope', () => {
  test('prevents all access of the corpus to a table outside it, also indirect access', async () => {
    const scope = ['t', 'log', 'u', 'v', 'vs', 'iv', 's', 'f', 'fx', 'r', 'w', 'g', 'c', 'p', 'seq', 'odd "name']
    const allowed = new Set(scope)
    const scoped = await mint({ role: 'admin', tableScope: scope })
    for (const { sql, kind, reads = [], writes = [] } of corpus) {
      const implied = sql.startsWith('INSERT INTO seq') ? ['sqlite_sequence'] : []
      const outside = [...reads, ...writes].filter((table) => !allowed.has(table) && !implied.includes(table))
      const { body } = await scoped.request('/explain', { body: { sql, params: paramsFor(sql) } })
      const expected = kind === 'schema' || outside.length > 0 ? 'table_out_of_scope' : undefined
      expect([sql, body.code]).toEqual([sql, expected])
    }
  })

  test('names the table it misses', async () => {
    const scoped = await mint({ tableScope: ['T'] })
    expect((await scoped.query('SELECT a FROM t')).status).toBe(200)
    const { status, body } = await scoped.query('SELECT * FROM vs')
    expect(status).toBe(403)
    expect(body.error).toBe('Token scope does not include table "secret"')
    const tables = await scoped.request('/tables')
    expect(tables.body.data.map(({ name }: { name: string }) => name)).toEqual(['t'])
    const seen = JSON.stringify((await scoped.request('/schema')).body)
    expect(seen).not.toContain('secret')
  })

  test('does not let a write reach beyond it by trigger', async () => {
    const scoped = await mint({ role: 'readwrite', tableScope: ['t', 's'] })
    expect((await scoped.query('INSERT INTO t (a) VALUES (1)')).body.error).toBe(
      'Token scope does not include table "log"',
    )
    expect((await scoped.query('UPDATE s SET n = 1')).body.error).toBe('Token scope does not include table "secret"')
  })
})

test('a namespace sees nothing of another', async () => {
  const other = await platform.createNamespace(uniqueName('other'))
  const { status, body } = await platform.database(ns, 'main', other.token).query('SELECT 1')
  expect(status).toBe(403)
  expect(body.error).toBe('Token namespace mismatch')
})
