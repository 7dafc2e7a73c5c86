import { describe, expect, test } from 'vitest'
import { parseStatement } from '../../sqlite/tokenizer.ts'
import { type Bound, Real } from '../calls/values.ts'
import { Binder, restoreNames } from './bind.ts'
import { Parameters } from './parameters.ts'

const createBinder = (sql: string) => {
  const statement = parseStatement(sql)
  return new Binder(statement, new Parameters(statement).count)
}

describe('up to 100 parameters', () => {
  test.each<[string, Bound, string, unknown]>([
    ['a safe integer', 1, 'SELECT (+CAST(? AS INTEGER))', 1],
    ['a bigint', -(2n ** 63n), 'SELECT (+CAST(? AS INTEGER))', '-9223372036854775808'],
    ['a whole REAL', new Real(1), 'SELECT ?', 1],
    ['a negative zero', new Real(-0), 'SELECT ?', -0],
    ['a REAL that was stored', { value: 1 }, 'SELECT ?', 1],
    ['a fraction', 1.5, 'SELECT ?', 1.5],
    ['a text', '1', 'SELECT ?', '1'],
    ['null', null, 'SELECT ?', null],
  ])('%s', (_, value, sql, bound) => {
    expect(createBinder('SELECT ?').bind([value])).toEqual({ sql, values: [bound] })
  })

  test('plain values are passed on as they are', () => {
    const params = ['a', 1, null, new Uint8Array(1)]
    expect(createBinder('SELECT ?, ?, ?, ?').bind(params).values).toBe(params)
  })
})

describe('more than 100 parameters', () => {
  test.each<[string, Bound, string]>([
    ['a safe integer', 1, '1'],
    ['a bigint', 2n ** 63n - 1n, '9223372036854775807'],
    ['a whole REAL', new Real(1), '1.0'],
    ['a negative zero', new Real(-0), '-0.0'],
    ['an integer that is a negative zero', -0, '0'],
    ['infinity', Number.POSITIVE_INFINITY, '9e999'],
    ['the least REAL', Number.MIN_VALUE, '5e-324'],
    ['the largest REAL', Number.MAX_VALUE, '1.7976931348623157e+308'],
    ['not a number', Number.NaN, 'null'],
    ['a text', 'a\0"', '"a\\u0000\\""'],
    ['null', null, 'null'],
  ])('%s', (_, value, json) => {
    const { sql, values } = createBinder('SELECT ?101').bind([...Array(100).fill(null), value])
    expect(sql).toBe('SELECT (?51->>0)')
    expect(values.length).toBe(51)
    expect(values[50]).toBe(`[${json}]`)
  })

  test('the names of columns are restored', () => {
    const binder = createBinder('SELECT ?, ?1, :a || 1, ?2, ?101')
    const { sql } = binder.bind(Array(101).fill(null))
    const columns = sql.slice('SELECT '.length).split(', ')
    expect(restoreNames(columns, binder.layout)).toEqual(['?', '?1', ':a || 1', '?2', '?101'])
  })
})
