import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let db: ReturnType<SharedPlatform['database']>

beforeAll(async () => {
  platform = await sharedPlatform()
  db = (await platform.createNamespace(ns)).db()
  const answer = await db.batch(
    [
      'CREATE TABLE plain (id INTEGER PRIMARY KEY, a, b)',
      'CREATE TABLE strict (a TEXT NOT NULL, b INTEGER) STRICT',
      'CREATE TABLE sequence (id INTEGER PRIMARY KEY AUTOINCREMENT, a, b)',
      'CREATE TABLE ignoring (id INTEGER PRIMARY KEY, a UNIQUE ON CONFLICT IGNORE, b)',
      'CREATE TABLE replacing (id INTEGER PRIMARY KEY, a UNIQUE ON CONFLICT REPLACE, b CHECK (b <> 7))',
      'CREATE TABLE shy (id INTEGER PRIMARY KEY, a, b)',
      'CREATE TRIGGER shy_leaves AFTER INSERT ON shy WHEN new.b = 3 BEGIN DELETE FROM shy WHERE id = new.id; END',
      'CREATE TABLE busy (id INTEGER PRIMARY KEY, a, b)',
      'CREATE TRIGGER busy_elsewhere AFTER UPDATE ON busy BEGIN INSERT INTO plain (a) VALUES (new.a); END',
      'CREATE TABLE keyed (a PRIMARY KEY, b) WITHOUT ROWID',
    ].map((sql) => ({ sql })),
  )
  expect(answer.body.success).toBe(true)
})
afterAll(() => platform.stop())

const tables = ['plain', 'strict', 'sequence', 'ignoring', 'replacing', 'shy', 'busy', 'keyed']
const forms = [
  'INSERT OR IGNORE INTO $ (a, b) VALUES (?1, ?2)',
  'INSERT OR REPLACE INTO $ (a, b) VALUES (?1, ?2)',
  'INSERT INTO $ (a, b) VALUES (?1, ?2), (?1, ?2)',
  'INSERT INTO $ (a, b) SELECT ?1, ?2 WHERE ?2 > 4',
  'INSERT INTO $ (id, a, b) VALUES (?2 - 4, ?1, ?2)',
  'INSERT INTO $ (id, a, b) VALUES (9223372036854775800 + ?2, ?1, ?2)',
  'INSERT INTO $ (a, b) VALUES (?1, ?2) RETURNING a',
  'UPDATE $ SET b = ?2 WHERE a = ?1',
  'DELETE FROM $ WHERE a = ?1 OR b = ?2',
  'DELETE FROM $ WHERE ?1 <> ?2',
  'SELECT * FROM $ WHERE a = ?1 AND b = ?2',
]
/** Calls about one or two tables, most of them inserts that add a row at the end. */
const calls = fc.uniqueArray(fc.constantFrom(...tables), { minLength: 1, maxLength: 2 }).chain((chosen) => {
  const form = fc.oneof(
    { weight: 5, arbitrary: fc.constant('INSERT INTO $ (a, b) VALUES (?1, ?2)') },
    { weight: 1, arbitrary: fc.constantFrom(...forms) },
  )
  const a = fc.oneof(
    { weight: 6, arbitrary: fc.nat(30).map((n) => `a${n}`) },
    { weight: 1, arbitrary: fc.constant(null) },
  )
  const b = fc.nat(8)
  const statement = fc
    .tuple(fc.constantFrom(...chosen), form, a, b)
    .map(([table, sql, a, b]) => ({ sql: sql.replace('$', table), params: [a, b] }))
  const statements = fc.array(statement, { minLength: 1, maxLength: 8 })
  return fc.array(fc.record({ transaction: fc.boolean(), statements }), { minLength: 1, maxLength: 8 })
})

test('changes and lastInsertRowid match SQLite after any writes', async () => {
  await fc.assert(
    fc.asyncProperty(calls, async (calls) => {
      for (const { transaction, statements } of calls) {
        const asked = statements.flatMap((one) => [one, { sql: 'SELECT changes(), last_insert_rowid() || char(32)' }])
        const { body } = await db.batch(asked, { transaction })
        if (!body.success) continue
        for (const [i, { sql }] of statements.entries()) {
          if (sql.startsWith('SELECT')) continue
          const { changes, lastInsertRowid } = body.data[2 * i]
          const [, rowid] = body.data[2 * i + 1].rows[0]
          expect(changes, sql).toBe(body.data[2 * i + 1].rows[0][0])
          const safe = sql.startsWith('INSERT') && Number.isSafeInteger(Number(rowid))
          expect(lastInsertRowid, sql).toBe(safe ? Number(rowid) : undefined)
        }
      }
    }),
    { numRuns: 300 },
  )
})
