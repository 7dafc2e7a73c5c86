import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

/** SQLite applies the settings of a PRAGMA while it compiles it, so what counts is what holds afterwards. */

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>
let viewer: Awaited<ReturnType<TestPlatform['signUp']>>
const tokens: Record<string, string> = {}
let serial = 0

const SCHEMA = [
  'CREATE TABLE parent (id INTEGER PRIMARY KEY)',
  'CREATE TABLE child (p INTEGER REFERENCES parent (id))',
  'CREATE TABLE checked (n CHECK (n > 0))',
  'CREATE TABLE tree (n)',
  'CREATE TRIGGER grow AFTER INSERT ON tree WHEN new.n < 3 BEGIN INSERT INTO tree VALUES (new.n + 1); END',
  'CREATE TABLE ordered (n)',
  'INSERT INTO ordered VALUES (1), (2), (3)',
]

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  acme = await platform.createNamespace('acme')
  for (const role of ['admin', 'readwrite', 'readonly']) {
    const { body } = await platform.request('/v1/tokens', { token: acme.token, body: { name: role, role } })
    tokens[role] = body.data.token
  }
  const owner = await platform.signUp('owner@example.com')
  viewer = await platform.signUp('viewer@example.com')
  const invitation = await owner.request('/api/namespaces/owner/invitations', {
    body: { email: 'viewer@example.com', role: 'viewer' },
  })
  const accepted = await viewer.request(`/api/invitations/${invitation.body.data.link.split('/').at(-1)}/accept`, {
    body: {},
  })
  expect(accepted.status).toBe(200)
  for (const sql of SCHEMA) {
    const { status, body } = await owner.request('/api/namespaces/owner/databases/main/query', { body: { sql } })
    expect(status, JSON.stringify(body)).toBe(200)
  }
})
afterAll(() => platform.stop())

type Send = (sql: string) => Promise<{ status: number; body: Record<string, unknown> }>

/** Every flag of a connection that SQLite has, with the values that are not those that hold. */
const FLAGS: Record<string, string[]> = {
  foreign_keys: ['0', 'OFF', 'false', 'no', "'off'", '"0"', '-0', 'banana'],
  ignore_check_constraints: ['1', 'ON', 'true', 'yes', '2', '-1'],
  case_sensitive_like: ['1', 'on', 'TRUE'],
  recursive_triggers: ['1', 'on', "'yes'"],
  reverse_unordered_selects: ['1', 'ON'],
  legacy_alter_table: ['1', 'ON'],
  defer_foreign_keys: ['1', 'ON', '+1'],
  writable_schema: ['1', 'ON'],
  query_only: ['1'],
  read_uncommitted: ['1'],
  trusted_schema: ['0'],
  automatic_index: ['0'],
  short_column_names: ['0'],
  full_column_names: ['1'],
  count_changes: ['1'],
  empty_result_callbacks: ['1'],
  secure_delete: ['1', 'fast'],
  auto_vacuum: ['1', 'full', 'incremental'],
  locking_mode: ['exclusive'],
  journal_mode: ['delete', 'off', 'memory'],
  encoding: ["'UTF-16'"],
  page_size: ['512'],
  user_version: ['7'],
  application_id: ['7'],
  schema_version: ['7'],
  max_page_count: ['1'],
  vdbe_trace: ['1'],
  parser_trace: ['1'],
}

/** Ways to write the same. The comment makes each a text that was not seen before. */
const SPELLINGS: ((flag: string, value: string) => string)[] = [
  (flag, value) => `PRAGMA ${flag} = ${value}`,
  (flag, value) => `pragma ${flag}(${value})`,
  (flag, value) => `/* x */ PrAgMa main."${flag.toUpperCase()}"=${value} ;`,
  (flag, value) => `\uFEFF;;PRAGMA [${flag}] /**/ = -- y\n ${value}`,
  (flag, value) => `EXPLAIN PRAGMA ${flag} = ${value}`,
  (flag, value) => `EXPLAIN QUERY PLAN PRAGMA ${flag} = ${value}`,
  (flag, value) => `PRAGMA temp.${flag} = ${value}`,
]

