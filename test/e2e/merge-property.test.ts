import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { createBranch, databaseWith, merge, type TestDatabase } from '../merge-helpers.ts'
import { everything, everyValue } from '../schemas.ts'

let platform: TestPlatform
let token: string
beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '50' } })
  token = (await platform.createNamespace('acme')).token
})
afterAll(() => platform.stop())

/** Changes of that schema. In some orders some of them fail: then they change nothing. */
const changes = [
  'ALTER TABLE parents ADD COLUMN born INTEGER',
  "ALTER TABLE parents ADD COLUMN \"note, (of)\" TEXT NOT NULL DEFAULT 'a, ''b'", // a comma and quotes inside the name and the default
  'ALTER TABLE parents ADD COLUMN twice INTEGER AS (id * 2) VIRTUAL',
  'ALTER TABLE parents RENAME COLUMN name TO title',
  'ALTER TABLE parents RENAME TO people',
  'ALTER TABLE children DROP COLUMN next',
  'ALTER TABLE children RENAME parent TO "the parent"',
  'ALTER TABLE children ADD COLUMN extra BLOB CHECK (extra IS NULL OR length(extra) < 9)',
  'ALTER TABLE types RENAME TO kinds',
  'ALTER TABLE types RENAME v TO w',
  'ALTER TABLE strict_one ADD COLUMN e ANY',
  'ALTER TABLE "rowid" RENAME x TO _rowid_',
  'ALTER TABLE no_rowid_name ADD COLUMN more',
  'DROP INDEX partial',
  'CREATE INDEX partial ON children (id)',
  'CREATE UNIQUE INDEX by_name ON parents (name COLLATE NOCASE, id)',
  'DROP INDEX expression',
  'DROP VIEW joined',
  'CREATE VIEW joined AS SELECT id FROM children',
  'CREATE VIEW other AS SELECT * FROM types',
  'DROP TRIGGER counts',
  'CREATE TRIGGER counts AFTER DELETE ON parents BEGIN SELECT 1; END',
  'DROP TABLE types',
  'CREATE TABLE types (v PRIMARY KEY, at DEFAULT CURRENT_TIMESTAMP) WITHOUT ROWID',
  'CREATE TABLE types (v TEXT)',
  'DROP TABLE children',
  'CREATE TABLE children (id INTEGER PRIMARY KEY, parent REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)',
  'DROP TABLE own',
  'CREATE VIRTUAL TABLE own USING fts5(body)',
  'DROP TABLE places',
  'CREATE TABLE places (id INTEGER PRIMARY KEY, label)',
  'CREATE VIEW places AS SELECT id FROM parents',
  'CREATE TABLE brand_new (a, b, UNIQUE (a, b))',
]
/** Changes of the parent that nothing above touches. */
const own = [
  'CREATE TABLE mine (a PRIMARY KEY)',
  'CREATE INDEX my_index ON strict_one (a)',
  'CREATE VIEW my_view AS SELECT 1 AS one',
]

/** Without spaces and the quotes of names. FTS5 creates its shadow tables with their names in single quotes. */
const normal = (sql: string) =>
  sql
    .replace(/^CREATE TABLE '([^']*)'/i, 'CREATE TABLE $1')
    .replace(/["`[\]\s]/g, '')
    .toLowerCase()
const readSchema = async (db: TestDatabase): Promise<Map<string, string>> => {
  const { data } = (
    await db.query(
      "SELECT type || ' ' || lower(name), sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT GLOB '_persql*' AND name NOT GLOB '_cf*'",
    )
  ).body
  return new Map((data.rows as [string, string][]).map(([key, sql]) => [key, normal(sql)]))
}

test('after a merge the parent has what the branch changed, and keeps what is its own', async () => {
  const outcomes: string[] = []
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.constantFrom(...changes), { minLength: 1, maxLength: 7 }),
      fc.subarray(own),
      fc.boolean(),
      async (theirs, mine, withRows) => {
        const db = await databaseWith(platform, token, everything)
        const branch = await createBranch(platform, db)
        if (withRows) {
          const { status } = await db.batch(
            everyValue.map((sql) => ({ sql })),
            { transaction: true },
          )
          expect(status).toBe(200)
        }
        for (const sql of theirs) await branch.query(sql)
        for (const sql of mine) expect((await db.query(sql)).status).toBe(200)
        const [kept, wanted, before] = [new Map<string, string>(), await readSchema(branch), await readSchema(db)]
        const added = ['table mine', 'index my_index', 'view my_view']
        for (const key of added) if (before.has(key)) kept.set(key, before.get(key) as string)

        const preview = await merge(db)
        expect(preview.error, platform.stderr.slice(-3).join()).toBeUndefined()
        expect(await readSchema(db)).toEqual(before)
        const answer = await merge(db, { mode: 'schema', allowDataLoss: true, expectedPlan: preview.data.planHash })
        if (answer.code === 'merge_conflict') {
          // Rows that do not fit, or programs that would break: never the schemas themselves.
          for (const { reason } of answer.merge.schema.conflicts) expect(reason).not.toContain('Both sides')
          for (const { reason } of answer.merge.schema.conflicts) expect(reason).not.toContain('did not become')
          outcomes.push(
            ...answer.merge.schema.conflicts.map(
              ({ reason, name }: { reason: string; name: string }) => `${name}: ${reason}`,
            ),
          )
          expect(await readSchema(db)).toEqual(before)
          return
        }
        expect(answer.error).toBeUndefined()
        outcomes.push('merged')
        expect(await readSchema(db)).toEqual(new Map([...wanted, ...kept]))
        expect((await merge(db)).data.schema).toEqual({ statements: [], conflicts: [] })
        expect((await db.query('PRAGMA foreign_key_check')).body.data.rows).toEqual([])
      },
    ),
    { numRuns: Number(process.env.RUNS ?? 20), endOnFailure: false },
  )
  expect(outcomes.filter((outcome) => outcome === 'merged').length).toBeGreaterThan(outcomes.length / 4)
})
