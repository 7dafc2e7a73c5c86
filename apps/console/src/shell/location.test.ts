import { expect, test } from 'vitest'
import { parseLocation } from './location.ts'

const pages = ['overview', 'tables']

test('a path contains the namespace, the database and its page', () => {
  expect(parseLocation('/acme', pages)).toEqual({ ns: 'acme' })
  expect(parseLocation('/acme/settings/general', pages)).toEqual({ ns: 'acme' })
  expect(parseLocation('/acme/main', pages)).toEqual({ ns: 'acme', db: 'main' })
  expect(parseLocation('/acme/main/tables/users', pages)).toEqual({ ns: 'acme', db: 'main', page: 'tables' })
})

test('names that are called like something else lose their mark', () => {
  expect(parseLocation('/@login/@settings/tables', pages)).toEqual({ ns: 'login', db: 'settings', page: 'tables' })
})

test('where nothing is, no database is either', () => {
  expect(parseLocation('/acme/none/at/all', pages)).toEqual({ ns: 'acme' })
})
