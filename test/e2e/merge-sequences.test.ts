import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { createBranch, databaseWith, merge, type TestDatabase } from '../merge-helpers.ts'

let platform: TestPlatform
let token: string
beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '50' } })
  token = (await platform.createNamespace('acme')).token
})
afterAll(() => platform.stop())

/** Tables with different kinds of keys, and a function from a number to a key of each. */
const tables = [
  { sql: 'CREATE TABLE t (k INTEGER PRIMARY KEY, v)', key: (n: number) => `${n}` },
  { sql: 'CREATE TABLE t (k INTEGER PRIMARY KEY, v)', key: (n: number) => `${9_007_199_254_740_993n + BigInt(n)}` },
  { sql: 'CREATE TABLE t (v, k TEXT PRIMARY KEY COLLATE NOCASE)', key: (n: number) => `'key ''${n}'` },
  { sql: 'CREATE TABLE t (k BLOB PRIMARY KEY, v) WITHOUT ROWID', key: (n: number) => `x'00${n}f'` },
  { sql: 'CREATE TABLE t (k PRIMARY KEY, v, w AS (v) STORED)', key: (n: number) => `${n}.5` },
  { sql: 'CREATE TABLE t (x DEFAULT 1, k, v, rowid, PRIMARY KEY (k, x))', key: (n: number) => `'${n}'` },
  { sql: 'CREATE VIRTUAL TABLE t USING fts5(k, v)', key: (n: number) => `${n}` },
]
/** Values as SQL says them; to SQLite some are alike that are not the same. */
const values = ['NULL', '1', '1.0', "'1'", "x'31'", "'it''s'", "CAST(x'610062' AS TEXT)", '9007199254740993', "'é'"]

interface Edit {
  readonly onBranch: boolean
  readonly key: number
  /** None deletes the row. */
  readonly value: number | undefined
}
const edit: fc.Arbitrary<Edit> = fc.record({
  onBranch: fc.boolean(),
  key: fc.integer({ min: 0, max: 5 }),
  value: fc.option(fc.integer({ min: 0, max: values.length - 1 }), { nil: undefined, freq: 3 }),
})
const round: fc.Arbitrary<Round> = fc.record({
  edits: fc.array(edit, { maxLength: 8 }),
  side: fc.constantFrom('abort' as const, 'branch' as const, 'parent' as const),
})

interface Round {
  edits: Edit[]
  side: 'abort' | 'branch' | 'parent'
}

const edited = (onBranch: boolean, key: number, value?: number): Edit => ({ onBranch, key, value })
/** Rounds in which all happens that may: what random ones come to is up to chance. */
const everyCase: Round[] = [
  { edits: [0, 1, 2, 3, 4].map((key) => edited(true, key, key)), side: 'abort' },
  {
    edits: [
      edited(true, 0),
      edited(true, 1, 5),
      edited(false, 1),
      edited(true, 2),
      edited(false, 2, 5),
      edited(true, 3, 5),
      edited(false, 3, 6),
    ],
    side: 'abort',
  },
  { edits: [edited(true, 4, 7)], side: 'parent' },
  { edits: [], side: 'branch' },
]

type Rows = Map<number, number>

/** Merges as plainly as it can be said. */
class Model {
  readonly parent: Rows = new Map()
  readonly branch: Rows = new Map()
  readonly base: Rows = new Map()

