import { expect, test } from 'vitest'
import { NamespaceUse } from './namespace-use.ts'

const read = (use: NamespaceUse, nowMs: number, name = 'persql_namespace_requests_total') =>
  new Map(
    use
      .collect(nowMs)
      .filter((sample) => sample.name === name)
      .map(({ labels, value }) => [labels?.namespace, value]),
  )
const times = (count: number, work: (i: number) => void) => {
  for (let i = 0; i < count; i++) work(i)
}

test('only the 20 namespaces with the most calls, and those with the most rows, are listed', () => {
  const use = new NamespaceUse()
  times(100, (i) => times(i + 1, () => use.add(`ns-${i}`, 100 - i)))
  const calls = read(use, 0)
  expect([...calls.keys()]).toEqual(Array.from({ length: 20 }, (_, i) => `ns-${99 - i}`))
  expect(calls.get('ns-99')).toBe(100)
  const rows = read(use, 0, 'persql_namespace_rows_total')
  expect(rows.size).toBe(20)
  expect([...rows.values()]).toEqual([...rows.values()].sort((a, b) => b - a))
})

test('a namespace that is busy now replaces one that was busy before, and continues with its own count later', () => {
  const use = new NamespaceUse()
  times(20, (i) => times(1_000, () => use.add(`old-${i}`, 0)))
  times(10, () => use.add('new', 0))
  expect(read(use, 0).has('new')).toBe(false)
  times(10, () => use.add('new', 0))
  read(use, 600_000)
  times(20, () => use.add('new', 0))
  expect(read(use, 600_000).get('new')).toBe(40)
  times(20, (i) => times(1_000, () => use.add(`old-${i}`, 0)))
  read(use, 1_200_000)
  expect(read(use, 1_200_000).get('old-0')).toBe(2_000)
})

test('no number of namespaces takes more than a bounded memory, and busy ones are kept', () => {
  const use = new NamespaceUse()
  times(50, () => use.add('busy', 0))
  times(20_000, (i) => use.add(`ns-${i}`, 0))
  expect(use.size).toBeLessThanOrEqual(2_000)
  expect(read(use, 0).get('busy')).toBe(50)
})
