import { expect, test } from 'vitest'
import { matching } from './fuzzy-match.ts'

const all = [
  { name: 'Overview', group: 'main' },
  { name: 'Query', group: 'main', words: 'sql run' },
  { name: 'Import/Export', group: 'main', words: 'csv' },
  { name: 'orders-eu', group: 'Databases' },
  { name: 'customers', group: 'Databases' },
  { name: 'New database', group: 'Actions', isAlways: true },
]
const names = (text: string) => matching(all, text).map(({ name }) => name)

test('without a text everything is there, in its order', () => {
  expect(names(' ')).toEqual(all.map(({ name }) => name))
})

test('every word has to be there: in the name, in other words for it or in the name of its group', () => {
  expect(names('sql')).toEqual(['Query', 'New database'])
  expect(names('dat cust')).toEqual(['customers', 'New database'])
  expect(names('zzz')).toEqual(['New database'])
})

test('what begins with the text comes first, and so does its group', () => {
  expect(names('o').slice(0, 2)).toEqual(['Overview', 'Query'].slice(0, 1).concat('Import/Export'))
  expect(names('ord')[0]).toBe('orders-eu')
  expect(names('EXP')[0]).toBe('Import/Export')
})

test('of a large group only the first are shown', () => {
  expect(
    matching(
      Array.from({ length: 500 }, (_, n) => ({ name: `db-${n}` })),
      'db',
    ),
  ).toHaveLength(30)
})
