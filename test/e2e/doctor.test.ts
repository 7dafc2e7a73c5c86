import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RESERVED } from '../../apps/platform/src/database/insights/describe/doctor/reserved-words.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { CASES, CLEAN } from './doctor-corpus.ts'

const ns = uniqueName('acme')

interface Finding {
  severity: string
  rule: string
  table: string
  column?: string
  message: string
  fix?: string
}
type Db = ReturnType<SharedPlatform['database']>

let platform: SharedPlatform
let token: string
let number = 0

beforeAll(async () => {
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
})
afterAll(() => platform.stop())

/** A database of its own with this in it. */
async function made(statements: readonly string[]): Promise<Db> {
  const slug = `db-${++number}`
  await platform.request('/v1/databases', { token, body: { slug } })
  const db = platform.database(ns, slug, token)
  if (statements.length > 0) await run(db, statements)
  return db
}

async function run(db: Db, statements: readonly string[]): Promise<void> {
  const { body } = await db.batch(statements.map((sql) => ({ sql })))
  expect(body.error).toBeUndefined()
}

async function diagnosis(db: Db, as = token) {
  const { status, body } = await platform.request(`${db.path}/doctor`, { token: as })
  expect([status, body.error]).toEqual([200, undefined])
  return body.data as { findings: Finding[]; omitted: number; tables: number; tablesSampled: number }
}

test('a clean schema has no findings', async () => {
  const db = await made(CLEAN)
  expect(await diagnosis(db)).toEqual({ findings: [], omitted: 0, tables: 6, tablesSampled: 5 })
})

describe('the corpus', () => {
  test.each(CASES.map((one, i) => ({ ...one, name: `${i} ${one.rule}` })))('$name', async (one) => {
    const db = await made(one.sql)
    const { findings } = await diagnosis(db)
    const found = findings.filter(({ rule }) => rule === one.rule)
    expect(findings).toContainEqual(
      expect.objectContaining({
        rule: one.rule,
        ...(one.table !== undefined && { table: one.table }),
        ...(one.column !== undefined && { column: one.column }),
        message: expect.stringContaining(one.says ?? ''),
      }),
    )
    expect(found).toHaveLength(1)
    await fixesWork(db, findings)
  })
})

/** Each fix runs, and what it is for is not found any more. */
async function fixesWork(db: Db, findings: readonly Finding[]): Promise<void> {
  const fixes = findings.flatMap(({ fix }) => fix ?? [])
  if (fixes.length === 0) return
  await run(db, fixes)
  const after = (await diagnosis(db)).findings
  expect(after.filter(({ fix }) => fix)).toEqual([])
  expect(after.length).toBe(findings.length - fixes.length)
}

describe('descriptions', () => {
  const describeAs = (db: Db, tables: object[]) => db.request('/describe', { method: 'PUT', body: { tables } })
  const table = (name: string, description = 'x', columns: object[] = []) => ({ table: name, description, columns })

  test('are missed where others have one, and not needed to be there', async () => {
    const db = await made(['a1', 'b1'].map((name) => `CREATE TABLE ${name} (id INTEGER PRIMARY KEY)`))
    expect((await diagnosis(db)).findings).toEqual([])
    await describeAs(db, [table('a1', 'x', [{ column: 'gone', description: 'x' }]), table('c1')])
    const found = (await diagnosis(db)).findings.map(({ rule, table, column }) => [rule, table, column])
    expect(found).toEqual([
      ['description_of_nothing', 'a1', 'gone'],
      ['description_of_nothing', 'c1', undefined],
      ['table_without_description', 'b1', undefined],
    ])
  })

  test('make a vague name, or a time without a zone, clear', async () => {
    const db = await made([
      'CREATE TABLE seen (id INTEGER PRIMARY KEY, data TEXT)',
      "INSERT INTO seen (data) VALUES ('2026-01-02 03:04:05')",
    ])
    expect((await diagnosis(db)).findings).toHaveLength(2)
    await describeAs(db, [table('seen', 'x', [{ column: 'data', description: 'When, in UTC' }])])
    expect((await diagnosis(db)).findings).toEqual([])
  })
})

test('each word called reserved is a syntax error without quotes', async () => {
  const db = await made([])
  for (const word of RESERVED) {
    const { data } = (await db.request('/validate', { body: { sql: `SELECT 1 AS ${word}` } })).body
    expect([word, data.ok]).toEqual([word, false])
  }
})

