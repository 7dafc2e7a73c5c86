import { expect, test } from 'vitest'
import { CASES } from '../../../../../../../test/e2e/doctor-corpus.ts'
import { rules } from './rules.ts'

test('the corpus of the schema doctor has a case for each rule without descriptions, and one for views', () => {
  const ids = rules.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  const tried = new Set(CASES.map(({ rule }) => rule))
  expect([...tried].sort()).toEqual([...ids.filter((id) => id !== 'table_without_description'), 'broken_view'].sort())
})
