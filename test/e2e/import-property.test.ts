import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { type Database, exportText, imported, maker } from '../transfer.ts'

let platform: TestPlatform
let made: () => Promise<Database>

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '500' } })
  made = maker(platform, (await platform.createNamespace('acme')).token)
})
afterAll(() => platform.stop())

const name = fc.constantFrom('a', 'B c', 'd"e', "f'g", 'values', 'h;i', '漢', 'j--k', '[l]', 'm`n')
const type = fc.constantFrom('', 'TEXT', 'INT', 'REAL', 'BLOB', 'NUMERIC', 'VARCHAR(10)', 'TEXT COLLATE NOCASE')
const value = fc.oneof(
  fc.constantFrom(
    'NULL',
    "''",
    "x''",
    '1.0',
    '9e999',
    '-1e-300',
    '9223372036854775807',
    "char(0) || 'x'",
    "'a;b--'",
    '0.1 + 0.2',
  ),
  fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }).map(String),
  fc
    .string({ unit: 'binary', maxLength: 20 })
    .filter((text) => !text.includes('\0'))
    .map((text) => `'${text.replaceAll("'", "''")}'`),
  fc.uint8Array({ maxLength: 10 }).map((bytes) => `x'${Buffer.from(bytes).toString('hex')}'`),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number.toExponential()),
)
const quote = (text: string) => `"${text.replaceAll('"', '""')}"`

interface Table {
  columns: { name: string; type: string }[]
  kind: 'plain' | 'strict' | 'without' | 'fts' | 'auto'
  generated: boolean
  index: 'none' | 'partial' | 'expression' | 'unique'
  trigger: boolean
  view: boolean
  rows: string[][]
}
const table: fc.Arbitrary<Table> = fc
  .record({
    columns: fc.uniqueArray(fc.record({ name, type }), {
      minLength: 1,
      maxLength: 4,
      selector: (column) => column.name,
    }),
    kind: fc.constantFrom<Table['kind']>('plain', 'strict', 'without', 'fts', 'auto'),
    generated: fc.boolean(),
    index: fc.constantFrom<Table['index']>('none', 'partial', 'expression', 'unique'),
    trigger: fc.boolean(),
    view: fc.boolean(),
  })
  .chain((shape) => {
    const width = shape.columns.length
    const rows = fc.array(fc.array(value, { minLength: width, maxLength: width }), { maxLength: 8 })
    return rows.map((each) => ({ ...shape, rows: each }))
  })

function listStatements({ columns, kind, generated, index, trigger, view, rows }: Table, number: number): string[] {
  const [own, first] = [quote(`t ${number}`), quote(columns[0]?.name ?? '')]
  const names = columns.map((column) => quote(column.name)).join(', ')
  const into = rows.map((row) => `INSERT OR IGNORE INTO ${own} (${names}) VALUES (${row.join(', ')})`)
  if (kind === 'fts')
    return [
      `CREATE VIRTUAL TABLE ${own} USING fts5(${columns.map((_, i) => `c${i}`)})`,
      ...rows.map((row) => `INSERT INTO ${own} VALUES (${row.join(', ')})`),
    ]
  const key = { plain: '', strict: '', without: 'key', auto: 'id INTEGER PRIMARY KEY AUTOINCREMENT, ' }[kind]
  const defined = columns.map((column, i) => {
    const typed = kind === 'strict' ? 'ANY' : column.type
    return `${quote(column.name)} ${typed}${key === 'key' && i === 0 ? ' PRIMARY KEY' : ''}`
  })
  const more = generated
    ? `, gen ${kind === 'strict' ? 'ANY ' : ''}AS (typeof(${first}))${kind === 'plain' ? ' STORED' : ''}`
    : ''
  const options = { plain: '', strict: ' STRICT', without: ' WITHOUT ROWID', auto: '' }[kind]
  const on = `${quote(`i ${number}`)} ON ${own}`
  return [
    `CREATE TABLE ${own} (${kind === 'auto' ? key : ''}${defined.join(', ')}${more})${options}`,
    ...{
      none: [],
      partial: [`CREATE INDEX ${on} (${first}) WHERE ${first} IS NOT NULL`],
      expression: [`CREATE INDEX ${on} (hex(${first}) || 'x;y')`],
      unique: [`CREATE UNIQUE INDEX ${on} (${names})`],
    }[index],
    ...(view ? [`CREATE VIEW ${quote(`v ${number}`)} AS SELECT ${first} AS "x;" FROM ${own} -- why;`] : []),
    ...(trigger
      ? [
          `CREATE TRIGGER ${quote(`g ${number}`)} AFTER INSERT ON ${own} BEGIN DELETE FROM log; INSERT INTO log VALUES ('END;'); END`,
        ]
      : []),
    ...into,
  ]
}

test('a dump of any schema with any rows, imported elsewhere, gives the same dump, and CSV and NDJSON the same table', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(table, { minLength: 1, maxLength: 4 }), async (tables) => {
      const source = await made()
      const statements = ['CREATE TABLE log (n)', ...tables.flatMap(listStatements)]
      for (let at = 0; at < statements.length; at += 50) {
        const made = await source.batch(statements.slice(at, at + 50).map((sql) => ({ sql })))
        expect([made.status, made.body.error], JSON.stringify(statements[at + (made.body.statement ?? 0)])).toEqual([
          200,
          undefined,
        ])
      }
      const dump = await exportText(source)
      expect(dump).toContain(
        'CREATE TABLE "t 0"'.replace('TABLE', tables[0]?.kind === 'fts' ? 'VIRTUAL TABLE' : 'TABLE'),
      )
      const copy = await made()
      const { status, body } = await imported(copy, dump, 'format=sql')
      expect(status, JSON.stringify(body)).toBe(200)
      expect(await exportText(copy)).toBe(dump)
      for (const format of ['csv', 'ndjson']) {
        const query = `format=${format}&table=t%200`
        const file = await exportText(source, query)
        if (tables[0]?.kind === 'fts' || tables[0]?.kind === 'auto' || file === '') continue
        await copy.query('DELETE FROM "t 0"')
        const again = await imported(copy, file, query)
        expect(again.status, JSON.stringify(again.body)).toBe(200)
        expect(await exportText(copy, query)).toBe(file)
      }
    }),
    { numRuns: 40 },
  )
})
