import type { SavedQuery } from '@persql/contract'
import { expect, test } from 'vitest'
import { getSavedStatus, matching, syncTabs, toSavedQueryRef } from './saved-query-status.ts'

const at = '2026-11-21T00:00:00.000Z'
const saved = (version: number, sql: string, name = 'One'): SavedQuery => ({
  ...{ id: 'sq_1', name, sql, version },
  ...{ createdAt: at, createdBy: 'user:1', updatedAt: at, updatedBy: 'user:1' },
})
const tab = (sql: string, from?: SavedQuery) => ({ id: 'tab', sql, ...(from && { saved: toSavedQueryRef(from) }) })

test('a tab knows how it stands to what is saved', () => {
  const [one, two] = [saved(1, 'a'), saved(2, 'b')]
  expect(getSavedStatus(tab('a'), [one])).toBe('own')
  expect(getSavedStatus(tab('a', one), [one])).toBe('saved')
  expect(getSavedStatus(tab('x', one), [one])).toBe('unsaved')
  expect(getSavedStatus(tab('x', one), undefined)).toBe('unsaved')
  expect(getSavedStatus(tab('x', one), [two])).toBe('behind')
  expect(getSavedStatus(tab('x', one), [saved(2, 'a', 'Renamed')])).toBe('unsaved')
  expect(getSavedStatus(tab('x', one), [])).toBe('gone')
  // The list is older than the version that this tab saved.
  expect(getSavedStatus(tab('b', two), [one])).toBe('saved')
})

test('a tab without changes takes what others saved, and one with changes keeps them', () => {
  const [one, two] = [saved(1, 'a'), saved(2, 'b')]
  const [caught] = syncTabs([tab('a', one)], [two])
  expect(caught).toMatchObject({ sql: 'b', saved: toSavedQueryRef(two) })
  expect(caught?.id).not.toBe('tab')
  expect(syncTabs([tab('x', one)], [saved(2, 'a', 'Renamed')])).toMatchObject([
    { id: 'tab', sql: 'x', saved: { name: 'Renamed' } },
  ])
  expect(syncTabs([tab('b', one)], [two])).toMatchObject([{ id: 'tab', sql: 'b', saved: { version: 2 } }])
  for (const kept of [[tab('x', one)], [tab('a')], [tab('b', two)]]) {
    expect(syncTabs(kept, kept[0]?.saved?.version === 2 ? [one] : [two])).toBe(kept)
  }
})

test('looking for words finds what holds all of them, in any order and case', () => {
  const all = ['SELECT revenue FROM months', 'select users', 'SELECT 1']
  expect(matching(all, String, ' months  SELECT ')).toEqual(['SELECT revenue FROM months'])
  expect(matching(all, String, '')).toEqual(all)
})
