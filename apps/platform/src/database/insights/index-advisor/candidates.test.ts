import { describe, expect, test } from 'vitest'
import { candidatesFor, isPrefix, type TableShape, type Term } from './candidates.ts'
import { analyzeColumnUsage } from './column-usage.ts'

const up = (...columns: string[]): Term[] => columns.map((column) => ({ column, descending: false }))
const orders: TableShape = {
  name: 'Orders',
  columns: ['id', 'customer_id', 'Status', 'created_at', 'total'],
  rowid: 'id',
  indexes: [],
  foreignKeys: [],
}
const columnsFor = (sql: string, table: TableShape = orders, tables = [table.name.toLowerCase(), 'customers']) =>
  candidatesFor(analyzeColumnUsage(sql), table, new Set(tables)).map(({ terms }) =>
    terms.map(({ column, descending }) => column + (descending ? ' DESC' : '')).join(),
  )

describe('candidates', () => {
  test('come from comparisons, in the spelling of the table', () => {
    expect(columnsFor('SELECT total FROM orders WHERE STATUS = ? AND created_at > ?')).toEqual([
      'Status',
      'created_at',
      'Status,created_at',
    ])
  })

  test('put equality before range and order', () => {
    const found = columnsFor('SELECT * FROM orders WHERE created_at < ? AND status = ? ORDER BY total')
    expect(found).toContain('Status,created_at')
    expect(found).toContain('Status,total')
    expect(found).not.toContain('created_at,Status')
  })

  test('exclude columns that are only read or assigned, the rowid, and arguments of functions', () => {
    expect(columnsFor('SELECT status, total FROM orders WHERE id = ?')).toEqual([])
    expect(columnsFor('UPDATE orders SET status = ?, total = total + 1 WHERE customer_id = ?')).toEqual(['customer_id'])
    expect(columnsFor('SELECT * FROM orders WHERE lower(status) = ? ORDER BY abs(total)')).toEqual([])
    expect(
      columnsFor('SELECT * FROM orders WHERE status <> ? AND customer_id NOT IN (1) AND total IS NOT NULL'),
    ).toEqual([])
  })

  test('exclude columns of other tables by their aliases', () => {
    const sql = 'SELECT * FROM customers c, orders AS o WHERE c.status = ? AND o.customer_id = c.id'
    expect(columnsFor(sql)).toEqual(['customer_id'])
  })

  test('follow the order of ORDER BY, reversed if all terms are descending', () => {
    expect(columnsFor('SELECT * FROM orders ORDER BY status DESC, total DESC')).toEqual(['Status,total'])
    expect(columnsFor('SELECT * FROM orders ORDER BY status, total DESC')).toEqual(['Status,total DESC'])
  })

  test('come from USING, IN, BETWEEN, GROUP BY and subqueries', () => {
    expect(columnsFor('SELECT * FROM customers JOIN orders USING (customer_id)')).toEqual(['customer_id'])
    expect(columnsFor('SELECT * FROM orders WHERE status IN (?, ?)')).toEqual(['Status'])
    expect(columnsFor('SELECT * FROM orders WHERE total BETWEEN ? AND ?')).toEqual(['total'])
    expect(columnsFor('SELECT status, count(*) FROM orders GROUP BY status')).toEqual(['Status'])
    expect(columnsFor('SELECT (SELECT max(total) FROM orders WHERE customer_id = c.id) FROM customers c')).toEqual([
      'customer_id',
    ])
  })

  test('are empty if an index already starts with these columns', () => {
    const indexes = [up('status', 'created_at')]
    expect(columnsFor('SELECT * FROM orders WHERE status = ?', { ...orders, indexes })).toEqual([])
  })

  test('come from foreign keys that the statement does not name', () => {
    const table = { ...orders, foreignKeys: [['customer_id']] }
    expect(columnsFor('DELETE FROM customers WHERE email = ?', table)).toEqual(['customer_id'])
  })

  test('are few even for statements with many columns', () => {
    const columns = Array.from({ length: 60 }, (_, i) => `c${i}`)
    const sql = `SELECT * FROM wide WHERE ${columns.map((c) => `${c} = ?`).join(' AND ')} ORDER BY c1, c2`
    expect(columnsFor(sql, { ...orders, name: 'wide', columns }).length).toBeLessThanOrEqual(16)
  })
})

test('an index is read in both directions, but not in a mixed order', () => {
  const mixed = [...up('a'), { column: 'b', descending: true }]
  expect(isPrefix(up('a'), mixed)).toBe(true)
  expect(isPrefix(up('a', 'b'), mixed)).toBe(false)
  expect(isPrefix([{ column: 'A', descending: true }, ...up('b')], mixed)).toBe(true)
  expect(isPrefix(up('a', 'b', 'c'), up('a', 'b'))).toBe(false)
  expect(isPrefix(up('b'), up('a', 'b'))).toBe(false)
})

describe('a parameter belongs to', () => {
  const slots = (sql: string) =>
    analyzeColumnUsage(sql).slots.map(({ number, use, column }) => [number, use, column?.column])

  test('the compared column', () => {
    expect(slots('SELECT * FROM t WHERE a = ? AND ? < b AND lower(c) = lower(?) AND d LIKE ?')).toEqual([
      [1, 'equal', 'a'],
      [2, 'lower', 'b'],
      [3, 'equal', 'c'],
      [4, 'equal', 'd'],
    ])
  })

  test('a list, a range, a limit, or an unknown use', () => {
    expect(slots('SELECT f(?) FROM t WHERE a IN (?, ?) AND b BETWEEN ? AND ? LIMIT ? OFFSET ?')).toEqual([
      [1, 'unknown', undefined],
      [2, 'equal', 'a'],
      [3, 'equal', 'a'],
      [4, 'lower', 'b'],
      [5, 'upper', 'b'],
      [6, 'limit', undefined],
      [7, 'limit', undefined],
    ])
  })

  test('its number', () => {
    expect(slots('SELECT * FROM t WHERE a = ?2 AND b >= :x AND c = ?2')).toEqual([
      [2, 'equal', 'a'],
      [3, 'lower', 'b'],
      [2, 'equal', 'c'],
    ])
  })
})
