import { expect, test } from 'vitest'
import { startPlatform } from '../harness.ts'
import { createBranch, databaseWith, merge, ran, readRows } from '../merge-helpers.ts'

const NEW_ROWS = 20_000

test('killed at any moment of a merge, a database is as before or as after, and can be merged again', async () => {
  const platform = await startPlatform()
  try {
    const { token } = await platform.createNamespace('acme')
    const seen = new Set<string>()
    for (let round = 0; round < 10; round++) {
      const isData = round % 2 === 1
      const db = await databaseWith(platform, token, [
        'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b)',
        'CREATE INDEX by_a ON t (a)',
        'CREATE TABLE log (n)',
        'CREATE TRIGGER logs AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.id); END',
      ])
      const branch = await createBranch(platform, db)
      await ran(db, numbered(0, 5_000), 'DELETE FROM log')
      if (isData) await ran(branch, numbered(1_000_000, NEW_ROWS), 'DELETE FROM log')
      else await ran(branch, 'DROP TABLE t', 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, c DEFAULT 5)')
      const mode = isData ? 'data' : 'schema'
      const under = merge(db, { mode, allowDataLoss: true }).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, round * (isData ? 60 : 12)))
      await platform.kill()
      await under
      await platform.restart()
      const state = async () => {
        const columns = await readRows(db, "SELECT group_concat(name) FROM pragma_table_xinfo('t')")
        const objects = await readRows(
          db,
          "SELECT group_concat(name) FROM (SELECT name FROM sqlite_master WHERE name NOT GLOB '_*' ORDER BY name)",
        )
        const [[rows, logged, staged]] = await readRows(
          db,
          "SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM log), (SELECT count(*) FROM sqlite_master WHERE name GLOB '_persql_merge*')",
        )
        return JSON.stringify({ columns, objects, rows, logged, staged })
      }
      const before = { columns: [['id,a,b']], objects: [['by_a,log,logs,t']], rows: 5_000, logged: 0, staged: 0 }
      const after = isData
        ? { ...before, rows: 5_000 + NEW_ROWS }
        : { ...before, columns: [['id,a,c']], objects: [['log,t']] }
      const found = await state()
      expect([JSON.stringify(before), JSON.stringify(after)]).toContain(found)
      seen.add(found === JSON.stringify(before) ? 'before' : 'after')
      const again = await merge(db, { mode, allowDataLoss: true })
      expect([again.success, again.error]).toEqual([true, undefined])
      expect(await state()).toBe(JSON.stringify(after))
    }
    expect([...seen]).toContain('before')
  } finally {
    await platform.stop()
  }
})

test('killed at any moment of a second merge, a database knows of just as much as it has merged', async () => {
  const platform = await startPlatform()
  try {
    const { token } = await platform.createNamespace('acme')
    const seen = new Set<string>()
    for (let round = 0; round < 8; round++) {
      const db = await databaseWith(platform, token, ['CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b)'])
      const branch = await createBranch(platform, db)
      await ran(branch, numbered(0, 10_000))
      expect((await merge(db, { mode: 'data' })).data.applied).toBe(true)
      await ran(branch, "UPDATE t SET a = 'branch' WHERE id < 4000", 'DELETE FROM t WHERE id >= 9000')
      await ran(db, "UPDATE t SET a = 'parent' WHERE id >= 4000 AND id < 5000", 'DELETE FROM t WHERE id = 5000')
      const under = merge(db, { mode: 'data' }).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, round * 60))
      await platform.kill()
      await under
      await platform.restart()
      const state = async () => (await readRows(db, STATE))[0]
      const [before, after] = [
        [9_999, 0, 1_000, 0],
        [8_999, 4_000, 1_000, 0],
      ]
      const found = await state()
      expect([before, after]).toContainEqual(found)
      seen.add(found[1] === 0 ? 'before' : 'after')
      // The branch restores the first merged values, which reveals a record that is older than the rows.
      await ran(branch, "UPDATE t SET a = 'row ' || id WHERE id < 2000")
      const again = await merge(db, { mode: 'data' })
      expect([again.error, again.data.data.conflicts]).toEqual([undefined, []])
      expect(await state()).toEqual([8_999, 2_000, 1_000, 0])
    }
    expect([...seen]).toContain('before')
  } finally {
    await platform.stop()
  }
})

const STATE = `SELECT count(*), count(*) FILTER (WHERE a = 'branch'), count(*) FILTER (WHERE a = 'parent'),
  (SELECT count(*) FROM sqlite_master WHERE name GLOB '_persql_merge*' OR name IN ('_persql_verdicts', '_persql_replaced')) FROM t`

/** Inserts that many rows, with keys from a number on. */
const numbered = (from: number, count: number) =>
  `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1}) INSERT INTO t (id, a) SELECT ${from} + i, 'row ' || i FROM n`
