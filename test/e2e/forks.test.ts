import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { everything, everyValue } from '../schemas.ts'

type Database = ReturnType<TestPlatform['database']>
let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>
let token: string

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  acme = await platform.createNamespace('acme')
  token = acme.token
})
afterAll(() => platform.stop())

let number = 0
/** A database of its own, with these statements run in it. */
const fork = (db: Database, slug = `fork-${++number}`) => db.request('/fork', { body: { slug } })
async function forked(db: Database): Promise<Database> {
  const { status, body } = await fork(db)
  if (status !== 200) throw new Error(JSON.stringify(body))
  return platform.database('acme', body.data.slug, token)
}
const rows = async (db: Database, sql: string) => {
  const { body } = await db.query(sql)
  if (!body.success) throw new Error(`${sql}: ${JSON.stringify(body)}`)
  return body.data.rows as unknown[][]
}
const quoted = (name: unknown) => `"${String(name).replaceAll('"', '""')}"`

/** All that can be read of a database: its schema and each value of each row with its type, to the last digit. */
async function readContent(db: Database) {
  const master =
    "type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE '\\_%' ESCAPE '\\' AND sql IS NOT NULL"
  const shadows = await rows(db, "SELECT name FROM pragma_table_list WHERE type = 'shadow'")
  // How a virtual table keeps its rows depends on the order in which it got them.
  const isOwn = ([, , table]: unknown[]) => !shadows.flat().includes(table)
  const schema = (await rows(db, `SELECT ${master} ORDER BY type, name`)).filter(isOwn)
  const tables: Record<string, unknown> = {}
  for (const [type, name] of schema) {
    if (type !== 'table') continue
    const columns = await rows(
      db,
      `SELECT name FROM pragma_table_xinfo('${String(name).replaceAll("'", "''")}') WHERE hidden <> 1`,
    )
    const cells = columns.map(
      ([column]) => `typeof(${quoted(column)}), quote(${quoted(column)}), hex(${quoted(column)})`,
    )
    tables[String(name)] = (await rows(db, `SELECT ${cells} FROM ${quoted(name)}`)).map(String).sort()
  }
  return { schema, tables }
}

test('a fork has everything: every kind of table, value, index, view, trigger and full text', async () => {
  const db = await acme.make(...everything, ...everyValue)
  const copy = await forked(db)
  expect(await readContent(copy)).toEqual(await readContent(db))
  for (const sql of [
    "SELECT rowid, title FROM own WHERE own MATCH 'run'",
    "SELECT CAST(rowid AS TEXT) FROM external WHERE external MATCH 'negative'",
    'SELECT id, label FROM places WHERE x1 > 1.2',
    'SELECT * FROM sqlite_sequence ORDER BY name',
    "SELECT CAST(rowid AS TEXT), v FROM types WHERE typeof(v) = 'text' ORDER BY rowid",
  ]) {
    expect(await rows(copy, sql), sql).toEqual(await rows(db, sql))
  }
  expect(await rows(copy, 'INSERT INTO children (parent) VALUES (3) RETURNING id')).toEqual([[101]])
  expect((await copy.query('INSERT INTO children (parent) VALUES (77)')).body.errorDetail.kind).toBe('fk_violation')
  await copy.query("INSERT INTO joined (name) VALUES ('new')")
  expect(await rows(copy, "SELECT name FROM parents WHERE name = 'new;'")).toHaveLength(1)
  expect(await rows(db, 'SELECT count(*) FROM children')).toEqual([[1]])
})

test('rows that refer to rows of later tables, to each other, and to rows that are gone come as they are', async () => {
  const db = await acme.make(
    'CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b ON DELETE RESTRICT)',
    'CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a)',
    'INSERT INTO b (id) VALUES (1), (2)',
    'INSERT INTO a VALUES (10, 1), (20, 2)',
    'UPDATE b SET a = id * 10',
    'CREATE TABLE orphans (gone INTEGER)',
    'INSERT INTO orphans VALUES (77)',
    'ALTER TABLE orphans RENAME TO old',
    'CREATE TABLE orphans (gone INTEGER REFERENCES nowhere)',
  )
  const copy = await forked(db)
  expect(await readContent(copy)).toEqual(await readContent(db))
  const { data } = (await copy.request('/snapshots', { body: { label: 'x' } })).body
  expect((await copy.request('/restore', { body: { snapshotId: data.id } })).status).toBe(200)
  expect(await readContent(copy)).toEqual(await readContent(db))
  expect((await copy.query('INSERT INTO a VALUES (30, 99)')).body.errorDetail.kind).toBe('fk_violation')
  expect((await copy.query('DELETE FROM b WHERE id = 1')).body.errorDetail.kind).toBe('fk_violation')
})

