import { expect, test } from 'vitest'
import { hashToCell } from './cell-hash.ts'

test.each([
  // Folders of existing instances depend on these values.
  ['acme', 2, 0],
  ['acme', 3, 2],
  ['acme', 64, 62],
  ['a', 2, 1],
  ['my-db', 2, 1],
  ['tenant-42', 5, 3],
])('%s is in the same cell of %d as ever: %d', (name, cells, cell) => {
  expect(hashToCell(name, cells)).toBe(cell)
})

test('with one cell, it has every namespace', () => {
  for (const name of ['a', 'acme', 'x'.repeat(63)]) expect(hashToCell(name, 1)).toBe(0)
})

const kinds: Record<string, (i: number) => string> = {
  numbered: (i) => `tenant-${i}`,
  'numbered with leading zeros': (i) => `t${String(i).padStart(6, '0')}`,
  'by letters': (i) => `customer-${i.toString(36)}-prod`,
  hashes: (i) => `ns-${(i * 2_654_435_761).toString(16)}`,
}
test.each(Object.keys(kinds).flatMap((kind) => [2, 3, 4, 7, 8, 16].map((cells) => [kind, cells] as const)))(
  '%s names spread evenly over %d cells',
  (kind, cells) => {
    const counts = Array<number>(cells).fill(0)
    for (let i = 0; i < 20_000; i++) {
      const cell = hashToCell(kinds[kind]?.(i) ?? '', cells)
      counts[cell] = (counts[cell] ?? 0) + 1
    }
    const even = 20_000 / cells
    for (const count of counts) expect(Math.abs(count - even) / even).toBeLessThan(0.1)
  },
)
