import { expect, test } from 'vitest'
import { Counts } from './socket-limits.ts'

test('counts are taken from all keys or none, and given back once', () => {
  const counts = new Counts()
  const both = [
    { key: 'a', by: 2, most: 5 },
    { key: 'b', by: 1, most: 2 },
  ]
  const first = counts.take(both)
  expect(counts.take(both)).toBeTypeOf('function')
  expect(counts.take(both)).toBeUndefined()
  expect(counts.take([{ key: 'a', by: 1, most: 5 }])).toBeTypeOf('function')
  expect(counts.take([{ key: 'a', by: 1, most: 5 }])).toBeUndefined()
  first?.()
  first?.()
  expect(counts.take(both)).toBeTypeOf('function')
  expect(counts.take([{ key: 'b', by: 1, most: 2 }])).toBeUndefined()
})