test('a token for some tables learns nothing of others', async () => {
  const db = await made([
    'CREATE TABLE hidden (id INTEGER PRIMARY KEY, data TEXT)',
    'CREATE TABLE seen (id INTEGER PRIMARY KEY, hidden_id INTEGER REFERENCES hidden, gone_id INTEGER REFERENCES gone)',
    'CREATE INDEX one ON seen (hidden_id)',
    'CREATE INDEX two ON seen (gone_id)',
  ])
  const body = { name: 'x', role: 'readonly', tableScope: ['seen'] }
  const limited = (await platform.request('/v1/tokens', { token, body })).body.data.token
  expect(await diagnosis(db, limited)).toMatchObject({ findings: [], tables: 1 })
  expect((await diagnosis(db)).findings.map(({ table }) => table).sort()).toEqual(['hidden', 'seen'])
})

describe('the sample', () => {
  const rowsRead = async () =>
    (await platform.request('/v1/usage', { token })).body.data.spend.rowsRead.quantity as number

  test('is of the first and the last rows, bounded and billed', async () => {
    const db = await made([
      'CREATE TABLE seen (id INTEGER PRIMARY KEY, word TEXT)',
      `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
       INSERT INTO seen SELECT i, CASE WHEN i = 5000 THEN '' WHEN i % 2 THEN NULL ELSE 'x' || i END FROM n`,
    ])
    const before = await rowsRead()
    expect((await diagnosis(db)).findings.map(({ rule }) => rule)).toEqual(['empty_text_beside_null'])
    expect((await rowsRead()) - before).toBe(1_000)
    await db.query("UPDATE seen SET word = CASE id WHEN 2500 THEN '' ELSE NULLIF(word, '') END")
    expect((await diagnosis(db)).findings).toEqual([])
  })

  test('is taken of wide, nameless, generated and rowless columns too', async () => {
    const wide = Array.from({ length: 99 }, (_, i) => `"c'${i}" TEXT`)
    const db = await made([
      `CREATE TABLE wide (id INTEGER PRIMARY KEY, ${wide.join(', ')})`,
      "INSERT INTO wide (\"c'98\") VALUES (''), (NULL)",
      'CREATE TABLE shadows (rowid TEXT, oid TEXT, _rowid_ TEXT, id INTEGER PRIMARY KEY)',
      "INSERT INTO shadows (oid) VALUES (''), (NULL)",
      "CREATE TABLE made_up (id INTEGER PRIMARY KEY, word TEXT, part TEXT AS (nullif(word, '')))",
      "INSERT INTO made_up (word) VALUES (''), (NULL)",
      'CREATE TABLE pairs (code TEXT NOT NULL, word TEXT, PRIMARY KEY (code)) WITHOUT ROWID',
      "INSERT INTO pairs VALUES ('a', ''), ('b', NULL)",
    ])
    const { findings, tablesSampled } = await diagnosis(db)
    expect(tablesSampled).toBe(4)
    const found = findings.filter(({ rule }) => rule === 'empty_text_beside_null')
    expect(found.map(({ table, column }) => `${table}.${column}`).sort()).toEqual([
      'made_up.word',
      'pairs.word',
      'shadows.oid',
      "wide.c'98",
    ])
  })

  test('of many tables stops at 200, and lets others in between', async () => {
    const db = await made([])
    for (let from = 0; from < 300; from += 100) {
      await run(
        db,
        Array.from(
          { length: 100 },
          (_, i) => `CREATE TABLE tmp_${from + i} (id INTEGER PRIMARY KEY, q TEXT, "a b" TEXT, data TEXT)`,
        ),
      )
    }
    const many = await diagnosis(db)
    expect(many).toMatchObject({ tables: 300, tablesSampled: 200, omitted: 200 })
    expect(many.findings).toHaveLength(1_000)
    let examining = true
    const examined = diagnosis(db).finally(() => {
      examining = false
    })
    let served = 0
    for (; examining; served++) await db.query('SELECT 1')
    expect((await examined).tables).toBe(300)
    expect(served).toBeGreaterThan(3)
  })

  test('ends when the token is revoked', async () => {
    const db = await made(Array.from({ length: 90 }, (_, i) => `CREATE TABLE t_${i} (id INTEGER PRIMARY KEY)`))
    const codes = new Set<string | undefined>()
    // Where the revocation falls is chance: some of many are under way by then.
    for (let i = 0; i < 20 && !codes.has('token_unknown'); i++) {
      const minted = (await platform.request('/v1/tokens', { token, body: { name: 'x' } })).body.data
      await platform.request(`${db.path}/tables`, { token: minted.token })
      const examined = Array.from({ length: 5 }, () => platform.request(`${db.path}/doctor`, { token: minted.token }))
      await platform.request(`/v1/tokens/${minted.id}`, { token, method: 'DELETE' })
      for (const { body } of await Promise.all(examined)) codes.add(body.code)
    }
    expect(codes).toContain('token_unknown')
  })

  test('is whole while all tables are replaced', async () => {
    const db = await made(
      Array.from({ length: 40 }, (_, i) => [
        `CREATE TABLE t_${i} (id INTEGER PRIMARY KEY, word TEXT)`,
        `INSERT INTO t_${i} (word) VALUES (''), (NULL)`,
      ]).flat(),
    )
    const { id } = (await db.request('/snapshots', { body: { label: 'now' } })).body.data
    for (let i = 0; i < 3; i++) {
      let restoring = true
      const restored = db.request('/restore', { body: { snapshotId: id } }).finally(() => {
        restoring = false
      })
      while (restoring) {
        for (const { findings, tablesSampled } of await Promise.all([diagnosis(db), diagnosis(db), diagnosis(db)])) {
          expect([findings.length, tablesSampled]).toEqual([40, 40])
        }
      }
      expect((await restored).body.error).toBeUndefined()
    }
  })

  test('leaves out what long values hold', async () => {
    const db = await made([
      'CREATE TABLE pages (id INTEGER PRIMARY KEY, payload TEXT, body TEXT, image BLOB)',
      `INSERT INTO pages (payload, body, image) VALUES (hex(zeroblob(1000000)), '{' || hex(zeroblob(9000)), zeroblob(50000)),
       ('{}', '{}', x'00')`,
    ])
    expect((await diagnosis(db)).findings).toEqual([])
    await db.query('UPDATE pages SET payload = substr(payload, 1, 9000), image = hex(image) WHERE id = 1')
    const found = (await diagnosis(db)).findings.map(({ rule, column }) => `${rule} ${column}`)
    expect(found.sort()).toEqual(['json_invalid payload', 'mixed_types_in_column image'])
  })

  test('follows foreign keys by an index, with columns of any types', async () => {
    const db = await made([
      'CREATE TABLE codes (code TEXT PRIMARY KEY NOT NULL)',
      `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO codes SELECT i FROM n`,
      'CREATE TABLE uses (id INTEGER PRIMARY KEY, number INTEGER)',
      'INSERT INTO uses (number) SELECT CAST(code AS INTEGER) + 4800 FROM codes ORDER BY CAST(code AS INTEGER) LIMIT 400',
      'ALTER TABLE uses ADD COLUMN code INTEGER AS (number) REFERENCES codes',
      'CREATE INDEX uses_code ON uses (code)',
    ])
    const before = await rowsRead()
    expect((await diagnosis(db)).findings).toMatchObject([
      { rule: 'foreign_key_violations', column: 'code', message: expect.stringContaining('200 sampled rows') },
    ])
    expect((await rowsRead()) - before).toBeLessThan(4_000)
  })

  test('goes on where a generated column fails', async () => {
    const db = await made([
      'CREATE TABLE parents (id INTEGER PRIMARY KEY)',
      'CREATE TABLE seen (id INTEGER PRIMARY KEY, word TEXT)',
      "INSERT INTO seen (word) VALUES (''), (NULL)",
      "ALTER TABLE seen ADD COLUMN parent_id INTEGER AS (json_extract(word, '$.id')) REFERENCES parents",
    ])
    expect((await db.query('SELECT parent_id FROM seen')).body.errorDetail.message).toContain('malformed JSON')
    const rules = (await diagnosis(db)).findings.map(({ rule }) => rule)
    expect(rules).toEqual(['foreign_key_without_index', 'empty_text_beside_null'])
  })

  test('of a table that is dropped during the run is left out', async () => {
    const db = await made(Array.from({ length: 100 }, (_, i) => `CREATE TABLE t_${i} (id INTEGER PRIMARY KEY)`))
    const [examined] = await Promise.all([
      diagnosis(db),
      db.batch(Array.from({ length: 90 }, (_, i) => ({ sql: `DROP TABLE t_${i + 10}` }))),
    ])
    expect(examined.tablesSampled).toBeGreaterThanOrEqual(10)
    expect(examined.tablesSampled).toBeLessThanOrEqual(100)
  })
})
