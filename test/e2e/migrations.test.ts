import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>
let db: ReturnType<TestPlatform['database']>
let number = 0

beforeAll(async () => {
  platform = await startPlatform()
  acme = await platform.createNamespace('acme')
})
afterAll(() => platform.stop())

/** A database of its own for a test. */
async function fresh() {
  db = await acme.make()
  return db
}

const post = (sql: string, name = `m ${++number}`) => db.request('/migrations', { body: { name, sql } })
async function draft(sql: string, name?: string): Promise<string> {
  const { status, body } = await post(sql, name)
  expect([status, body.error]).toEqual([200, undefined])
  return body.data.id
}
const apply = (id: string) => db.request(`/migrations/${id}/apply`, { body: {} })
const attempt = (id: string) => db.request(`/migrations/${id}/try`, { body: {} })
const list = async (query = '') => (await db.request(`/migrations${query}`)).body.data
const rows = async (sql: string) => (await db.query(sql)).body.data.rows
const objects = () =>
  rows("SELECT name FROM sqlite_master WHERE name NOT GLOB '_persql_*' AND name NOT GLOB '_cf_*' ORDER BY name")
const state = async () => [await objects(), await list(), (await db.request('/schema_changes')).body.data]

describe('a migration', () => {
  test('is a draft until it is applied, then it stays as it is', async () => {
    await fresh()
    const sql =
      'CREATE TABLE t (id INTEGER PRIMARY KEY, a);\nINSERT INTO t (a) VALUES (1), (2);\nCREATE INDEX i ON t (a)'
    const made = (await post(sql, 'First')).body.data
    expect(made).toEqual({
      id: 'mig_1',
      name: 'First',
      sql,
      checksum: createHash('sha256').update(sql).digest('hex'),
      statements: 3,
      createdAt: expect.stringMatching(/^2\d{3}-.*Z$/),
      updatedAt: made.createdAt,
      appliedAt: null,
      appliedBy: null,
      durationMs: null,
      bookmark: null,
    })
    expect(await objects()).toEqual([])

    const changed = `${sql}; INSERT INTO t (a) VALUES (3)`
    const patched = await db.request('/migrations/mig_1', { method: 'PATCH', body: { sql: changed, name: ' Tables ' } })
    expect(patched.body.data).toMatchObject({ id: 'mig_1', name: 'Tables', sql: changed, statements: 4 })
    const applied = await apply('mig_1')
    expect(applied.body.data).toMatchObject({
      appliedAt: expect.any(String),
      appliedBy: `token:${acme.tokenId}`,
      durationMs: expect.any(Number),
      bookmark: null,
      checksum: createHash('sha256').update(changed).digest('hex'),
    })
    expect(await rows('SELECT a FROM t')).toEqual([[1], [2], [3]])
    expect(await list()).toEqual([applied.body.data])

    for (const answer of [
      await db.request('/migrations/mig_1', { method: 'PATCH', body: { name: 'Other' } }),
      await db.request('/migrations/mig_1', { method: 'DELETE' }),
      await apply('mig_1'),
      await attempt('mig_1'),
      await post('SELECT 1', 'Tables'),
    ]) {
      expect([answer.status, answer.body.code]).toEqual([409, 'migration_applied'])
    }
    expect(await list()).toEqual([applied.body.data])
  })

  test('has a name of its own, and who takes it twice learns which one has it', async () => {
    await fresh()
    const one = (await post('SELECT 1', 'one')).body.data
    const again = await post('SELECT 2', 'one')
    expect([again.status, again.body]).toMatchObject([
      409,
      { code: 'migration_exists', id: one.id, checksum: one.checksum },
    ])
    const two = await draft('SELECT 2', 'two')
    const renamed = await db.request(`/migrations/${two}`, { method: 'PATCH', body: { name: 'one' } })
    expect(renamed.body.code).toBe('migration_exists')
    await apply(one.id)
    const late = await post('SELECT 1', 'one')
    expect(late.body).toMatchObject({
      code: 'migration_applied',
      checksum: one.checksum,
      appliedAt: expect.any(String),
    })

    expect((await db.request(`/migrations/${two}`, { method: 'DELETE' })).body.data).toEqual({ deleted: true })
    expect(await draft('SELECT 3', 'two')).toBe('mig_3')
    expect((await db.request(`/migrations/${two}`, { method: 'DELETE' })).body.code).toBe('migration_not_found')
    for (const id of ['mig_99', 'mig_0', 'mig_', 'x', '1', '%00', 'mig_1 ', '..%2F1']) {
      expect((await apply(id)).status, id).toBe(404)
    }
  })

  test('comes newest first, page by page', async () => {
    await fresh()
    for (let i = 1; i <= 12; i++) await draft(`SELECT ${i}`)
    const ids = (page: { id: string }[]) => page.map(({ id }) => id)
    expect(ids(await list()).slice(0, 3)).toEqual(['mig_12', 'mig_11', 'mig_10'])
    expect(ids(await list('?limit=2'))).toEqual(['mig_12', 'mig_11'])
    expect(ids(await list('?limit=2&before=mig_11'))).toEqual(['mig_10', 'mig_9'])
    expect(ids(await list('?before=mig_2'))).toEqual(['mig_1'])
    expect(await list('?before=mig_1')).toEqual([])
    expect((await db.request('/migrations?limit=101')).body.code).toBe('invalid_input')
    expect((await db.request('/migrations?before=x')).body.code).toBe('migration_not_found')
  })

  test.each([
    ['', 'SELECT 1', 'invalid_input'],
    ['   ', 'SELECT 1', 'invalid_input'],
    ['n'.repeat(81), 'SELECT 1', 'invalid_input'],
    ['\ud800', 'SELECT 1', 'invalid_input'],
    ['a', '', 'invalid_input'],
    ['a', '-- nothing', 'empty_statement'],
    ['a', `SELECT '${'x'.repeat(50_000)}'`, 'invalid_input'],
    ['a', "SELECT '\ud800'", 'invalid_input'],
    ['a', 'SELECT 1; CREAT TABLE t (a)', 'sql_error'],
    ['a', 'CREATE TABLE t (a); INSERT INTO t VALUES (?)', 'statement_not_allowed'],
    ['a', "SELECT 'open", 'sql_error'],
    ['a', "SELECT 1; ATTACH 'x' AS y", 'statement_not_allowed'],
    ['a', 'SELECT 1; BEGIN; SELECT 2', 'statement_not_allowed'],
    ['a', 'PRAGMA foreign_keys=OFF; PRAGMA foreign_keys=ON', 'empty_statement'],
    ['a', 'SELECT 1; VACUUM', 'statement_not_allowed'],
  ])('%#: a name or script that cannot be is not taken', async (name, sql, code) => {
    db = acme.db('refusals')
    const { status, body } = await post(sql, name)
    expect([status, body.code]).toEqual([400, code])
    expect(await list()).toEqual([])
  })

  test('is refused with the statement that cannot be', async () => {
    await fresh()
    const { body } = await post('-- a\nSELECT 1;\n\nSELECT\n  FROM;\n')
    expect(body).toMatchObject({
      code: 'sql_error',
      errorDetail: { kind: 'syntax_error' },
      failedStatement: { number: 2, line: 4, text: 'SELECT' },
    })
    const hint = await post('SELECT 1; COMMIT; SELECT 2')
    expect(hint.body.error).toBe(
      "COMMIT isn't supported. Migrations already run in one transaction. Remove this statement.",
    )
  })
})

