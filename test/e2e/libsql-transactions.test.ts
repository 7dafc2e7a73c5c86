import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { batch, chain, close, execute, integer, LibsqlClient, stmt, text, transactionSteps } from '../libsql-client.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
let made = 0

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
})
afterAll(() => platform.stop())

/** Returns a new database with a table. */
async function database() {
  const slug = `db-${++made}`
  const db = at(slug)
  await db.run('CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
  return { db, slug }
}

const at = (slug: string, token = acme.token) => new LibsqlClient(`${platform.url}/libsql/${ns}/${slug}/`, token)
const mint = async (fields: object) =>
  (await platform.request('/v1/tokens', { token: acme.token, body: { name: 'x', role: 'admin', ...fields } })).body.data
const count = async (db: LibsqlClient) => (await db.rows('SELECT count(*) FROM t'))[0]?.[0]
/** Opens a transaction as clients do, and returns its baton. */
async function begin(db: LibsqlClient, sql = 'INSERT INTO t (a) VALUES (1)', mode = 'BEGIN IMMEDIATE') {
  const { baton, results } = await db.pipeline([batch(chain(mode, sql))])
  expect(results[0].response.result.step_errors).toEqual([null, null])
  expect(baton).toEqual(expect.any(String))
  return baton as string
}

describe('a transaction over several requests', () => {
  test('commits: others see nothing before', async () => {
    const { db } = await database()
    const first = await begin(db)
    expect(await count(db)).toBe('0')
    const second = await db.pipeline([execute('SELECT a FROM t'), { type: 'get_autocommit' }], first)
    expect(second.results[0].response.result.rows).toEqual([[integer(1)]])
    expect(second.results[1].response.is_autocommit).toBe(false)
    expect(second.baton).not.toBe(first)
    const third = await db.pipeline([execute('COMMIT'), close], second.baton)
    expect(third).toMatchObject({ baton: null, results: [{ type: 'ok' }, { type: 'ok' }] })
    expect(await count(db)).toBe('1')
  })

  test('ends with ROLLBACK, or with the stream', async () => {
    const { db } = await database()
    for (const requests of [[execute('ROLLBACK')], [execute('ROLLBACK'), close], [close]]) {
      const { baton } = await db.pipeline(requests, await begin(db))
      expect(baton).toBeNull()
      expect(await count(db)).toBe('0')
    }
    await db.run('INSERT INTO t (a) VALUES (1)')
  })

  test('goes on after a failed statement', async () => {
    const { db } = await database()
    let baton: string | null = await begin(db, 'INSERT INTO t (id) VALUES (1)')
    for (const sql of ['SELECT * FROM missing', 'INSERT INTO t (id) VALUES (1)', 'BEGIN', 'SELEC']) {
      const { results, baton: next }: Awaited<ReturnType<LibsqlClient['pipeline']>> = await db.pipeline(
        [execute(sql)],
        baton,
      )
      expect(results[0].type, sql).toBe('error')
      baton = next
    }
    await db.pipeline([execute('INSERT INTO t (id) VALUES (2)'), execute('COMMIT'), close], baton)
    expect(await db.rows('SELECT id FROM t ORDER BY id')).toEqual([['1'], ['2']])
  })

  test('has savepoints', async () => {
    const { db } = await database()
    const { baton } = await db.pipeline([batch(chain('SAVEPOINT s', 'INSERT INTO t (id) VALUES (2)'))], await begin(db))
    const undone = await db.pipeline([batch(chain('rollback to savepoint s', 'release savepoint s'))], baton)
    await db.pipeline([execute('INSERT INTO t (id) VALUES (3)'), execute('END')], undone.baton)
    expect(await db.rows('SELECT id FROM t ORDER BY id')).toEqual([['1'], ['3']])
  })

  test('can read, in a cursor too', async () => {
    const { db } = await database()
    const lines = await db.cursor([{ stmt: stmt('SELECT a FROM t') }], await begin(db))
    expect(lines[0].baton).toEqual(expect.any(String))
    expect(lines[2]).toEqual({ type: 'row', row: [integer(1)] })
    const ended = await db.cursor([{ stmt: stmt('COMMIT') }], lines[0].baton)
    expect(ended[0].baton).toBeNull()
    expect(await count(db)).toBe('1')
  })

  test('keeps its stored SQL', async () => {
    const { db } = await database()
    const store = { type: 'store_sql', sql_id: 0, sql: 'INSERT INTO t (a) VALUES (?)' }
    const insert = { type: 'execute', stmt: { sql_id: 0, args: [text('x')] } }
    const first = await db.pipeline([store, execute('BEGIN'), insert])
    const second = await db.pipeline([insert, execute('COMMIT'), { type: 'close_sql', sql_id: 0 }], first.baton)
    expect(second.baton).toBeNull()
    expect(await count(db)).toBe('2')
  })

  test('makes other writers wait, but no readers', async () => {
    const { db } = await database()
    const baton = await begin(db)
    const order: string[] = []
    const other = db.run('INSERT INTO t (a) VALUES (2)').then(() => order.push('other'))
    expect(await count(db)).toBe('0')
    await db.pipeline([execute('COMMIT'), close], baton).then(() => order.push('commit'))
    await other
    expect(order).toEqual(['commit', 'other'])
    expect(await count(db)).toBe('2')
  })

  test('fails if another writer was faster', async () => {
    const { db } = await database()
    const baton = await begin(db, 'SELECT count(*) FROM t', 'BEGIN')
    await db.run('INSERT INTO t (a) VALUES (1)')
    const { results } = await db.pipeline([execute('INSERT INTO t (a) VALUES (2)'), execute('COMMIT'), close], baton)
    expect(results[0]).toMatchObject({ type: 'error', error: { code: 'SQLITE_BUSY' } })
    expect(await count(db)).toBe('1')
  })

  test('counts exactly with 16 clients', async () => {
    const { db } = await database()
    await db.run('INSERT INTO t VALUES (1, 0)')
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        const { baton, results } = await db.pipeline([batch(chain('BEGIN IMMEDIATE', 'SELECT a FROM t'))])
        const [[{ value }]] = results[0].response.result.step_results[1].rows
        const update = execute('UPDATE t SET a = ?', [integer(BigInt(value) + 1n)])
        await db.pipeline([update, execute('COMMIT'), close], baton)
      }),
    )
    expect(await db.rows('SELECT a FROM t')).toEqual([['16']])
  })
})

