import { expect, test } from 'vitest'
import { placeOf } from './location.ts'

const pages = ['overview', 'tables']

test('an address tells the namespace, the database and its page', () => {
  expect(placeOf('/acme', pages)).toEqual({ ns: 'acme' })
  expect(placeOf('/acme/settings/general', pages)).toEqual({ ns: 'acme' })
  expect(placeOf('/acme/main', pages)).toEqual({ ns: 'acme', db: 'main' })
  expect(placeOf('/acme/main/tables/users', pages)).toEqual({ ns: 'acme', db: 'main', page: 'tables' })
})

test('names that are called like something else lose their mark', () => {
  expect(placeOf('/@login/@settings/tables', pages)).toEqual({ ns: 'login', db: 'settings', page: 'tables' })
})

test('where nothing is, no database is either', () => {
  expect(placeOf('/acme/none/at/all', pages)).toEqual({ ns: 'acme' })
})
