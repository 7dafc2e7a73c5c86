import { describe, expect, test } from 'vitest'
import { Real } from '../calls/values.ts'
import { MAX_STATEMENTS, parseBatch, parseCondition, parsePipelineBody, parseRequests, parseValue } from './parse.ts'

const execute = (stmt: object) => ({ type: 'execute', stmt })
const parsed = (...requests: unknown[]) => parseRequests(requests, new Map()).requests
const nested = (levels: number): object =>
  levels === 1 ? { type: 'is_autocommit' } : { type: 'not', cond: nested(levels - 1) }

describe('values', () => {
  test.each<[object, unknown]>([
    [{ type: 'null' }, null],
    [{ type: 'integer', value: '1' }, 1n],
    [{ type: 'integer', value: '-9223372036854775808' }, -(2n ** 63n)],
    [{ type: 'integer', value: '9223372036854775807' }, 2n ** 63n - 1n],
    [{ type: 'float', value: 1 }, new Real(1)],
    [{ type: 'float', value: 0.5 }, new Real(0.5)],
    [{ type: 'text', value: 'a\0b' }, 'a\0b'],
  ])('%j is read', (value, expected) => {
    expect(parseValue(value, 'v')).toEqual(expected)
  })

  test.each<[unknown, RegExp]>([
    [{ type: 'integer', value: 1 }, /"v.value" must be a string with an integer of 64 bits/],
    [{ type: 'integer', value: '9223372036854775808' }, /64 bits/],
    [{ type: 'integer', value: '1.0' }, /64 bits/],
    [{ type: 'integer', value: '' }, /64 bits/],
    [{ type: 'float', value: '1' }, /must be a number/],
    [{ type: 'float', value: null }, /must be a number/],
    [{ type: 'text', value: '\ud800' }, /unpaired surrogate/],
    [{ type: 'text' }, /must be a string/],
    [{ type: 'boolean', value: true }, /"v.type" must be/],
    ['text', /"v" must be an object/],
    [null, /"v" must be an object/],
  ])('%j is refused', (value, message) => {
    expect(() => parseValue(value, 'v')).toThrow(message)
  })
})

describe('statements', () => {
  test('have positional or named arguments', () => {
    const args = [{ type: 'text', value: 'x' }]
    const named = ['a', ':b', '@c', '$d'].map((name) => ({ name, value: { type: 'null' } }))
    expect(parsed(execute({ sql: 'SELECT ?', args }))).toEqual([
      { type: 'execute', statement: { sql: 'SELECT ?', params: ['x'], wantsRows: true } },
    ])
    const [request] = parsed(execute({ sql: 'SELECT :a', args: [], named_args: named, want_rows: false }))
    expect(request).toMatchObject({
      statement: { params: new Map('abcd'.split('').map((n) => [n, null])), wantsRows: false },
    })
  })

  test('with both kinds of arguments result in an error', () => {
    const args = [{ type: 'null' }]
    const [request] = parsed(execute({ sql: 'SELECT ?', args, named_args: [{ name: 'a', value: args[0] }] }))
    expect(request).toMatchObject({ statement: { refusal: { code: 'ARGS_BOTH_POSITIONAL_AND_NAMED' } } })
  })

  test('that are too long result in an error, by their bytes', () => {
    const code = (sql: string) =>
      (parsed(execute({ sql }))[0] as { statement: { refusal?: { code: string } } }).statement.refusal?.code
    expect(code(`SELECT '${'x'.repeat(99_991)}'`)).toBeUndefined()
    expect(code(`SELECT '${'x'.repeat(99_992)}'`)).toBe('SQLITE_TOOBIG')
    expect(code(`SELECT '${'é'.repeat(49_996)}'`)).toBe('SQLITE_TOOBIG')
  })

  test('can be stored, used and closed within a pipeline', () => {
    const { requests, stored } = parseRequests(
      [
        { type: 'store_sql', sql_id: 0, sql: 'SELECT 0' },
        execute({ sql_id: 0 }),
        { type: 'close_sql', sql_id: 0 },
        { type: 'store_sql', sql_id: 0, sql: 'SELECT 1' },
        { type: 'sequence', sql_id: 0 },
        { type: 'describe', sql_id: 7 },
        { type: 'close_sql', sql_id: 99 },
      ],
      new Map([[7, 'SELECT 7']]),
    )
    expect(requests).toMatchObject([
      { type: 'store_sql' },
      { statement: { sql: 'SELECT 0' } },
      { type: 'close_sql' },
      { type: 'store_sql' },
      { type: 'sequence', sql: 'SELECT 1' },
      { type: 'describe', sql: 'SELECT 7' },
      { type: 'close_sql' },
    ])
    expect([...stored]).toEqual([
      [7, 'SELECT 7'],
      [0, 'SELECT 1'],
    ])
  })

  test('are forgotten when the stream closes', () => {
    const list = [{ type: 'store_sql', sql_id: 1, sql: 'SELECT 1' }, { type: 'close' }]
    expect(parseRequests(list, new Map()).stored.size).toBe(0)
  })

  test('are stored up to 50, and up to 20,000 bytes', () => {
    const store = (sql_id: number, sql = 'SELECT 1') => ({ type: 'store_sql', sql_id, sql })
    const requests = parsed(...Array.from({ length: 51 }, (_, i) => store(i)))
    expect(requests.slice(0, 50).every((request) => !('refusal' in request && request.refusal))).toBe(true)
    expect(requests[50]).toMatchObject({ refusal: { code: 'SQL_STORE_TOO_MANY' } })
    expect(parsed(store(0, 'x'.repeat(20_001)))).toMatchObject([{ refusal: { code: 'SQL_STORE_TOO_LARGE' } }])
  })
})