describe('applying', () => {
  test('runs triggers with semicolons, comments, quotes and any script, and a transaction around it all', async () => {
    await fresh()
    const sql = `-- made by a tool; BEGIN;
BEGIN TRANSACTION;
CREATE TABLE "größe; ""x""" (id INTEGER PRIMARY KEY, "日本" TEXT DEFAULT 'a;b'); /* ; END; */
;;
CREATE TABLE log (what TEXT);
CREATE TRIGGER tr AFTER INSERT ON "größe; ""x""" WHEN new.id > 0
BEGIN
  INSERT INTO log VALUES (CASE WHEN new.id = 1 THEN 'one;' ELSE 'it''s -- no comment' END); -- END;
  DELETE FROM log WHERE what = ';END;';
END;
INSERT INTO [größe; "x"] ("日本") VALUES ('🙂; --'), ('/* */');
COMMIT; -- done;
`
    expect((await apply(await draft(sql))).body).toMatchObject({ success: true, data: { statements: 4 } })
    expect(await rows('SELECT what FROM log')).toEqual([['one;'], ["it's -- no comment"]])
    expect(await rows('SELECT "日本" FROM "größe; ""x"""')).toEqual([['🙂; --'], ['/* */']])
  })

  test('rolls back a migration that fails in the middle, reports the statement, and accepts the corrected one', async () => {
    await fresh()
    await db.query('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE)')
    await db.query("INSERT INTO t VALUES (1, 'x')")
    const before = await state()
    const sql =
      "DROP TABLE IF EXISTS absent;\nCREATE TABLE u (a);\nINSERT INTO u VALUES (1);\n\nINSERT INTO t\nVALUES (2, 'x');\nCREATE TABLE v (a)"
    const id = await draft(sql, 'twice')
    const { status, body } = await apply(id)
    expect([status, body]).toMatchObject([
      400,
      {
        code: 'sql_error',
        error: 'UNIQUE constraint failed: t.a',
        errorDetail: { kind: 'unique_violation', table: 't', column: 'a' },
        failedStatement: { number: 4, line: 5, text: 'INSERT INTO t' },
      },
    ])
    const [after, [known], changes] = await state()
    expect([after, changes]).toEqual([before[0], before[2]])
    expect(known).toMatchObject({
      appliedAt: null,
      error: {
        code: 'sql_error',
        errorDetail: { kind: 'unique_violation' },
        failedStatement: { number: 4 },
        at: expect.any(String),
      },
    })
    expect(await rows('SELECT * FROM t')).toEqual([[1, 'x']])

    // Cached schemas and rowids were rolled back too.
    expect((await db.query('SELECT * FROM u')).body.code).toBe('sql_error')
    const fixed = { method: 'PATCH', body: { sql: sql.replace("'x'", "'y'") } }
    expect((await db.request(`/migrations/${id}`, fixed)).body.data.error).toBeUndefined()
    expect((await apply(id)).body.data.error).toBeUndefined()
    expect(await rows('SELECT count(*) FROM t, u')).toEqual([[2]])
  })

  test('can rebuild a referenced table, and fails if rows lose their parent', async () => {
    await fresh()
    await db.batch([
      { sql: 'CREATE TABLE p (id INTEGER PRIMARY KEY, a)' },
      { sql: 'CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p)' },
      { sql: 'INSERT INTO p VALUES (1, 1), (2, 2)' },
      { sql: 'INSERT INTO c VALUES (1, 1), (2, 2)' },
    ])
    const rebuild = (where: string) =>
      `PRAGMA defer_foreign_keys = ON;
       CREATE TABLE aside AS SELECT * FROM p;
       DROP TABLE p;
       CREATE TABLE p (id INTEGER PRIMARY KEY, a TEXT NOT NULL);
       INSERT INTO p SELECT id, a FROM aside ${where};
       DROP TABLE aside`
    const before = await objects()
    const bad = await draft(rebuild('WHERE id = 1'))
    const orphans = { code: 'sql_error', errorDetail: { kind: 'fk_violation', table: 'c' } }
    expect((await attempt(bad)).body.data).toMatchObject({ ok: false, error: orphans })
    expect((await apply(bad)).body).toMatchObject(orphans)
    expect(await objects()).toEqual(before)
    expect((await list())[0]).toMatchObject({ appliedAt: null, error: orphans })

    // SQLite goes on counting the rows of the dropped table as missed, so the commit would fail.
    const renaming = await draft(
      `PRAGMA defer_foreign_keys = ON;
       CREATE TABLE p2 (id INTEGER PRIMARY KEY, a TEXT NOT NULL);
       INSERT INTO p2 SELECT id, a FROM p;
       DROP TABLE p;
       ALTER TABLE p2 RENAME TO p`,
    )
    expect((await apply(renaming)).body).toMatchObject({ ...orphans, failedStatement: { number: 5 } })
    expect(await objects()).toEqual(before)

    expect((await apply(await draft(rebuild('')))).status).toBe(200)
    expect(await rows('SELECT typeof(a) FROM p')).toEqual([['text'], ['text']])
    expect((await db.query('INSERT INTO c VALUES (3, 9)')).body.errorDetail.kind).toBe('fk_violation')
  })

  test('happens once with concurrent calls', async () => {
    await fresh()
    const id = await draft('CREATE TABLE once (n); INSERT INTO once VALUES (1)')
    const answers = await Promise.all(Array.from({ length: 16 }, () => apply(id)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(15).fill(409)])
    expect(new Set(answers.map(({ body }) => body.code))).toEqual(new Set([undefined, 'migration_applied']))
    expect(await rows('SELECT count(*) FROM once')).toEqual([[1]])
  })

  test('is replayed for a retry with the same key', async () => {
    await fresh()
    const id = await draft('CREATE TABLE once (n)')
    const send = () => db.request(`/migrations/${id}/apply`, { body: {}, headers: { 'Idempotency-Key': 'k' } })
    const [first, second] = [await send(), await send()]
    expect(second.body).toEqual(first.body)
    expect(second.headers.get('Idempotency-Replayed')).toBe('true')
  })

  test('reaches no table of PerSQL, and no schema trick does', async () => {
    await fresh()
    for (const last of [
      'DELETE FROM _persql_query_log',
      'DROP TABLE _persql_query_log',
      'CREATE TABLE _persql_mine (a)',
      'ALTER TABLE t RENAME TO _persql_t',
      'CREATE TABLE x (a REFERENCES _persql_query_log(id))',
      'INSERT INTO _cf_KV VALUES (1, 2)',
      "UPDATE sqlite_master SET sql = 'x'",
    ]) {
      const before = await objects()
      const { body } = await post(`CREATE TABLE t (a); ${last}`)
      const answer = body.success ? await apply(body.data.id) : { body }
      expect([last, answer.body.success]).toEqual([last, false])
      expect(await objects()).toEqual(before)
    }
    expect((await rows('SELECT count(*) FROM _persql_query_log'))[0][0]).toBeGreaterThan(5)
  })

  test('is all-or-nothing and runs once if the process is killed', async () => {
    await fresh()
    const script = (name: string) =>
      Array.from({ length: 60 }, (_, i) => `CREATE TABLE ${name}_${i} (a); INSERT INTO ${name}_${i} VALUES (1)`).join(
        ';',
      )
    const started = performance.now()
    await apply(await draft(script('whole')))
    const tookMs = performance.now() - started
    const seen = new Set<boolean>()
    for (const part of [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1, 1.1, Number.POSITIVE_INFINITY]) {
      const name = `r${++number}`
      const id = await draft(script(name))
      const sent = apply(id).catch((): undefined => undefined)
      await (part === Number.POSITIVE_INFINITY ? sent : sleep(part * tookMs))
      await platform.kill()
      const answer: Answer | undefined = await sent
      await platform.restart()
      const done = (await list('?limit=1'))[0].appliedAt !== null
      seen.add(done)
      const there = (await rows(`SELECT count(*) FROM sqlite_master WHERE name GLOB '${name}_*'`))[0][0]
      const changes = (await db.request('/schema_changes?limit=500')).body.data
      const recorded = changes.filter(({ migrationId }: { migrationId: string }) => migrationId === id)
      expect([there, recorded.length]).toEqual(done ? [60, 60] : [0, 0])
      if (answer?.status === 200) expect(done).toBe(true)
      expect((await apply(id)).status).toBe(done ? 409 : 200)
      expect((await rows(`SELECT count(*) FROM ${name}_59`))[0][0]).toBe(1)
    }
    expect(seen).toEqual(new Set([true, false]))
  })

  test('keeps a bookmark of the moment before where the platform has them; still once', async () => {
    const elsewhere = await startPlatform({ environment: { PERSQL_RUNTIME: 'cloudflare' } })
    try {
      db = (await elsewhere.createNamespace('acme')).db()
      const id = await draft('CREATE TABLE once (n)')
      const answers = await Promise.all(Array.from({ length: 16 }, () => apply(id)))
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(15).fill(409)])
      const [{ bookmark, appliedBy }] = await list()
      expect([bookmark, appliedBy]).toEqual([
        expect.stringMatching(/^[0-9a-f-]{20,}$/),
        expect.stringMatching(/^token:/),
      ])
      const changes = (await db.request('/schema_changes')).body.data
      expect(changes).toMatchObject([{ migrationId: id, actor: appliedBy }])
    } finally {
      await elsewhere.stop()
    }
  })
})

