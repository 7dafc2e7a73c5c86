import type * as Sdk from '../../packages/sdk/src/index.ts'
import { type Case, failure, type RequestCall, same } from './cases.ts'

const ONE = 'Only one statement is allowed per call. To run several, use batch or script.'
const COMMIT = 'Use batch with "transaction": true, or POST …/transactions/{id}/commit.'
const ROLLBACK =
  'Use batch with "transaction": true, where the first error rolls everything back, or POST …/transactions/{id}/rollback.'
const SAVEPOINT = 'Start a transaction with POST …/transactions. It can have savepoints.'
const ISOLATED = 'Databases are isolated. Query them one at a time.'
/** Statements that are refused, with the sentence of the error. */
const STATEMENTS: readonly (readonly [string, string])[] = [
  ['SELECT 1; SELECT 2', ONE],
  [
    'BEGIN IMMEDIATE',
    'BEGIN isn\'t supported. Use batch with "transaction": true, or start a transaction with POST …/transactions.',
  ],
  ['/* x */ COMMIT', `COMMIT isn't supported. ${COMMIT}`],
  ['end transaction', `END isn't supported. ${COMMIT}`],
  ['ROLLBACK', `ROLLBACK isn't supported. ${ROLLBACK}`],
  ['ROLLBACK TO a', `ROLLBACK isn't supported. ${ROLLBACK}`],
  ['SAVEPOINT a', `SAVEPOINT isn't supported. ${SAVEPOINT}`],
  ['-- x\nRELEASE a', `RELEASE isn't supported. ${SAVEPOINT}`],
  ["ATTACH 'other.db' AS other", `ATTACH isn't supported. ${ISOLATED}`],
  ['DETACH other', `DETACH isn't supported. ${ISOLATED}`],
  ['VACUUM', "VACUUM isn't supported. Free space is reused automatically."],
]
const INSIDE: readonly (readonly [string, string])[] = [
  ['SELECT 1; SELECT 2', ONE],
  ['BEGIN', "BEGIN in a transaction isn't supported. Call POST …/transactions."],
  ['COMMIT', "COMMIT in a transaction isn't supported. Call POST …/transactions/{id}/commit."],
  ['END', "COMMIT in a transaction isn't supported. Call POST …/transactions/{id}/commit."],
  ['ROLLBACK', "ROLLBACK in a transaction isn't supported. Call POST …/transactions/{id}/rollback."],
  ['VACUUM', "VACUUM isn't supported. Free space is reused automatically."],
  [
    'INSERT OR ROLLBACK INTO t VALUES (1)',
    "The conflict clause ROLLBACK in a transaction isn't supported. Use ABORT, and roll the transaction back if the statement fails.",
  ],
]
const ROUNDED = 'is an integer outside ±9007199254740991, which JSON parsers would round.'
const TOO_LARGE = 2 ** 53
/** Calls with integers that JSON can't represent, with the code and the sentence of the error. */
const INTEGERS: readonly (readonly [string, object, string, string])[] = [
  ...['SELECT 9007199254740993', 'INSERT INTO t VALUES (-9007199254740993) RETURNING n'].map(
    (sql) =>
      [
        'query',
        { sql },
        'integer_out_of_range',
        `A value in the result ${ROUNDED} Use "int64": "text" or CAST(… AS TEXT).`,
      ] as const,
  ),
  ...[
    ['query', { sql: 'SELECT ?, ?', params: [1, TOO_LARGE] }, 'params[1]'] as const,
    ['explain', { sql: 'SELECT ?', params: [-TOO_LARGE] }, 'params[0]'] as const,
    ['validate', { sql: 'SELECT :a', params: { a: 2 ** 60 } }, 'params.a'] as const,
    ['propose', { sql: 'INSERT INTO t VALUES (?)', params: [TOO_LARGE] }, 'params[0]'] as const,
    [
      'batch',
      { statements: [{ sql: 'INSERT INTO t VALUES (7)' }, { sql: 'SELECT ?', params: [TOO_LARGE] }] },
      'statements[1].params[0]',
    ] as const,
    ['transactions', { statements: [{ sql: 'SELECT ?', params: [TOO_LARGE] }] }, 'statements[0].params[0]'] as const,
  ].map(
    ([operation, body, at]) =>
      [operation, body, 'integer_out_of_range', `"${at}" ${ROUNDED} Send it as {"int64": "…"}.`] as const,
  ),
  ...['9223372036854775808', '-9223372036854775809', '1.5', ''].map(
    (int64) =>
      [
        'query',
        { sql: 'SELECT ?', params: [{ int64 }] },
        'invalid_input',
        '"params[0].int64" must be a 64-bit integer as a string.',
      ] as const,
  ),
]

/** Returns the status, code and message of a refused call. */
async function refused(request: RequestCall, operation: string, body: object): Promise<unknown[]> {
  const { status, code, message } = (await failure(request(operation, body))) as Sdk.PerSQLError
  return [status, code, message]
}

const toCode = (message: string) => (message === ONE ? 'multiple_statements' : 'statement_not_allowed')

/** Cases of refused calls: local mode explains them in the words of a server. */
export const refusalCases: Record<string, Case> = {
  'a refused statement has one sentence in every call': async (_db, _sdk, request) => {
    for (const [sql, message] of STATEMENTS) {
      const statements = [{ sql: 'SELECT 1' }, { sql }]
      for (const [operation, body] of [
        ['query', { sql }],
        ['explain', { sql }],
        ['propose', { sql }],
        ['batch', { statements }],
        ['batch', { statements, transaction: true }],
      ] as const) {
        same([sql, ...(await refused(request, operation, body))], [sql, 400, toCode(message), message])
      }
      const { ok, error } = (await request('validate', { sql })) as { ok: boolean; error?: string }
      same([sql, ok, error], [sql, false, message])
    }
  },
  'a refused statement of a transaction has one sentence, and the transaction goes on': async (db, _sdk, request) => {
    await db.query('CREATE TABLE t (n UNIQUE)')
    const { id } = (await request('transactions', {})) as { id: string }
    const call = `transactions/${id}`
    for (const [i, [sql, message]] of INSIDE.entries()) {
      const body = { step: i + 1, statements: [{ sql }] }
      same([sql, ...(await refused(request, `${call}/statements`, body))], [sql, 400, toCode(message), message])
    }
    await request(`${call}/commit`, { statements: [{ sql: 'INSERT INTO t VALUES (1)' }] })
    same((await db.query('SELECT n FROM t')).rows, [[1]])
    const write = { mode: 'read', statements: [{ sql: 'DELETE FROM t WHERE 1' }] }
    same(await refused(request, 'transactions', write), [
      400,
      'statement_not_allowed',
      "A write in a read transaction isn't supported. Open a transaction that can write.",
    ])
  },
  'an integer that JSON would round is refused in one sentence, and nothing is written': async (db, _sdk, request) => {
    await db.query('CREATE TABLE t (n)')
    for (const [operation, body, code, message] of INTEGERS) {
      same(await refused(request, operation, body), [400, code, message])
    }
    same((await db.query('SELECT n FROM t')).rows, [])
    same((await db.query('SELECT typeof(?), typeof(?)', [1e21, 2n ** 63n - 1n])).rows, [['real', 'integer']])
  },
}
