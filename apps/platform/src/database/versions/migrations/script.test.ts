import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseScript, splitScript } from './script.ts'

const texts = (sql: string) => [...splitScript(sql)].map(({ text }) => text)
const refusal = (sql: string) => {
  try {
    parseScript(sql).statements
  } catch (cause) {
    return cause
  }
  throw new Error(`${sql} was taken.`)
}

const inner = fc.constantFrom(
  "';'",
  '"a;b"',
  '`a;`',
  '[a;b]',
  "'it''s; é 漢字 🙂'",
  "x'3b'",
  '/* ; END; */ 1',
  '-- ; END;\n 2',
  '1.5',
  'a',
  '(1)',
  "'BEGIN'",
  '"END"',
)
const plain = fc
  .tuple(
    fc.constantFrom('SELECT', 'INSERT INTO t SELECT', 'CREATE VIEW v AS SELECT'),
    fc.array(inner, { minLength: 1 }),
  )
  .map(([verb, items]) => `${verb} ${items.join(',\n')} , 1`)
const trigger = fc
  .tuple(
    fc.constantFrom('CREATE TRIGGER', 'create temp trigger', 'CREATE /* ; */ TRIGGER', 'EXPLAIN CREATE TRIGGER'),
    fc.array(
      fc.oneof(
        inner.map((item) => `SELECT ${item}, 0`),
        fc.constant('UPDATE t SET a = CASE WHEN a THEN 1 ELSE 2 END'),
        fc.constant('DELETE FROM t -- ;\n WHERE 1'),
      ),
      { minLength: 1, maxLength: 4 },
    ),
    fc.constantFrom('END', 'end', '/* ; */ END'),
  )
  .map(([create, body, end]) => `${create} x AFTER INSERT ON t BEGIN ${body.map((each) => `${each}; `).join('')}${end}`)
const between = fc.constantFrom(
  ';',
  ' ; ',
  ';\n\n',
  ';;',
  '; /* a; */ ;',
  ' -- why;\n;',
  ';\t-- CREATE TRIGGER\n',
  ';\ufeff',
)

test('a script that was joined from statements falls into those statements, each on its line', () => {
  const script = fc.array(fc.tuple(fc.oneof(plain, trigger), between), { maxLength: 12 })
  fc.assert(
    fc.property(script, fc.constantFrom('', ' ', '\n;', '/* first; */\n'), (parts, lead) => {
      let sql = lead
      const expected = parts.map(([text, separator]) => {
        const line = sql.split('\n').length
        sql += text + separator
        return { text, line }
      })
      expect([...splitScript(sql)].map(({ text, line }) => ({ text, line }))).toEqual(expected)
    }),
    { numRuns: 2_000 },
  )
})

test('the last statement needs no semicolon, not even behind a trigger', () => {
  const trigger = 'CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END'
  expect(texts('SELECT 1; SELECT 2')).toEqual(['SELECT 1', 'SELECT 2'])
  expect(texts(`${trigger};SELECT 2 -- done`)).toEqual([trigger, 'SELECT 2'])
  expect(texts(`SELECT 1;${trigger}`)).toEqual(['SELECT 1', trigger])
})

test('what is left open goes to the end, where SQLite refuses it', () => {
  expect(texts("SELECT 1; SELECT ';")).toEqual(['SELECT 1', "SELECT ';"])
  expect(texts('SELECT 1; /* SELECT 2;')).toEqual(['SELECT 1'])
  expect(texts('SELECT 1; CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; SELECT 2;')).toHaveLength(2)
})

test('a transaction around the whole script is removed, in every spelling', () => {
  for (const begin of ['BEGIN', 'begin transaction', 'BEGIN IMMEDIATE', 'BEGIN /* now */ EXCLUSIVE TRANSACTION']) {
    for (const commit of ['COMMIT', 'END', 'end transaction', 'COMMIT TRANSACTION']) {
      const { statements } = parseScript(`-- made by a tool\n${begin};\nSELECT 1;\nSELECT 2;\n${commit};\n`)
      expect(statements).toEqual([
        { number: 1, line: 3, text: 'SELECT 1' },
        { number: 2, line: 4, text: 'SELECT 2' },
      ])
    }
  }
})

test.each([
  ['SELECT 1; BEGIN; SELECT 2', 'BEGIN', 2],
  ['BEGIN; SELECT 1; COMMIT; SELECT 2', 'COMMIT', 2],
  ['BEGIN; BEGIN; SELECT 1; COMMIT', 'BEGIN', 1],
  ['SAVEPOINT a; SELECT 1', 'SAVEPOINT', 1],
  ['SELECT 1; ROLLBACK', 'ROLLBACK', 2],
  ['SELECT 1; SELECT ?', 'A parameter in a migration', 2],
  ['SELECT :a', 'A parameter in a migration', 1],
])('%s is refused for %s', (sql, what, number) => {
  expect(refusal(sql)).toMatchObject({
    code: 'statement_not_allowed',
    details: { what },
    extra: { failedStatement: { number } },
  })
})

test.each(['', ' ; ;', '-- nothing', '/* nothing', 'BEGIN; COMMIT', '\ufeff'])('%j holds no statement', (sql) => {
  expect(refusal(sql)).toMatchObject({ code: 'empty_statement' })
})

test.each([
  ['PRAGMA foreign_keys = OFF; SELECT 1', true],
  ['-- RedefineTables\nPRAGMA foreign_keys=0;\nSELECT 1;\nPRAGMA foreign_keys=1', true],
  ['PRAGMA foreign_keys=OFF; BEGIN; SELECT 1; COMMIT; PRAGMA foreign_keys=ON', true],
  ['BEGIN; PRAGMA foreign_keys=no; SELECT 1; COMMIT', true],
  ['SELECT 1; pragma main."foreign_keys"(false)', true],
  ['PRAGMA foreign_keys=ON; SELECT 1', false],
  ['pragma [foreign_keys] (yes); SELECT 1; PRAGMA foreign_keys = 1', false],
  ['SELECT 1', false],
])('%s leaves the switch out and says whether foreign keys are off', (sql, foreignKeysOff) => {
  const script = parseScript(sql)
  expect(script.foreignKeysOff).toBe(foreignKeysOff)
  expect(script.statements.map(({ text }) => text)).toEqual(['SELECT 1'])
})

test('a question for the setting stays', () => {
  expect(parseScript('PRAGMA foreign_keys').statements).toHaveLength(1)
})