describe('a baton', () => {
  test('is good once', async () => {
    const { db } = await database()
    const first = await begin(db)
    const { baton } = await db.pipeline([execute('SELECT 1')], first)
    await expect(db.pipeline([execute('SELECT 1')], first)).rejects.toMatchObject({
      status: 400,
      code: 'STREAM_EXPIRED',
    })
    await db.pipeline([execute('COMMIT'), close], baton)
    await expect(db.pipeline([execute('SELECT 1')], baton)).rejects.toMatchObject({ code: 'STREAM_EXPIRED' })
    expect(await count(db)).toBe('1')
  })

  test('is good only with its token, and grants nothing', async () => {
    const { db, slug } = await database()
    const { token, id } = await mint({})
    const mine = at(slug, token)
    const baton = await begin(mine)
    await expect(db.pipeline([execute('COMMIT')], baton)).rejects.toMatchObject({ status: 400, code: 'STREAM_EXPIRED' })
    await platform.request(`/v1/tokens/${id}`, { token: acme.token, method: 'DELETE' })
    await expect(mine.pipeline([execute('COMMIT')], baton)).rejects.toMatchObject({ status: 401 })
    await db.run('INSERT INTO t (a) VALUES (2)')
    expect(await count(db)).toBe('1')
  })

  test('of a stream that is gone can still be closed', async () => {
    const { db } = await database()
    const { baton, results } = await db.pipeline([close], 'unknown.1')
    expect([baton, results]).toEqual([null, [{ type: 'ok', response: { type: 'close' } }]])
  })

  test('after a request that is invalid is the one before it', async () => {
    const { db } = await database()
    const baton = await begin(db)
    await expect(db.pipeline([execute('COMMIT'), { type: 'other' }], baton)).rejects.toMatchObject({ status: 400 })
    await db.pipeline([execute('COMMIT')], baton)
    expect(await count(db)).toBe('1')
  })
})

test('a rule stops a statement, and the transaction goes on', async () => {
  const { db, slug } = await database()
  await db.run('CREATE TABLE guarded (a)')
  const rule = { tableGlob: 'guarded', action: 'require_approval' }
  expect((await acme.db(slug).request('/approval_rules', { body: rule })).status).toBe(200)
  const baton = await begin(db)
  const { results } = await db.pipeline(
    [execute('INSERT INTO guarded VALUES (1)'), execute('INSERT INTO t (a) VALUES (2)'), execute('COMMIT')],
    baton,
  )
  expect(results[0]).toMatchObject({ type: 'error', error: { code: 'BLOCKED', extended_code: 'approval_denied' } })
  expect(results.slice(1)).toMatchObject([{ type: 'ok' }, { type: 'ok' }])
  expect([await count(db), await db.rows('SELECT * FROM guarded')]).toEqual(['2', []])
})