describe('trying', () => {
  test('reports the effect of each statement and the schema changes, and changes nothing', async () => {
    await fresh()
    await db.batch([
      { sql: 'CREATE TABLE t (a)' },
      { sql: 'CREATE TABLE gone (a)' },
      { sql: 'INSERT INTO t VALUES (1), (2)' },
    ])
    const id = await draft(
      'ALTER TABLE t ADD COLUMN b;\nUPDATE t\n  SET b = a;\nDROP TABLE gone;\nCREATE VIEW v AS SELECT b FROM t',
    )
    const before = await state()
    const { body } = await attempt(id)
    expect(body.data).toMatchObject({
      ok: true,
      statements: [
        { number: 1, line: 1, text: 'ALTER TABLE t ADD COLUMN b' },
        { number: 2, line: 2, text: 'UPDATE t', rowsRead: 2, rowsWritten: 2 },
        { number: 3, line: 4, text: 'DROP TABLE gone' },
        { number: 4, line: 5 },
      ],
      schema: {
        added: [{ type: 'view', name: 'v' }],
        removed: [{ type: 'table', name: 'gone' }],
        changed: [{ type: 'table', name: 't' }],
      },
    })
    expect(await state()).toEqual(before)
    expect((await db.query('SELECT b FROM t')).body.errorDetail.kind).toBe('unknown_column')
    expect((await db.query('INSERT INTO t VALUES (3)')).status).toBe(200)
    expect((await apply(id)).status).toBe(200)
  })

  test('reports the statement that would fail', async () => {
    await fresh()
    const id = await draft('CREATE TABLE t (a);\nSELECT absent FROM t;\nCREATE TABLE u (a)')
    const before = await state()
    const { status, body } = await attempt(id)
    expect(status).toBe(200)
    expect(body.data).toMatchObject({
      ok: false,
      statements: [
        { number: 1 },
        {
          number: 2,
          line: 2,
          error: { code: 'sql_error', errorDetail: { kind: 'unknown_column', column: 'absent' } },
        },
      ],
      schema: { added: [{ type: 'table', name: 't' }], removed: [], changed: [] },
    })
    expect(await state()).toEqual(before)
  })

  test('is charged for the rows, because they were written', async () => {
    await fresh()
    await db.query('CREATE TABLE t (a)')
    const written = async () =>
      (await platform.request('/v1/usage', { token: acme.token })).body.data.databases.find(
        ({ slug }: { slug: string }) => db.path.endsWith(slug),
      ).rowsWritten
    const before = await written()
    const { body } = await attempt(await draft('INSERT INTO t VALUES (1), (2), (3)'))
    expect(body.data.statements[0].rowsWritten).toBe(3)
    expect((await written()) - before).toBe(3)
    expect(await rows('SELECT count(*) FROM t')).toEqual([[0]])
  })
})

