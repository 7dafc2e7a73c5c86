import { expect, test } from 'vitest'
import { layOut } from './layout.ts'

type Table = Parameters<typeof layOut>[0][number]

const createTable = (table: string, parent?: string): Table => ({
  table,
  description: null,
  rowCount: 0,
  columns: [],
  foreignKeys:
    parent === undefined
      ? []
      : [{ table: parent, columns: ['p'], to: ['id'], onDelete: 'NO ACTION', onUpdate: 'NO ACTION' }],
  indexes: [],
})

const isApart = ({ boxes }: ReturnType<typeof layOut>) =>
  boxes.every((a, i) =>
    boxes.every(
      (b, j) =>
        i >= j || a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y,
    ),
  )

test('what refers to a table stands to its right', () => {
  const { boxes, lines } = layOut([createTable('child', 'parent'), createTable('parent'), createTable('alone')])
  const at = Object.fromEntries(boxes.map(({ table, x, y }) => [table.table, { x, y }]))
  expect(at.child?.x).toBeGreaterThan(at.parent?.x ?? 0)
  expect(at.alone?.y).toBeGreaterThan(at.child?.y ?? 0)
  expect(lines).toHaveLength(1)
})

test.each([
  ['all of one parent', (n: number) => (n === 0 ? undefined : 't0')],
  ['a tree', (n: number) => (n === 0 ? undefined : `t${Math.floor(n / 3)}`)],
  ['alone', () => undefined],
])('hundreds of tables fill the frame and not a strip of it: %s', (_, getParent) => {
  const laid = layOut(Array.from({ length: 300 }, (_, n) => createTable(`t${n}`, getParent(n))))
  expect(laid.boxes).toHaveLength(300)
  expect(isApart(laid)).toBe(true)
  expect(laid.width / laid.height).toBeGreaterThan(1)
  expect(laid.width / laid.height).toBeLessThan(8)
})