test('long values come whole, and more of them than a statement or a page holds', async () => {
  const db = await acme.make('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BLOB, c INTEGER, d TEXT)')
  for (const size of [29_000, 31_000, 99_000, 101_000, 900_000]) {
    await db.query(
      "INSERT INTO t (a, b, c, d) VALUES (replace(hex(zeroblob(?)), '00', 'ä'), randomblob(?), 9007199254740995, 'x' || char(0))",
      [size, size],
    )
  }
  await db.query(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO t (a, c) SELECT printf('row %d', i), i FROM n",
  )
  const copy = await forked(db)
  const sums = 'SELECT count(*), sum(length(a)), sum(length(b)), group_concat(CAST(c AS TEXT)) FROM t WHERE id < 50'
  expect(await rows(copy, sums)).toEqual(await rows(db, sums))
  const hashes = 'SELECT id, hex(substr(b, 1, 40)), hex(substr(b, -40)), substr(a, -3), hex(d) FROM t WHERE id < 6'
  expect(await rows(copy, hashes)).toEqual(await rows(db, hashes))
  expect(await rows(copy, 'SELECT count(*), sum(c), max(a) FROM t WHERE id > 5')).toEqual(
    await rows(db, 'SELECT count(*), sum(c), max(a) FROM t WHERE id > 5'),
  )
})

test('any schema and any rows come as they are', async () => {
  const value = fc.oneof(
    fc.constantFrom('NULL', "''", "x''", '9e999', '-0.5', "'it''s'", "char(0) || 'x'", '9223372036854775807'),
    fc.integer().map(String),
    fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .map((n) => (Number.isInteger(n) ? `${n.toFixed(1)}` : String(n))),
    fc
      .string({ unit: 'grapheme', maxLength: 30 })
      .map((text) => `'${text.replaceAll("'", "''").replaceAll('\0', '')}'`),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => `x'${Buffer.from(bytes).toString('hex')}'`),
  )
  const name = fc
    .string({ unit: fc.constantFrom('a', 'B', ' ', '"', "'", 'é', '_', '1', ';', '-'), minLength: 1, maxLength: 6 })
    .filter((text) => !/^(_|sqlite)/i.test(text))
  const column = fc.record({
    name,
    type: fc.constantFrom('', ' INTEGER', ' TEXT COLLATE NOCASE', ' REAL', ' BLOB', " TEXT DEFAULT 'd'", ' ANY'),
  })
  const lowered = (text: string) => text.toLowerCase()
  const table = fc.record({
    name,
    columns: fc.uniqueArray(column, { minLength: 1, maxLength: 4, selector: (each) => lowered(each.name) }),
    kind: fc.constantFrom('rowid', 'rowid', 'pk', 'integer pk', 'without rowid'),
    rows: fc.array(fc.array(value, { minLength: 5, maxLength: 5 }), { maxLength: 6 }),
    index: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(table, { maxLength: 4, selector: (each) => lowered(each.name) }),
      async (tables) => {
        const statements = tables.flatMap(({ name, columns, kind, rows, index }) => {
          const key = kind === 'integer pk' ? '"k#" INTEGER PRIMARY KEY' : '"k#"'
          const end = kind === 'pk' || kind === 'without rowid' ? ', PRIMARY KEY ("k#")' : ''
          const text = `CREATE TABLE ${quoted(name)} (${[key, ...columns.map((c) => quoted(c.name) + c.type)]}${end})${kind === 'without rowid' ? ' WITHOUT ROWID' : ''}`
          return [
            text,
            ...(index
              ? [`CREATE INDEX ${quoted(`i ${name}`)} ON ${quoted(name)} (${quoted(columns[0]?.name)} DESC)`]
              : []),
            ...rows.map((row, i) => {
              const values = [String(i * 3 - 1), ...row.slice(0, columns.length)]
              return `INSERT INTO ${quoted(name)} VALUES (${values})`
            }),
          ]
        })
        const db = await acme.make(...statements)
        expect(await readContent(await forked(db))).toEqual(await readContent(db))
      },
    ),
    { numRuns: 25 },
  )
})

