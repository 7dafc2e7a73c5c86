import { expect, test } from 'vitest'
import { matchFor, wordsOf } from './search-terms.ts'

test.each([
  ['customer_id', 'customer id'],
  ['emailAddress', 'email address'],
  ['HTTPRequestLog', 'http request log'],
  ['Größe', 'große'],
  ['naïve café', 'naive cafe'],
  ['line2Total', 'line2 total'],
  ['🎉!', ''],
])('%s has the words %s', (name, words) => {
  expect(wordsOf(name).join(' ')).toBe(words)
})

test('nothing of what is looked for is read as a query', () => {
  expect(matchFor('  ')).toBeUndefined()
  const outside = (matchFor('" OR name : (x) NOT "y* ^z') as string).replace(/"[\p{L}\p{N} ]*"/gu, '""')
  expect(new Set(outside.match(/[\p{L}\p{N}]+/gu))).toEqual(new Set(['whole', 'name', 'about', 'context', 'OR', 'AND']))
  expect(outside).toMatch(/^[ ()"*:{}\p{L}]*$/u)
})

test('words that every question has are left out, unless there are no others', () => {
  expect(matchFor('which table has the orders')).not.toContain('"which"')
  expect(matchFor('which is it')).toContain('"which"')
})
