import { describe, expect, test } from 'vitest'
import { formatBytes, formatQuota, parseQuota } from './quota-limits.ts'

describe('limits as text', () => {
  test.each([
    ['0', 0],
    ['10000', 10_000],
    [' 5 ', 5],
    ['-5', undefined],
    ['1.5', undefined],
    ['5 GB', undefined],
    ['', undefined],
    ['1e3', undefined],
    ['99999999999999999', undefined],
  ])('a number of databases: "%s"', (text, limit) => {
    expect(parseQuota('databases', text)).toBe(limit)
  })

  test.each([
    ['10 GB', 10_000_000_000],
    ['1.5gb', 1_500_000_000],
    ['256MB', 256_000_000],
    ['4096', 4_096],
    ['1.5', undefined],
    ['9 PB', undefined],
    ['-1 GB', undefined],
    ['99999999 TB', undefined],
  ])('a size: "%s"', (text, limit) => {
    expect(parseQuota('database_bytes', text)).toBe(limit)
  })

  test('a number is formatted with thousands', () => {
    expect(formatQuota('databases', 10_000)).toBe('10,000')
  })

  test.each([
    [0, '0 bytes'],
    [999, '999 bytes'],
    [1_000, '1 KB'],
    [1_234_567, '1.23 MB'],
    [256_000_000, '256 MB'],
    [10_000_000_000, '10 GB'],
    [2_500_000_000_000_000, '2,500 TB'],
  ])('%d bytes', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})