function doors(db: Awaited<ReturnType<typeof acme.make>>): Record<string, Send> {
  const at = (role: string, path: string): Send => {
    const handle = platform.database('acme', db.slug, tokens[role] as string)
    return (sql) => handle.request(path, { body: path === '/batch' ? { statements: [{ sql }] } : { sql } })
  }
  const mcp =
    (query: string): Send =>
    (sql) =>
      platform.request(`/mcp${query}`, {
        token: tokens.readonly,
        headers: { accept: 'application/json, text/event-stream' },
        body: {
          ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
          params: { name: 'query', arguments: { database: db.slug, sql } },
        },
      })
  const made: Record<string, Send> = {
    'a migration': async (sql) => {
      const draft = await db.request('/migrations', { body: { name: `m${++serial}`, sql: `SELECT 1;\n${sql}` } })
      if (draft.status >= 300) return draft
      await db.request(`/migrations/${draft.body.data.id}/try`, { body: {} })
      return db.request(`/migrations/${draft.body.data.id}/apply`, { body: {} })
    },
    'an endpoint': (sql) =>
      db.request('/endpoints', {
        body: { slug: `e${++serial}`, name: 'E', kind: 'query', method: 'GET', sql, input: [], output: 'rows' },
      }),
    'a schedule': async (sql) => {
      const { status, body } = await db.request('/schedules', {
        body: { name: `s${++serial}`, sql, intervalSec: 3600 },
      })
      return status >= 300 ? { status, body } : db.request(`/schedules/${body.data.id}/run`, { body: {} })
    },
    'an import': (sql) => {
      const form = new FormData()
      form.append('file', new File([`SELECT 1;\n${sql};\n`], 'dump.sql'))
      return db.request('/import', { method: 'POST', body: form })
    },
  }
  return {
    'query as readonly': at('readonly', '/query'),
    'query as admin': at('admin', '/query'),
    'batch as readwrite': at('readwrite', '/batch'),
    'explain as readonly': at('readonly', '/explain'),
    'validate as readonly': at('readonly', '/validate'),
    'propose as readwrite': at('readwrite', '/propose'),
    'MCP, readonly': mcp('?readonly=1'),
    ...made,
  }
}

/** PRAGMAs that the runtime passes to SQLite are tested in every spelling, others in one. */
const REACHABLE = Object.keys(FLAGS).slice(0, 7)

test.each([
  'query as readonly',
  'query as admin',
  'batch as readwrite',
  'explain as readonly',
  'validate as readonly',
  'propose as readwrite',
  'MCP, readonly',
  'a migration',
  'an endpoint',
  'a schedule',
  'an import',
])('no PRAGMA changes a setting of the database: %s', async (door) => {
  const db = await acme.make(...SCHEMA)
  const send = doors(db)[door] as Send
  const holds = await effects((sql) => db.query(sql))
  for (const [flag, values] of Object.entries(FLAGS)) {
    const spellings = REACHABLE.includes(flag)
      ? SPELLINGS
      : [SPELLINGS[serial % SPELLINGS.length] as (typeof SPELLINGS)[0]]
    for (const spell of spellings) {
      const sql = `${spell(flag, values[serial % values.length] as string)} /* ${++serial} */`
      const { status, body } = await send(sql)
      expect(status, `${sql}: ${JSON.stringify(body)}`).toBeLessThan(500)
    }
    if (REACHABLE.includes(flag)) expect(await effects((sql) => db.query(sql)), flag).toEqual(holds)
  }
  expect(await effects((sql) => db.query(sql))).toEqual(holds)
})

test('no PRAGMA of a viewer in the console changes a setting of the database', async () => {
  const path = '/api/namespaces/owner/databases/main'
  const run: Send = (sql) => viewer.request(`${path}/query`, { body: { sql } })
  for (const [flag, values] of Object.entries(FLAGS)) {
    for (const door of ['query', 'explain', 'validate']) {
      const sql = `PRAGMA ${flag} = ${values[0]} -- ${++serial}`
      const { status } = await viewer.request(`${path}/${door}`, { body: { sql } })
      expect(status, sql).toBeLessThan(500)
    }
  }
  expect((await run("SELECT 'a' LIKE 'A' AS l")).body).toMatchObject({ data: { rows: [[1]] } })
  expect((await run('PRAGMA foreign_keys')).body).toMatchObject({ data: { rows: [[1]] } })
  expect((await run('SELECT * FROM ordered')).body).toMatchObject({ data: { rows: [[1], [2], [3]] } })
})