describe('a fork', () => {
  test('is a database of its own, with where it came from', async () => {
    const db = await acme.make('CREATE TABLE t (n)', 'INSERT INTO t VALUES (1)')
    const { body } = await db.request('/fork', { body: { slug: 'mine', name: 'Mine', ttlDays: 1 } })
    expect(body.data).toMatchObject({ slug: 'mine', name: 'Mine', status: 'healthy', branchRef: null })
    expect(body.data.forkedFrom.slug).toBe(db.slug)
    const lifeMs = Date.parse(body.data.expiresAt) - Date.parse(body.data.forkedAt)
    expect(Math.abs(lifeMs - 86_400_000)).toBeLessThan(60_000)
    const again = await db.request('/fork', { body: { slug: 'mine' } })
    expect([again.status, again.body.code]).toEqual([409, 'slug_taken'])
    await platform.database('acme', 'mine', token).query('INSERT INTO t VALUES (2)')
    expect(await rows(db, 'SELECT * FROM t')).toEqual([[1]])
    await platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs: 86_500_000 } })
    await expect.poll(async () => (await platform.request('/v1/databases/mine', { token })).status).toBe(404)
    await platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs: 0 } })
  })

  test('of a database that nothing was ever asked of is empty, and of none is refused', async () => {
    const empty = await acme.make()
    expect((await fork(empty)).status).toBe(200)
    expect((await fork(platform.database('acme', 'nowhere', token))).body.code).toBe('database_not_found')
  })

  test('is refused where rows cannot be read back, and nothing of it stays', async () => {
    const db = await acme.make(
      "CREATE VIRTUAL TABLE f USING fts5(body, content='')",
      "INSERT INTO f (rowid, body) VALUES (1, 'x')",
    )
    const { status, body } = await fork(db, 'impossible')
    expect([status, body.code]).toEqual([409, 'copy_impossible'])
    await expect.poll(async () => (await platform.request('/v1/databases/impossible', { token })).status).toBe(404)
    expect((await db.query("INSERT INTO f (rowid, body) VALUES (2, 'y')")).status).toBe(200)
  })

  test('is of one moment: writes wait, reads and other databases do not', async () => {
    const db = await acme.make('CREATE TABLE a (n)', 'CREATE TABLE b (n)')
    await db.query(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO a SELECT i FROM n',
    )
    const other = await acme.make('CREATE TABLE t (n)')
    let done = false
    const copying = forked(db).finally(() => {
      done = true
    })
    let elsewhere = 0
    const traffic = async () => {
      while (!done) {
        // Both or none: a copy between the two would have one more in `a`.
        const both = [{ sql: 'INSERT INTO a VALUES (0)' }, { sql: 'INSERT INTO b VALUES (0)' }]
        expect((await db.batch(both, { transaction: true })).status).toBe(200)
        expect((await db.query('SELECT count(*) FROM b')).status).toBe(200)
        expect((await other.query('INSERT INTO t VALUES (1)')).status).toBe(200)
        elsewhere++
      }
    }
    await Promise.all([traffic(), traffic(), traffic()])
    const copy = await copying
    const [[inA], [inB]] = (await Promise.all([
      rows(copy, 'SELECT count(*) FROM a WHERE n = 0'),
      rows(copy, 'SELECT count(*) FROM b'),
    ])) as [[[number]], [[number]]]
    expect(inA).toEqual(inB)
    expect(elsewhere).toBeGreaterThan(0)
  })

  test('that a crash cut off is not there, and its slug is free again', async () => {
    const db = await acme.make('CREATE TABLE a (n)')
    await db.query(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) INSERT INTO a SELECT i FROM n',
    )
    for (let round = 0; round < 4; round++) {
      const slug = `cut-${round}`
      const forking = fork(db, slug).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, 20 + round * 40))
      await platform.kill()
      await forking
      await platform.restart()
      const { status, body } = await platform.request(`/v1/databases/${slug}`, { token })
      const copy = platform.database('acme', slug, token)
      if (status === 200 && body.data.status === 'healthy') {
        expect(await rows(copy, 'SELECT count(*) FROM a')).toEqual([[200_000]])
        continue
      }
      const minutes = 5 * (round + 1)
      await platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs: minutes * 60_000 } })
      await expect.poll(async () => (await fork(db, slug)).body.code ?? 'done', { interval: 200 }).toBe('done')
      expect(await rows(copy, 'SELECT count(*) FROM a')).toEqual([[200_000]])
    }
    await platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs: 0 } })
  })
})