describe('foreign keys off', () => {
  async function family() {
    const { db, slug } = await database()
    await db.pipeline([
      {
        type: 'sequence',
        sql: `CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
          CREATE INDEX by_name ON parent (name);
          CREATE VIEW names AS SELECT name FROM parent;
          CREATE VIEW more AS SELECT * FROM names;
          CREATE TABLE child (of INTEGER REFERENCES parent (id) ON DELETE CASCADE);
          CREATE TRIGGER added AFTER INSERT ON child BEGIN UPDATE parent SET name = name || '+' WHERE id = new.of; END;
          INSERT INTO parent (name) VALUES ('a'), ('b'), ('c'); DELETE FROM parent WHERE name = 'c'; INSERT INTO child VALUES (1)`,
      },
    ])
    return { db, slug }
  }
  const migration = (...texts: string[]) => {
    const off = { stmt: stmt('PRAGMA foreign_keys=off') }
    const steps = transactionSteps('BEGIN DEFERRED', ...texts).map(({ condition, ...step }) => ({
      ...step,
      condition:
        condition && JSON.parse(JSON.stringify(condition), (key, value) => (key === 'step' ? value + 1 : value)),
    }))
    return [off, ...steps, { stmt: stmt('PRAGMA foreign_keys=on') }]
  }
  const rebuild = [
    'CREATE TABLE new_parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL)',
    'INSERT INTO new_parent SELECT * FROM parent',
    'DROP VIEW more',
    'DROP VIEW names',
    'DROP TRIGGER added',
    'DROP TABLE parent',
    'ALTER TABLE new_parent RENAME TO parent',
  ]

  test('in a migration keep the rows that reference a rebuilt table', async () => {
    const { db } = await family()
    const { results, baton } = await db.pipeline([batch(migration(...rebuild)), close])
    expect(baton).toBeNull()
    expect(results[0].response.result.step_errors.filter(Boolean)).toEqual([])
    expect(await db.rows('SELECT of FROM child')).toEqual([['1']])
    await expect(db.run('INSERT INTO child VALUES (99)')).rejects.toMatchObject({ code: 'SQLITE_CONSTRAINT' })
  })

  test('are checked before the COMMIT', async () => {
    const { db } = await family()
    const { results } = await db.pipeline([batch(migration('DELETE FROM parent')), close])
    const { step_errors: errors } = results[0].response.result
    expect(errors.filter(Boolean)).toMatchObject([{ message: expect.stringContaining('FOREIGN KEY') }])
    expect(await db.rows('SELECT count(*) FROM parent')).toEqual([['2']])
  })

  test('are refused in a stream that stays open', async () => {
    const { db } = await family()
    const baton = await begin(db)
    const { results } = await db.pipeline([execute('PRAGMA foreign_keys=off'), execute('COMMIT')], baton)
    expect(results).toMatchObject([{ type: 'error', error: { code: 'BLOCKED' } }, { type: 'ok' }])
  })

  test('let ALTER COLUMN change a definition, with rows, indexes, views and triggers', async () => {
    const { db, slug } = await family()
    const alter = `ALTER TABLE parent ALTER COLUMN "name" TO "name" TEXT NOT NULL DEFAULT 'x' COLLATE NOCASE`
    for (const requests of [
      [execute(alter), close],
      [batch(migration(alter, 'INSERT INTO child VALUES (2)')), close],
    ]) {
      const { results } = await db.pipeline(requests)
      expect(JSON.stringify(results)).not.toContain('"error":{')
    }
    await db.run('INSERT INTO parent DEFAULT VALUES')
    expect(await db.rows('SELECT id, name FROM parent ORDER BY id')).toEqual([
      ['1', 'a+'],
      ['2', 'b+'],
      ['4', 'x'],
    ])
    expect(await db.rows("SELECT * FROM more WHERE name = 'A+'")).toEqual([['a+']])
    expect(await db.rows('SELECT of FROM child ORDER BY of')).toEqual([['1'], ['2']])
    const names = await db.rows(
      "SELECT name FROM sqlite_master WHERE type IN ('index', 'view', 'trigger') AND name NOT LIKE '_persql%' ORDER BY name",
    )
    expect(names.flat()).toEqual(['added', 'by_name', 'more', 'names'])
    const { body } = await acme.db(slug).query("SELECT sql FROM sqlite_master WHERE name = 'parent'")
    expect(body.data.rows[0][0]).toContain(`"name" TEXT NOT NULL DEFAULT 'x' COLLATE NOCASE`)
  })

  test.each([
    ['a missing table', 'ALTER TABLE missing ALTER COLUMN a TO a TEXT', 'no such table: missing'],
    ['a missing column', 'ALTER TABLE parent ALTER COLUMN x TO x TEXT', 'no such column: "x"'],
    [
      'a definition that rows violate',
      'ALTER TABLE parent ALTER COLUMN name TO name TEXT CHECK (name = 1)',
      'CHECK constraint failed',
    ],
    ['an invalid definition', 'ALTER TABLE parent ALTER COLUMN name TO name TEXT NOT', 'syntax error'],
  ])('let ALTER COLUMN fail for %s, without effect', async (_, sql, message) => {
    const { db } = await family()
    const { results } = await db.pipeline([execute(sql), close])
    expect(results[0]).toMatchObject({ type: 'error', error: { message: expect.stringContaining(message) } })
    const tables = await db.rows(
      "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name",
    )
    expect(tables.flat()).toEqual(['child', 'more', 'names', 'parent', 'sqlite_sequence', 't'])
    expect(await db.rows('SELECT count(*) FROM more')).toEqual([['2']])
  })
})