test('a token with a table scope sees and does nothing of this', async () => {
  const admin = await fresh()
  const id = await draft('SELECT 1')
  const request = { name: 'x', role: 'admin', tableScope: ['t'] }
  const { body } = await platform.request('/v1/tokens', { token: acme.token, body: request })
  const slug = admin.path.split('/').at(-1) as string
  db = platform.database('acme', slug, body.data.token)
  for (const answer of [await db.request('/migrations'), await post('SELECT 2'), await apply(id), await attempt(id)]) {
    expect([answer.status, answer.body.code]).toEqual([403, 'not_for_scoped_token'])
  }
})

test('what is done to migrations is in the audit log of the namespace, once', async () => {
  const owner = await platform.signUp('ada@example.com')
  const base = '/api/namespaces/ada'
  const path = `${base}/databases/main/migrations`
  const made = await owner.request(path, { body: { name: 'one', sql: `SELECT '${'x'.repeat(40_000)}'` } })
  const { id } = made.body.data
  await owner.request(`${path}/${id}`, { method: 'PATCH', body: { name: 'two' } })
  const applied = await owner.request(`${path}/${id}/apply`, { body: {} })
  expect(applied.body.data.appliedBy).toBe(`user:${owner.userId}`)
  const entries = async () =>
    (await owner.request(`${base}/audit`)).body.data.filter(({ target }: { target: string }) => target === `main/${id}`)
  while ((await entries()).length < 3) await sleep(20)
  expect((await entries()).map(({ action }: { action: string }) => action)).toEqual([
    'migration.applied',
    'migration.updated',
    'migration.created',
  ])
})
