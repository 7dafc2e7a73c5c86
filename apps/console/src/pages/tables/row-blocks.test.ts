import { describe, expect, test } from 'vitest'
import { type BlockEdges, maxJump, planBlockRead, startWithoutGap, wantedBlocks } from './row-blocks.ts'
import type { Row } from './row-queries.ts'

const row = (key: number): Row => ({
  id: `[${key}]`,
  key: [{ type: 'integer', value: String(key) }],
  sort: undefined,
  cells: [],
  marks: '',
})
const createEdges = (...blocks: number[]) =>
  new Map<number, BlockEdges>(blocks.map((block) => [block, { first: row(block * 500), last: row(block * 500 + 499) }]))
const known = (blocks: number[], total?: number, start?: bigint) => ({
  size: 500,
  edges: createEdges(...blocks),
  total,
  start,
})

describe('the way to a block', () => {
  test('leads from the rows beside it, without passing any', () => {
    expect(planBlockRead(3, known([2], 9000))).toMatchObject({ row: row(1499), isBack: false, skip: 0 })
    expect(planBlockRead(3, known([0, 4], 9000))).toMatchObject({ row: row(2000), isBack: true, skip: 0 })
  })

  test('leads to the end from there, for as many rows as are left', () => {
    expect(planBlockRead(17, known([0], 8600))).toEqual({ isBack: true, skip: 0, size: 100 })
  })

  test('leads straight to a key where keys have no gap', () => {
    expect(planBlockRead(10, known([0], 9000, 7n))).toEqual({ key: '5007', isBack: false, skip: 0, size: 500 })
  })

  test('passes as few rows as can be otherwise', () => {
    expect(planBlockRead(10, known([0, 8], 20_000))).toMatchObject({ row: row(4499), isBack: false, skip: 500 })
    expect(planBlockRead(10, known([0, 13], 20_000))).toMatchObject({ row: row(6500), isBack: true, skip: 1000 })
    expect(planBlockRead(38, known([0], 20_000))).toEqual({ isBack: true, skip: 500, size: 500 })
  })

  test('never leads back where the end is not known', () => {
    expect(planBlockRead(10, known([0, 11]))).toMatchObject({ row: row(499), isBack: false, skip: 4500 })
  })
})

test('a gap among keys, or keys that are no numbers, cannot be jumped by', () => {
  expect(startWithoutGap(row(5), '104', 100)).toBe(5n)
  expect(startWithoutGap(row(5), '105', 100)).toBeUndefined()
  expect(startWithoutGap({ ...row(5), key: [{ type: 'text', value: 'a' }] }, '104', 100)).toBeUndefined()
})

test('jumps go over all of a table that is small or without gaps', () => {
  expect(maxJump({ total: 150_000, start: undefined })).toBe(150_000)
  expect(maxJump({ total: 300_000, start: undefined })).toBe(0)
  expect(maxJump({ total: 300_000, start: 1n })).toBe(300_000)
  expect(maxJump({ total: 9_000_000, start: 1n })).toBe(440_000)
})

test('what is in sight is wanted first, then what lies ahead', () => {
  expect(wantedBlocks(1200, 1240, 700, 500)).toEqual([2, 3])
  expect(wantedBlocks(1200, 1240, -700, 500)).toEqual([2, 1])
  expect(wantedBlocks(0, 30, -700, 500)).toEqual([0])
  expect(wantedBlocks(490, 520, 10, 500)).toEqual([0, 1])
})
