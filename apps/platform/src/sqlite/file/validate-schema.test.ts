import { expect, test } from 'vitest'
import type { SchemaObject } from '../schema.ts'
import { checkSchema } from './validate-schema.ts'

const checked = (type: SchemaObject['type'], sql: string) => {
  const object = { type, name: 'x', sql }
  return () => checkSchema(type === 'table' ? { tables: [object], others: [] } : { tables: [], others: [object] })
}

test('what SQLite writes into a schema is taken', () => {
  for (const [type, sql] of [
    ['table', 'CREATE TABLE x (a, "using" TEXT DEFAULT \';\')'],
    ['table', 'CREATE VIRTUAL TABLE "using rtree" USING FTS5(a)'],
    ['table', 'CREATE VIRTUAL TABLE x USING "rtree"(id, a, b)'],
    ['index', 'CREATE UNIQUE INDEX x ON t (a)'],
    ['view', 'CREATE VIEW x AS SELECT 1 -- ;'],
    ['trigger', 'CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; DELETE FROM t; END'],
  ] as const) {
    expect(checked(type, sql), sql).not.toThrow()
  }
})

test('what makes something else, or more than one thing, is refused', () => {
  for (const [type, sql] of [
    ['table', 'CREATE VIEW x AS SELECT 1'],
    ['table', 'DROP TABLE x'],
    ['view', 'CREATE TEMP VIEW x AS SELECT 1'],
    ['view', 'CREATE VIEW x AS SELECT 1; DROP TABLE t'],
    ['trigger', 'CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END; DROP TABLE t'],
    ['table', 'CREATE VIRTUAL TABLE x USING sqlite_dbpage'],
    ['table', 'CREATE VIRTUAL TABLE "x using fts5" USING csv(filename=a)'],
    ['table', 'CREATE VIRTUAL TABLE x /* USING fts5 */ USING dbstat'],
  ] as const) {
    expect(checked(type, sql), sql).toThrow(expect.objectContaining({ code: 'sqlite_file_refused' }))
  }
})
