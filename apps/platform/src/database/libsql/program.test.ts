import { PerSQLError } from '@persql/contract'
import { describe, expect, test } from 'vitest'
import type { Result } from '../engine/result.ts'
import { formatCursor, formatEntries, formatValue } from './format.ts'
import { parseBatch, parseRequests } from './parse.ts'
import { type Program, runBatch, runRequests, splitStatements } from './program.ts'

const description = { params: [], cols: [], is_explain: false, is_readonly: true }
const stream = { isAutocommit: true, describe: () => description, getTypes: () => [] }
const one: Result = { columns: ['a'], rows: [[1n]], rowsRead: 1, rowsWritten: 0 }

/** Runs a program in which statements that contain "bad" fail. Returns its result and the SQL that it ran. */
function run<T>(program: Program<T>): { readonly done: T; readonly ran: readonly string[] } {
  const ran: string[] = []
  let step = program.next()
  while (!step.done) {
    const { sql } = step.value
    ran.push(sql)
    step = sql.includes('bad') ? program.throw(new PerSQLError('sql_error', { message: sql })) : program.next(one)
  }
  return { done: step.value, ran }
}

const stmt = (sql: string) => ({ sql, want_rows: true })
const ok = (step: number) => ({ type: 'ok', step })
const error = (step: number) => ({ type: 'error', step })

describe('cells', () => {
  test.each<[unknown, string]>([
    [null, '{"type":"null"}'],
    [9223372036854775807n, '{"type":"integer","value":"9223372036854775807"}'],
    [1, '{"type":"float","value":1}'],
    [-0, '{"type":"float","value":-0.0}'],
    [Number.POSITIVE_INFINITY, '{"type":"float","value":9e999}'],
    [Number.NEGATIVE_INFINITY, '{"type":"float","value":-9e999}'],
    [Number.MIN_VALUE, '{"type":"float","value":5e-324}'],
    ['a"\0\u2028', '{"type":"text","value":"a\\"\\u0000\u2028"}'],
    [{ base64: 'AQ==' }, '{"type":"blob","base64":"AQ"}'],
    [{ base64: '' }, '{"type":"blob","base64":""}'],
  ])('%s is sent as %s', (cell, text) => {
    expect(formatValue(cell)).toBe(text)
    expect(() => JSON.parse(text)).not.toThrow()
  })
})

describe('a batch', () => {
  test.each<[string, readonly (readonly [string, object?])[], readonly string[]]>([
    ['runs all steps, although one fails', [['bad'], ['a']], ['bad', 'a']],
    ['skips a step whose condition fails', [['bad'], ['a', ok(0)], ['b', error(0)]], ['bad', 'b']],
    [
      'counts a skipped step neither as run nor as failed',
      [['bad'], ['a', ok(0)], ['b', ok(1)], ['c', error(1)]],
      ['bad'],
    ],
    ['negates', [['bad'], ['a', { type: 'not', cond: ok(0) }]], ['bad', 'a']],
    [
      'combines with and',
      [['x'], ['bad'], ['a', { type: 'and', conds: [ok(0), ok(1)] }], ['b', { type: 'and', conds: [] }]],
      ['x', 'bad', 'b'],
    ],
    [
      'combines with or',
      [['x'], ['bad'], ['a', { type: 'or', conds: [ok(0), ok(1)] }], ['b', { type: 'or', conds: [] }]],
      ['x', 'bad', 'a'],
    ],
    ['asks whether no transaction is open', [['a', { type: 'is_autocommit' }]], ['a']],
  ])('%s', (_, steps, expected) => {
    const parsed = parseBatch({ steps: steps.map(([sql, condition]) => ({ stmt: stmt(sql), condition })) }, new Map())
    expect(run(runBatch(parsed, stream)).ran).toEqual(expected)
  })

  test('as a cursor has a line for each event', () => {
    const steps = [
      { stmt: stmt('a') },
      { stmt: stmt('bad') },
      { stmt: stmt('c'), condition: ok(1) },
      { stmt: { ...stmt('d'), want_rows: false } },
    ]
    const parsed = parseBatch({ steps }, new Map())
    const { done } = run(runBatch(parsed, stream))
    const entries = formatEntries(done, (i) => parsed[i]?.statement.wantsRows ?? true)
    const lines = formatCursor('b.1', entries).trimEnd().split('\n')
    const counts = { affected_row_count: 0, last_insert_rowid: null }
    const cols = [{ name: 'a', decltype: null }]
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { baton: 'b.1', base_url: null },
      { type: 'step_begin', step: 0, cols },
      { type: 'row', row: [{ type: 'integer', value: '1' }] },
      { type: 'step_end', ...counts },
      { type: 'step_error', step: 1, error: { message: 'bad', code: 'SQLITE_ERROR' } },
      { type: 'step_begin', step: 3, cols },
      { type: 'step_end', ...counts },
      { type: 'replication_index', replication_index: null },
    ])
  })
})

describe('a pipeline', () => {
  test('answers each request in its form and runs the requests after a failed one', () => {
    const requests = [
      { type: 'execute', stmt: stmt('bad') },
      { type: 'execute', stmt: stmt('a') },
      {
        type: 'batch',
        batch: { steps: [{ stmt: stmt('b') }, { stmt: stmt('c'), condition: error(0) }, { stmt: stmt('bad') }] },
      },
      { type: 'sequence', sql: 'x; bad; y' },
      { type: 'sequence', sql: '' },
      { type: 'describe', sql: 'SELECT 1' },
      { type: 'store_sql', sql_id: 1, sql: 'q' },
      { type: 'close_sql', sql_id: 1 },
      { type: 'get_autocommit' },
      { type: 'close' },
    ]
    const { done, ran } = run(runRequests(parseRequests(requests, new Map()).requests, stream))
    expect(ran).toEqual(['bad', 'a', 'b', 'bad', 'x', 'bad'])
    const result = {
      cols: [{ name: 'a', decltype: null }],
      rows: [[{ type: 'integer', value: '1' }]],
      affected_row_count: 0,
      last_insert_rowid: null,
      replication_index: null,
      rows_read: 1,
      rows_written: 0,
      query_duration_ms: expect.any(Number),
    }
    const failed = { message: 'bad', code: 'SQLITE_ERROR' }
    const response = (type: string, more = {}) => ({ type: 'ok', response: { type, ...more } })
    expect(done.map((text) => JSON.parse(text))).toEqual([
      { type: 'error', error: failed },
      response('execute', { result }),
      response('batch', { result: { step_results: [result, null, null], step_errors: [null, null, failed] } }),
      { type: 'error', error: failed },
      response('sequence'),
      response('describe', { result: { params: [], cols: [], is_explain: false, is_readonly: true } }),
      response('store_sql'),
      response('close_sql'),
      response('get_autocommit', { is_autocommit: true }),
      response('close'),
    ])
  })
})

describe('a text with several statements', () => {
  test.each<[string, readonly string[]]>([
    ['', []],
    [' ;; -- nothing\n', []],
    ['SELECT 1', ['SELECT 1']],
    ['BEGIN ', ['BEGIN']],
    ["SELECT ';'; /* ; */ SELECT 2;", ["SELECT ';'", 'SELECT 2']],
    [
      'CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END; SELECT 3',
      ['CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END', 'SELECT 3'],
    ],
  ])('%j is split', (sql, expected) => {
    expect(splitStatements(sql)).toEqual(expected)
  })

  test('has at most 1,000,000 bytes', () => {
    expect(splitStatements(`SELECT '${'x'.repeat(1_000_000)}'`)).toMatchObject({ code: 'SQLITE_TOOBIG' })
  })
})
