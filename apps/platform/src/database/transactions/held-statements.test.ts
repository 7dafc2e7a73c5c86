import { expect, test } from 'vitest'
import { HeldStatements } from './held-statements.ts'

const MB = 1024 * 1024

test('a namespace keeps at most 64 MB in all its databases', () => {
  const held = new HeldStatements()
  for (let i = 0; i < 8; i++) expect(held.set('acme', `acme/${i}`, 8 * MB, 0)).toBe(true)
  expect(held.set('acme', 'acme/8', 1, 0)).toBe(false)
  expect(held.set('acme', 'acme/8', 0, 0)).toBe(true)
  expect(held.set('acme', 'acme/0', 8 * MB, 0)).toBe(true)
})

test('all namespaces keep at most 256 MB, but each can keep 1 MB', () => {
  const held = new HeldStatements()
  for (const name of ['a', 'b', 'c', 'd']) expect(held.set(name, `${name}/main`, 64 * MB, 0)).toBe(true)
  expect(held.set('e', 'e/main', 2 * MB, 0)).toBe(false)
  expect(held.set('e', 'e/main', MB, 0)).toBe(true)
  expect(held.set('e', 'e/other', 1, 0)).toBe(false)
})

test('an entry counts until it is replaced, or for 20 s', () => {
  const held = new HeldStatements()
  expect(held.set('acme', 'acme/one', 64 * MB, 0)).toBe(true)
  expect(held.set('acme', 'acme/two', 2 * MB, 19_000)).toBe(false)
  expect(held.set('acme', 'acme/two', 0, 19_000)).toBe(true)
  expect(held.set('acme', 'acme/two', 2 * MB, 20_001)).toBe(true)
})