/** Returns the effects that callers see, with statements that are not cached. */
async function effects(send: Send): Promise<unknown> {
  const fresh = (sql: string) => send(`${sql} -- ${++serial}`)
  const getKind = async (sql: string) => {
    const { body } = await fresh(sql)
    return (body as { errorDetail?: { kind: string } }).errorDetail?.kind ?? body.success
  }
  const rows = async (sql: string) => ((await fresh(sql)).body as { data?: { rows: unknown } }).data?.rows
  const found = {
    keys: await getKind('INSERT INTO child VALUES (404)'),
    checks: await getKind('INSERT INTO checked VALUES (-1)'),
    like: await rows("SELECT 'a' LIKE 'A' AS l"),
    order: await rows('SELECT n FROM ordered'),
    grows: [await getKind('INSERT INTO tree VALUES (1)'), await rows('SELECT count(*) FROM tree')],
    emptied: await getKind('DELETE FROM tree WHERE 1'),
    schema: await getKind("UPDATE sqlite_schema SET sql = '' WHERE 0"),
    names: (await fresh('SELECT parent.id FROM parent')).body,
    set: await Promise.all(
      ['foreign_keys', 'defer_foreign_keys', 'recursive_triggers'].map((name) => rows(`PRAGMA ${name}`)),
    ),
    writes: await getKind('INSERT INTO ordered SELECT 9 WHERE 0'),
  }
  const { data } = found.names as { data: { columns: string[] } }
  await fresh('ALTER TABLE parent RENAME TO renamed')
  const refers = await rows("SELECT sql FROM sqlite_schema WHERE name = 'child'")
  await fresh('ALTER TABLE renamed RENAME TO parent')
  return { ...found, names: data.columns, refers }
}

test.each([
  ['foreign_keys = ON', [], []],
  ['foreign_keys(1)', [], []],
  ['foreign_keys', ['foreign_keys'], [[1]]],
  ['journal_mode = WAL', ['journal_mode'], [['wal']]],
  ['journal_mode', ['journal_mode'], [['wal']]],
  ["encoding = 'UTF-8'", [], []],
  ['encoding', ['encoding'], [['UTF-8']]],
  ['synchronous = NORMAL', [], []],
  ['busy_timeout = 5000', ['timeout'], [[5000]]],
  ['cache_size = -2000', [], []],
  ['temp_store = MEMORY', [], []],
  ['recursive_triggers = OFF', [], []],
  ['case_sensitive_like = OFF', [], []],
  ['user_version', ['user_version'], [[0]]],
  ['defer_foreign_keys = ON', [], []],
  ['defer_foreign_keys = OFF', [], []],
  ['database_list', ['seq', 'name', 'file'], [[0, 'main', '']]],
  [
    'collation_list',
    ['seq', 'name'],
    [
      [0, 'RTRIM'],
      [1, 'NOCASE'],
      [2, 'BINARY'],
    ],
  ],
])('a setting that holds already is accepted: PRAGMA %s', async (pragma, columns, rows) => {
  const { status, body } = await acme.db().query(`PRAGMA ${pragma}`)
  expect(status, JSON.stringify(body)).toBe(200)
  expect(body.data).toMatchObject({ columns, rows, rowsRead: 0, rowsWritten: 0 })
})

test.each([
  ['foreign_keys = OFF', /make PRAGMA foreign_keys=OFF the first statement of a migration, or of a batch/],
  ['journal_mode = DELETE', /always WAL/],
  ['user_version = 3', /table/],
  ['schema_version', /sqlite_schema/],
  ['integrity_check', /quick_check/],
  ['cache_size', /server/],
  ['nothing_of_the_kind', /shared by all callers/],
  ['__proto__', /shared by all callers/],
  ['constructor = 1', /shared by all callers/],
  ['temp.table_info(t)', /"main"/],
])('PRAGMA %s is refused with what to do instead', async (pragma, instead) => {
  const { status, body } = await acme.db().query(`PRAGMA ${pragma}`)
  expect([status, body.code]).toEqual([400, 'statement_not_allowed'])
  expect(body.error).toMatch(instead)
})

test.each([
  '',
  '= 1',
  'foreign_keys =',
  'foreign_keys = 1 2',
  'foreign_keys(1',
  'main.',
  'main.b.c',
  'foreign_keys = ?',
  'x = (1)',
  'x = - y',
])('PRAGMA %s is a syntax error', async (pragma) => {
  const { status, body } = await acme.db().query(`PRAGMA ${pragma}`)
  expect([status, body.errorDetail?.kind], JSON.stringify(body)).toEqual([400, 'syntax_error'])
})
