import { expect, test } from 'vitest'
import { matchFor, splitWords } from './search-terms.ts'

test.each([
  ['customer_id', 'customer id'],
  ['emailAddress', 'email address'],
  ['HTTPRequestLog', 'http request log'],
  ['Größe', 'große'],
  ['naïve café', 'naive cafe'],
  ['line2Total', 'line2 total'],
  ['🎉!', ''],
])('%s has the words %s', (name, words) => {
  expect(splitWords(name).join(' ')).toBe(words)
})

test('never interprets the search text as query syntax', () => {
  expect(matchFor('  ')).toBeUndefined()
  const outside = (matchFor('" OR name : (x) NOT "y* ^z') as string).replace(/"[\p{L}\p{N} ]*"/gu, '""')
  expect(new Set(outside.match(/[\p{L}\p{N}]+/gu))).toEqual(new Set(['whole', 'name', 'about', 'context', 'OR', 'AND']))
  expect(outside).toMatch(/^[ ()"*:{}\p{L}]*$/u)
})

test('omits stop words, unless the search has only stop words', () => {
  expect(matchFor('which table has the orders')).not.toContain('"which"')
  expect(matchFor('which is it')).toContain('"which"')
})
