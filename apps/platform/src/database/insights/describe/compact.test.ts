import { expect, test } from 'vitest'
import { compactText } from './compact.ts'

const table = (name: string, rowCount: number | null) => ({
  table: name,
  description: null,
  rowCount,
  columns: [],
  foreignKeys: [],
  indexes: [],
})

test('the number of rows has its noun in the right number', () => {
  const tables = [table('one', 1), table('many', 1234), table('unknown', null)] as never[]
  expect(compactText({ databaseDescription: null, tables, views: [], triggers: [] } as never)).toBe(
    'SQLite database\n\none (1 row)\n\nmany (1,234 rows)\n\nunknown',
  )
})
