import { expect, test } from 'vitest'
import { NOTHING } from '../../money.ts'
import { forgetSaved, forgetUsage, recoverUsage, rememberUsage } from './unsaved-usage.ts'

const reads = (requests: number) => ({ ...NOTHING, requests })

test('usage is recovered unless the file has it', () => {
  rememberUsage('a', 3, reads(1))
  rememberUsage('a', 3, reads(2))
  rememberUsage('a', 4, reads(4))
  rememberUsage('b', 3, reads(8))
  // Generation 4 was saved, and includes what was charged at 3.
  expect(recoverUsage('a', 4)).toEqual(reads(4))
  expect(recoverUsage('a', 5)).toBeUndefined()
  expect(recoverUsage('b', 3)).toEqual(reads(8))
  forgetUsage('b')
  expect(recoverUsage('b', 0)).toBeUndefined()
})

test('usage of an object that ended before its save counts for the next object once', () => {
  rememberUsage('c', 7, reads(1))
  rememberUsage('c', 8, reads(1))
  // The save of generation 8 failed.
  expect(recoverUsage('c', 7)).toEqual(reads(2))
  rememberUsage('c', 7, reads(1))
  forgetSaved('c', 8)
  expect(recoverUsage('c', 7)).toBeUndefined()
})

test('only saved usage is forgotten', () => {
  rememberUsage('d', 1, reads(1))
  rememberUsage('d', 2, reads(2))
  forgetSaved('d', 2)
  expect(recoverUsage('d', 1)).toEqual(reads(2))
  forgetUsage('d')
})
