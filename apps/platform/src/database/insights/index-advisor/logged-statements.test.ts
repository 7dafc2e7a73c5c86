import { expect, test } from 'vitest'
import { distinctStatements } from './logged-statements.ts'

test('splits batches like SQLite, and divides their rows', () => {
  const found = distinctStatements(
    [
      ["SELECT ';' AS a;\nSELECT 2", 10, 6, 4],
      ['SELECT 2', 100, 50, 1],
    ],
    1_500,
  )
  expect(found).toEqual([
    { sql: 'SELECT 2', weight: 105, rowsPerRun: 50, slowestMs: 4 },
    { sql: "SELECT ';' AS a", weight: 5, rowsPerRun: 3, slowestMs: 4 },
  ])
})

test('ignores statements that are truncated or not allowed', () => {
  const long = `SELECT 1;\nSELECT ${'x'.repeat(2_000)}`.slice(0, 1_500)
  expect(distinctStatements([[long, 10, 10, 1]], 1_500).map(({ sql }) => sql)).toEqual(['SELECT 1'])
  expect(distinctStatements([['SELECT $a(;)', 10, 10, 1]], 1_500)).toEqual([])
})