describe('conditions', () => {
  test('can be nested 32 levels deep', () => {
    expect(parseCondition(nested(32), 1, 'c')).toEqual(nested(32))
    expect(() => parseCondition(nested(33), 1, 'c')).toThrow('"c" is nested more than 32 levels deep.')
  })

  test('combine earlier steps', () => {
    const condition = {
      type: 'and',
      conds: [
        { type: 'ok', step: 0 },
        { type: 'or', conds: [] },
        { type: 'error', step: 1 },
      ],
    }
    expect(parseCondition(condition, 2, 'c')).toEqual(condition)
  })

  test.each([
    [{ type: 'ok', step: 2 }],
    [{ type: 'ok', step: 3 }],
    [{ type: 'error', step: -1 }],
    [{ type: 'ok', step: '0' }],
    [{ type: 'ok' }],
    [{ type: 'maybe' }],
    [{ type: 'not' }],
    [{ type: 'and', conds: {} }],
  ])('%j is refused in step 2', (condition) => {
    expect(() => parseCondition(condition, 2, 'c')).toThrow(/"c/)
  })
})

describe('pipelines', () => {
  test.each<[string, RegExp]>([
    ['', /isn't valid JSON/],
    ['[]', /must be a JSON object/],
    ['{}', /"requests" must be an array/],
    ['{"requests":{}}', /"requests" must be an array/],
    ['{"requests":[],"baton":1}', /"baton" must be a string or null/],
  ])('%s is refused', (body, message) => {
    expect(() => parsePipelineBody(body)).toThrow(message)
  })

  test.each<[unknown[], RegExp]>([
    [['x'], /"requests\[0\]" must be an object/],
    [[{ type: 'open_stream' }], /"requests\[0\].type" must be a request/],
    [[{ type: 'close' }, { type: 'get_autocommit' }], /"close" must be the last request/],
    [[execute({})], /must have either "sql" or "sql_id"/],
    [[execute({ sql: 'SELECT 1', sql_id: 1 })], /must have either "sql" or "sql_id"/],
    [[execute({ sql_id: 4 })], /has no SQL with this ID/],
    [[execute({ sql: 'SELECT 1', want_rows: 1 })], /must be true or false/],
    [[execute({ sql: 'SELECT 1', args: {} })], /"requests\[0\].stmt.args" must be an array/],
    [[execute({ sql: '\ud800' })], /unpaired surrogate/],
    [[{ type: 'store_sql', sql_id: 'x', sql: '' }], /must be an integer/],
    [[1, 1].map(() => ({ type: 'store_sql', sql_id: 1, sql: 'SELECT 1' })), /already has SQL/],
    [[{ type: 'batch', batch: {} }], /"requests\[0\].batch.steps" must be an array/],
    [[{ type: 'batch', batch: { steps: [{}] } }], /"requests\[0\].batch.steps\[0\].stmt" must be an object/],
  ])('%j is refused', (requests, message) => {
    expect(() => parsed(...requests)).toThrow(message)
  })

  test('have at most 10,000 statements in all batches together', () => {
    const steps = (count: number) => ({ steps: Array.from({ length: count }, () => ({ stmt: { sql: 'SELECT 1' } })) })
    expect(parseBatch(steps(MAX_STATEMENTS), new Map())).toHaveLength(MAX_STATEMENTS)
    const batch = steps(MAX_STATEMENTS / 2)
    const requests = [
      { type: 'batch', batch },
      { type: 'batch', batch },
      { type: 'sequence', sql: '' },
    ]
    expect(() => parsed(...requests)).toThrow('more than 10,000 statements')
  })
})
