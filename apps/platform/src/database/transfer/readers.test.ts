import { expect, test } from 'vitest'
import { CsvReader } from './csv-reader.ts'
import { DumpReader } from './dump-reader.ts'
import { ImportStepBuilder, type Reader, readPiece } from './import-steps.ts'
import { NdjsonReader } from './ndjson-reader.ts'
import { Cursor } from './text-cursor.ts'

type Create = (steps: ImportStepBuilder) => Reader
const target = { table: 't', columns: undefined }
const dump: Create = (steps) => new DumpReader(steps)
const csv: Create = (steps) => new CsvReader(steps, target)
const ndjson: Create = (steps) => new NdjsonReader(steps, target)

function read(create: Create, ...texts: string[]): string[] {
  const steps = new ImportStepBuilder()
  const reader = create(steps)
  for (const text of texts) reader.add(text)
  reader.end()
  return [...steps.take(true)]
}

const FILES: [string, Create, string][] = [
  [
    'comments',
    dump,
    "INSERT INTO t VALUES -- first\n(1, 'a') /* b; */ , -- c\n(/* d */ 2, 'e''f') /* end */ ;\nSELECT 1;\n",
  ],
  ['expressions', dump, "INSERT INTO t VALUES (1 - 1, lower('A')), (-2.5e1, CURRENT_DATE);"],
  ['a query', dump, "INSERT INTO t SELECT 1, ';' -- ;\n;INSERT INTO t VALUES (1, 2) ON CONFLICT DO NOTHING;"],
  ['constants', dump, "INSERT INTO t VALUES (NULL, TRUE), (X'00ff', CAST(X'61' AS TEXT)), (+1, -.5);"],
  ['columns', dump, 'INSERT OR REPLACE INTO "t t" ("a", b) VALUES(1,2),(3,4);CREATE TABLE u (a);\n.timer off\n'],
  [
    'a trigger',
    dump,
    "CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u; SELECT '/*'; END;\nINSERT INTO t VALUES (1, 2);",
  ],
  ['quoted fields', csv, 'a,b\r\n1,"x, ""y""\nz"\r\n,\r\n"",2\n'],
  ['a field at the end', csv, 'a,b\n1,"2"'],
  ['objects', ndjson, '{"a":1,"b":"x\\n}"}\r\n\n{"b":null,"a":-1.5e3}\n{"a":"é😀"}'],
]

test.each(FILES)('a file with %s means the same wherever its parts end', (_, create, file) => {
  const whole = read(create, file)
  for (let at = 0; at <= file.length; at++)
    expect(read(create, file.slice(0, at), file.slice(at)), `cut at ${at}`).toEqual(whole)
  expect(read(create, ...file)).toEqual(whole)
})

test('the rows of a long INSERT mean the same wherever its parts end', () => {
  const rows = Array.from({ length: 9_000 }, (_, i) => `(${i}, 'b cc')`).join(',')
  const end = "/* a */ , /* b */ (-1, '-') -- c\n, (NULL, 'd') /* ; */ ;\nINSERT INTO t VALUES (3, 'e');"
  const file = `INSERT INTO t VALUES ${rows}${end}`
  const whole = read(dump, file)
  for (let at = file.length - end.length; at <= file.length; at++) {
    expect(read(dump, file.slice(0, at), file.slice(at)), `cut at ${at}`).toEqual(whole)
  }
})

test('a position can be marked and returned to, wherever the parts of its text end', () => {
  const cursor = new Cursor()
  cursor.add('a\nb\n')
  cursor.advance(2)
  cursor.mark()
  cursor.advance(4)
  expect([cursor.line, cursor.text.slice(cursor.markedAt, cursor.at)]).toEqual([3, 'b\n'])
  cursor.add('c\nd')
  expect([cursor.line, cursor.text.slice(cursor.at), cursor.text.slice(cursor.markedAt)]).toEqual([
    3,
    'c\nd',
    'b\nc\nd',
  ])
  cursor.advance(cursor.at + 2)
  cursor.rewind()
  expect([cursor.line, cursor.text.slice(cursor.at)]).toEqual([2, 'b\nc\nd'])
  cursor.mark()
  cursor.advance(cursor.at + 2)
  cursor.unmark()
  cursor.add('')
  expect([cursor.line, cursor.at, cursor.text]).toEqual([3, 0, 'c\nd'])
})

test('a statement for many rows is short, so that other calls run after it', () => {
  const file = `a,b\n${Array.from({ length: 20_000 }, (_, i) => `${i},text ${i}\n`).join('')}`
  const pieces = read(csv, file)
  const steps = pieces.flatMap((piece) => readPiece(piece))
  const lengths = steps.map((step) => (step.kind === 'rows' ? step.rows.join().length : 0))
  expect(steps.flatMap((step) => (step.kind === 'rows' ? step.rows : []))).toHaveLength(20_000)
  expect(Math.max(...lengths)).toBeLessThanOrEqual(8_000)
  expect(pieces.length).toBeLessThanOrEqual(3)
})
