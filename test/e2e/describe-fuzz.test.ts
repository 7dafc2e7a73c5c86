import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let token: string

beforeAll(async () => {
  platform = await sharedPlatform()
  token = (await platform.createNamespace(ns)).token
})
afterAll(() => platform.stop())

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
const unlike = { selector: (name: string) => name.toLowerCase() }

const names = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
    fc.constantFrom('p', 'k', 'c', 'c0', 'r', 'rowid', 'oid', 'id', 'a b', '"', "'", '`', ']', '[x]', 'data', 'order'),
    fc.constantFrom('(expression)', '(long)', 'price', 'seen_at', 'user_id', 'metadata', '$1', '?', ':a', '--', '/*'),
  )
  .map((name) => name.replaceAll('\0', '0').toWellFormed())
  .filter((name) => name.trim() !== '' && !/^(sqlite_|_persql_|_cf_)/i.test(name))

const types = fc.constantFrom('', 'INTEGER', 'TEXT', 'REAL', 'BLOB', 'NUMERIC', 'JSON', 'STRING', 'POINT', 'VARCHAR(9)')

const values = fc.constantFrom(
  ...['NULL', '1', '-9223372036854775808', '1e300', '-0.0', '9e999', "''", "'a'", "'A '", "x''", "x'00ff'", "'{'"],
  ...['\'{"a":1}\'', "'true'", "'2026-01-02'", "'02/01/2026'", "'1767312000'", 'char(0)', 'char(55296)', "'🎉注ß'"],
  ...["CAST(x'ff' AS TEXT)", 'hex(zeroblob(20000))', '1767312000000'],
)

const tables = fc.uniqueArray(
  fc.record({
    name: names,
    columns: fc.uniqueArray(names, { minLength: 1, maxLength: 6, ...unlike }),
    types: fc.array(types, { minLength: 6, maxLength: 6 }),
    parent: fc.option(names),
    key: fc.constantFrom('', 'PRIMARY KEY', 'UNIQUE', 'NOT NULL'),
    rows: fc.array(fc.array(values, { minLength: 6, maxLength: 6 }), { maxLength: 6 }),
    index: fc.constantFrom('', 'INDEX', 'UNIQUE INDEX'),
  }),
  { minLength: 1, maxLength: 5, selector: ({ name }) => name.toLowerCase() },
)

test('any tables can be described and examined, and each fix runs', async () => {
  let databases = 0
  let examined = 0
  let fixed = 0
  await fc.assert(
    fc.asyncProperty(tables, async (list) => {
      const slug = `db-${++databases}`
      await platform.request('/v1/databases', { token, body: { slug } })
      const db = platform.database(ns, slug, token)
      const made: string[] = []
      const sql = (text: string) => db.query(text).then(({ body }) => body.error === undefined)
      for (const { name, columns, types, key, parent, rows, index } of list) {
        const declared = columns.map((column, i) => `${quoted(column)} ${types[i]} ${i === 0 ? key : ''}`)
        const target = parent ?? list[0]?.name ?? name
        const references = `FOREIGN KEY (${quoted(columns.at(-1) as string)}) REFERENCES ${quoted(target)}`
        if (!(await sql(`CREATE TABLE ${quoted(name)} (${[...declared, references]})`))) continue
        made.push(name)
        // Rows that a constraint refuses are left out.
        for (const row of rows) await sql(`INSERT INTO ${quoted(name)} VALUES (${row.slice(0, columns.length)})`)
        if (index)
          await sql(`CREATE ${index} ${quoted(`by ${name}`)} ON ${quoted(name)} (${quoted(columns[0] as string)})`)
      }
      for (const path of ['/describe', '/describe?format=compact', '/search?q=a', '/doctor']) {
        const { status, body } = await db.request(path)
        expect([path, status, body.error]).toEqual([path, 200, undefined])
        if (path === '/describe') expect(body.data.tables).toHaveLength(made.length)
        if (path !== '/doctor') continue
        expect(body.data.tablesSampled).toBe(made.length)
        examined += made.length
        for (const { fix } of body.data.findings) {
          if (fix === undefined) continue
          expect([fix, await sql(fix)]).toEqual([fix, true])
          fixed++
        }
      }
    }),
    { numRuns: 60 },
  )
  expect([examined > 60, fixed > 20]).toEqual([true, true])
})
