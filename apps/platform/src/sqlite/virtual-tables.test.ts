import { expect, test } from 'vitest'
import { listSources, parseVirtualTable } from './virtual-tables.ts'

test.each([
  ['CREATE VIRTUAL TABLE f USING fts5(x)', []],
  ["CREATE VIRTUAL TABLE f USING fts5(x, content='secret')", ['secret']],
  ["CREATE VIRTUAL TABLE f USING fts5(x, c='secret')", ['secret']],
  ['CREATE VIRTUAL TABLE f USING fts5(x, co=secret)', ['secret']],
  ['CREATE VIRTUAL TABLE f USING fts5(x, con = "secret")', ['secret']],
  ['CREATE VIRTUAL TABLE f USING fts5(x, CONT=[secret])', ['secret']],
  ['CREATE VIRTUAL TABLE f USING fts5(x, cONTE   =   `secret`   )', ['secret']],
  ["CREATE VIRTUAL TABLE f USING fts5(x, conten='it''s')", ["it's"]],
  ['CREATE VIRTUAL TABLE f USING fts5(/* a */ x /* , c=no */, content /* */= secret)', []],
  ["CREATE VIRTUAL TABLE f USING fts5(x, content='')", []],
  ['CREATE VIRTUAL TABLE f USING fts5(x, content=)', []],
  ["CREATE VIRTUAL TABLE f USING fts5(x, content_='id', c=secret)", ['secret']],
  ["CREATE VIRTUAL TABLE f USING fts5(x, content_rowid='secret')", []],
  ['CREATE VIRTUAL TABLE f USING fts5(x, contentl=1, c=)', []],
  ['CREATE VIRTUAL TABLE f USING fts5(x, col=0, p=3, t=ascii, d=none, l=1)', []],
  ["CREATE VIRTUAL TABLE f USING fts5(x, t='unicode61 tokenchars ''=''')", []],
  ['CREATE VIRTUAL TABLE f USING fts5(x, unheard=secret)', undefined],
  ["CREATE VIRTUAL TABLE f USING fts5(x, content='secret' more)", undefined],
  ['CREATE VIRTUAL TABLE IF NOT EXISTS main."using" USING "FTS5"(x, c=secret)', ['secret']],
  ['CREATE VIRTUAL TABLE v USING fts5vocab(f, row)', ['f']],
  ["CREATE VIRTUAL TABLE v USING fts5vocab('f', 'row')", ['f']],
  ['CREATE VIRTUAL TABLE v USING fts5vocab(main, f, row)', undefined],
  ['CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, +content)', []],
  ['CREATE VIRTUAL TABLE r USING rtree_i32(id, x0, x1)', []],
  ['CREATE VIRTUAL TABLE e USING fts4(content=secret)', undefined],
  ['CREATE VIRTUAL TABLE e USING new_module', undefined],
  ['CREATE TABLE t (x)', undefined],
] as const)('%s reads %j', (sql, sources) => {
  expect(listSources(sql)).toEqual(sources)
})

test('arguments are cut at commas outside parentheses and quotes', () => {
  const sql = `CREATE VIRTUAL TABLE f USING fts5(a, "b, c", d (1, 2),, e = 'x, y' )`
  expect(parseVirtualTable(sql)?.args).toEqual(['a', '"b, c"', 'd (1, 2)', "e = 'x, y'"])
})
