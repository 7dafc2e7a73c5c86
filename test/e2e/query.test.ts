import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
let main: ReturnType<SharedPlatform['database']>

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
  main = acme.db()
})
afterAll(() => platform.stop())

describe('query', () => {
  test('answers columns, rows and exact counts, with meta beside data', async () => {
    await main.query('CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)')
    const inserted = await main.query('INSERT INTO t (body) VALUES (?), (?)', ['hi', 'there'])
    expect(inserted.body.data).toEqual({
      columns: [],
      rows: [],
      rowsRead: 0,
      rowsWritten: 2,
      changes: 2,
      lastInsertRowid: 2,
    })
    const { status, body } = await main.query('SELECT * FROM t ORDER BY id')
    expect(status).toBe(200)
    expect(body).toEqual({
      success: true,
      data: {
        columns: ['id', 'body'],
        rows: [
          [1, 'hi'],
          [2, 'there'],
        ],
        rowsRead: 2,
        rowsWritten: 0,
      },
      meta: { rowsRead: 2, rowsWritten: 0, statementCount: 1, durationMs: expect.any(Number), costUsd: 5.1e-7 },
    })
  })

  test('binds integers as integers, booleans as 0 and 1, and carries blobs both ways', async () => {
    const { body } = await main.query('SELECT typeof(?) a, ? b, typeof(?) c, ?, ? e, ?/2 f, ?', [
      1,
      true,
      1.5,
      7,
      { base64: 'AQI=' },
      7,
      null,
    ])
    expect(body.data.columns).toEqual(['a', 'b', 'c', '?', 'e', 'f', '?'])
    expect(body.data.rows).toEqual([['integer', 1, 'real', 7, { base64: 'AQI=' }, 3, null]])
  })
})
