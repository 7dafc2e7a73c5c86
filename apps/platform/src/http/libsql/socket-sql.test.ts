import { describe, expect, test } from 'vitest'
import { SocketSql } from './socket-sql.ts'

describe('stored SQL', () => {
  test.each<[string, Record<string, unknown>]>([
    ['of a statement', { stmt: { sql_id: 1 } }],
    ['of a text', { sql_id: 1 }],
    ['of a batch', { batch: { steps: [{ stmt: { sql: 'x' } }, { stmt: { sql_id: 1 } }, { stmt: { sql_id: 1 } }] } }],
  ])('%s is found once', (_, request) => {
    const sql = new SocketSql()
    sql.store(1, 'SELECT 1')
    sql.store(2, 'SELECT 2')
    expect(sql.usedBy(request)).toEqual([[1, 'SELECT 1']])
    sql.close(1)
    expect(sql.usedBy(request)).toEqual([])
  })

  test.each<[string, unknown]>([
    ['a batch that isn’t an object', { batch: 1 }],
    ['steps that are no list', { batch: { steps: 'x' } }],
    ['a step that isn’t an object', { batch: { steps: [null, 1] } }],
    ['an ID that isn’t an integer', { stmt: { sql_id: '1' } }],
  ])('isn’t found for %s', (_, request) => {
    const sql = new SocketSql()
    sql.store(1, 'SELECT 1')
    expect(sql.usedBy(request as Record<string, unknown>)).toEqual([])
  })

  test('can be replaced after it was closed, and its length no longer counts', () => {
    const sql = new SocketSql()
    for (let i = 0; i < 50; i++) sql.store(i, 'x'.repeat(20_000))
    expect(() => sql.store(50, 'x')).toThrow('1,000,000')
    sql.close(0)
    sql.close(0)
    sql.store(0, 'y'.repeat(20_000))
    expect(() => sql.store(0, 'z')).toThrow('"sql_id"')
    expect(() => sql.store(50, 'x')).toThrow('1,000,000')
  })
})