  merge(side: 'abort' | 'branch' | 'parent') {
    const result = { inserted: 0, updated: 0, deleted: 0, conflicts: 0 }
    const next = new Map(this.parent)
    for (const key of new Set([...this.parent.keys(), ...this.branch.keys()])) {
      const [base, branch, parent] = [this.base.get(key), this.branch.get(key), this.parent.get(key)]
      const isKnown = this.base.has(key)
      if (branch === parent || (isKnown && branch === base) || (!isKnown && branch === undefined)) continue
      const isConflict = isKnown ? parent !== base : parent !== undefined
      if (isConflict) result.conflicts++
      if (isConflict && side !== 'branch') continue
      if (branch === undefined) next.delete(key)
      else next.set(key, branch)
      result[branch === undefined ? 'deleted' : parent === undefined ? 'inserted' : 'updated']++
    }
    if (side === 'abort' && result.conflicts > 0) return { ...result, isRefused: true }
    this.parent.clear()
    for (const [key, value] of next) this.parent.set(key, value)
    for (const key of new Set([...this.base.keys(), ...this.branch.keys()])) {
      const value = this.branch.get(key)
      if (value !== next.get(key)) continue
      if (value === undefined) this.base.delete(key)
      else this.base.set(key, value)
    }
    return { ...result, isRefused: false }
  }
}

test('merging again and again does to rows what a three-way merge of plain maps does', async () => {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...tables),
      fc.array(round, { minLength: 1, maxLength: 4 }),
      async (table, rounds) => {
        const isVirtual = table.sql.includes('VIRTUAL')
        const name = isVirtual ? 'rowid' : 'k'
        const db = await databaseWith(platform, token, [table.sql])
        const branch = await createBranch(platform, db)
        const model = new Model()
        for (const { edits, side } of rounds) {
          for (const onBranch of [true, false]) {
            const mine = edits.filter((each) => each.onBranch === onBranch)
            const rows = onBranch ? model.branch : model.parent
            const statements = mine.flatMap(({ key, value }) => {
              const at = table.key(key)
              if (value === undefined) rows.delete(key)
              else rows.set(key, value)
              const sql = [`DELETE FROM t WHERE ${name} = ${at}`]
              if (value !== undefined) sql.push(`INSERT INTO t (${name}, v) VALUES (${at}, ${values[value]})`)
              return sql.map((text) => ({ sql: text }))
            })
            if (statements.length === 0) continue
            const { status, body } = await (onBranch ? branch : db).batch(statements, { transaction: true })
            expect([status, body.error]).toEqual([200, undefined])
          }
          const plan = await merge(db, { onConflict: side })
          const answer = await merge(db, { mode: 'data', onConflict: side, expectedPlan: plan.data.planHash })
          const { isRefused, ...expected } = model.merge(side)
          const report = isRefused ? answer.merge : answer.data
          expect([answer.code, report.data]).toEqual([isRefused ? 'merge_conflict' : undefined, plan.data.data])
          const { inserted = 0, updated = 0, deleted = 0, conflicts = 0 } = report.data.tables[0] ?? {}
          expect({ inserted, updated, deleted, conflicts }).toEqual(expected)
          expect(report.data.conflicts.length).toBe(expected.conflicts)
          expect(report.data.deletions.length).toBe(expected.deleted)
          for (const [what, count] of Object.entries(expected)) if (count > 0) seen.add(`${what} ${side}`)
          for (const { reason } of report.data.conflicts) seen.add(reason)
          expect(await readState(db, name)).toEqual(said(model.parent, table.key))
          expect(await readState(branch, name)).toEqual(said(model.branch, table.key))
        }
      },
    ),
    {
      numRuns: Number(process.env.RUNS ?? 40),
      endOnFailure: false,
      examples: tables.map((table) => [table, everyCase] as [typeof table, Round[]]),
    },
  )
  for (const what of ['differs', 'deleted_in_branch', 'deleted_in_parent', 'deleted abort', 'updated parent']) {
    expect([...seen]).toContain(what)
  }
})

const readState = async (db: TestDatabase, key: string): Promise<string[]> => {
  const value = "CASE WHEN instr(v, char(0)) > 0 THEN 'CAST(X''' || hex(v) || ''' AS TEXT)' ELSE quote(v) END"
  const { data } = (await db.query(`SELECT quote(${key}) || ' ' || ${value} FROM t`)).body
  return (data.rows as [string][]).map(([text]) => text.toLowerCase()).sort()
}
const said = (rows: Rows, key: (n: number) => string): string[] =>
  [...rows].map(([n, value]) => `${key(n)} ${values[value]}`.toLowerCase()).sort()
