import { expect, test } from 'vitest'
import { txtRecords } from './txt-records.ts'

const answer = (...data: string[]) =>
  JSON.stringify({
    Status: 0,
    Answer: data.map((text) => ({ name: '_persql.a.example', type: 16, TTL: 300, data: text })),
  })

test.each([
  ['"persql-verify=abc"', 'persql-verify=abc'],
  ['persql-verify=abc', 'persql-verify=abc'],
  ['"persql-" "verify=abc"', 'persql-verify=abc'],
  ['"persql-""verify=abc"', 'persql-verify=abc'],
  ['"two words" " more"', 'two words more'],
  ['"a \\"quoted\\" \\\\ word"', 'a "quoted" \\ word'],
  ['"a\\059b\\032c"', 'a;b c'],
  ['""', ''],
])('the record %s says %j', (data, value) => {
  expect(txtRecords(answer(data))).toEqual([value])
})

test('all records of a name are given, and those of another type are not', () => {
  const records = [
    { type: 5, data: 'elsewhere.example.' },
    { type: 16, data: '"one"' },
    { type: 16, data: '"two"' },
  ]
  expect(txtRecords(JSON.stringify({ Status: 0, Answer: records }))).toEqual(['one', 'two'])
})

test('no such name, and a name without records, are no values', () => {
  expect(txtRecords('{"Status":3}')).toEqual([])
  expect(txtRecords('{"Status":0}')).toEqual([])
})

test.each(['{"Status":2}', '{"Status":5}', '{}', '[]', '', '<html>', '{"Status":0,"Answer":[{"type":16}]}'])(
  'the answer %j is a failure, not an absence',
  (text) => {
    expect(() => txtRecords(text)).toThrow()
  },
)
