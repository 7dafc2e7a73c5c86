import type * as Sdk from '../../packages/sdk/src/index.ts'
import { type Case, failure, type RequestCall, same } from './cases.ts'

const LARGEST = 2n ** 63n - 1n

/** Returns the status, code and message of a failure, and the numbers of the failed statement and of the results that stay. */
async function refusal(promise: Promise<unknown>): Promise<unknown[]> {
  const { status, code, message, body } = (await failure(promise)) as Sdk.PerSQLError
  const { failedStatement, results } = body as { failedStatement?: object; results?: { number?: number }[] }
  return [status, code, message, failedStatement, results?.map(({ number }) => number)]
}

const T = 'CREATE TABLE t (id INTEGER PRIMARY KEY, n)'
/** Scripts with the statements of their results, the failed statement if one fails, and the rows that stay. */
const SCRIPTS: readonly (readonly [string, number[][], unknown, number[], boolean?])[] = [
  [
    '-- first; comment\nINSERT INTO t VALUES (1, \'a;b\'); ;; /* ; */\nINSERT INTO t\n  VALUES (2, 2);\nSELECT 1 AS "b;c"',
    [
      [1, 2],
      [2, 3],
      [3, 5],
    ],
    undefined,
    [1, 2],
  ],
  [
    `CREATE TRIGGER log AFTER INSERT ON t BEGIN
  UPDATE t SET n = CASE WHEN 1 THEN ';' END WHERE id = new.id;
  SELECT 1;
END;
INSERT INTO t VALUES (3, 1); DROP TRIGGER log`,
    [
      [1, 1],
      [2, 5],
      [3, 5],
    ],
    undefined,
    [3],
  ],
  [
    'INSERT INTO t VALUES (1, 1);\n\nINSERT INTO t VALUES (1, 2); SELECT 1',
    [[1, 1]],
    [2, 3, 'INSERT INTO t VALUES (1, 2)'],
    [1],
  ],
  ['INSERT INTO t VALUES (1, 1);\nSELECT nope', [], [2, 2, 'SELECT nope'], [], true],
  [
    'BEGIN; INSERT INTO t VALUES (1, 1); COMMIT; SELECT 1',
    [
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 1],
    ],
    undefined,
    [1],
  ],
  [
    'INSERT INTO t VALUES (1, 1); BEGIN IMMEDIATE; DELETE FROM t WHERE 1; ROLLBACK',
    [
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 1],
    ],
    undefined,
    [1],
  ],
  [
    'BEGIN; INSERT INTO t VALUES (1, 1); SAVEPOINT s; INSERT INTO t VALUES (2, 2); ROLLBACK TO s; END TRANSACTION',
    [1, 2, 3, 4, 5, 6].map((number) => [number, 1]),
    undefined,
    [1],
  ],
  [
    'SAVEPOINT a; INSERT INTO t VALUES (1, 1); SAVEPOINT b; RELEASE a; SELECT 1',
    [1, 2, 3, 4, 5].map((number) => [number, 1]),
    undefined,
    [1],
  ],
  [
    'INSERT INTO t VALUES (1, 1);\nBEGIN;\nINSERT INTO t VALUES (2, 2);\nINSERT INTO t VALUES (1, 3);\nCOMMIT',
    [[1, 1]],
    [4, 4, 'INSERT INTO t VALUES (1, 3)'],
    [1],
  ],
  [
    'INSERT INTO t VALUES (1, 1); BEGIN; INSERT INTO t VALUES (2, 2)',
    [[1, 1]],
    [3, 1, 'INSERT INTO t VALUES (2, 2)'],
    [1],
  ],
  ['INSERT INTO t VALUES (1, 1); COMMIT', [[1, 1]], [2, 1, 'COMMIT'], [1]],
  ['BEGIN; BEGIN', [], [2, 1, 'BEGIN'], []],
  ['INSERT INTO t VALUES (1, 1); BEGIN; COMMIT', [], [2, 1, 'BEGIN'], [], true],
]
/** Scripts and forms that are refused before anything runs. */
const REFUSED: readonly (readonly [string, object, string])[] = [
  ['', {}, 'invalid_input'],
  ['-- x\n;;/* y */', {}, 'empty_statement'],
  ['SELECT 1; SELECT ?', {}, 'statement_not_allowed'],
  ['SELECT 1; SELECT :a', {}, 'statement_not_allowed'],
  ["SELECT '\ud800'", {}, 'invalid_input'],
  [`SELECT '${'x'.repeat(1_000_000)}'`, {}, 'invalid_input'],
  ['SELECT 1;'.repeat(1_001), {}, 'invalid_input'],
  ['SELECT 1', { int64: 'bigint' }, 'invalid_input'],
  ['SELECT 1', { rows: 'arrays' }, 'invalid_input'],
  ['SELECT 1', { transaction: 1 }, 'invalid_input'],
]

async function each(request: RequestCall, sql: string, format: object): Promise<unknown[]> {
  const statements = [{ sql }]
  const begun = (await request('transactions', { statements, ...format })) as { id: string; results: unknown[] }
  const step = (await request(`transactions/${begun.id}/statements`, { step: 1, statements, ...format })) as {
    results: unknown[]
  }
  const committed = (await request(`transactions/${begun.id}/commit`, { statements, ...format })) as {
    results: unknown[]
  }
  const results = [
    await request('query', { sql, ...format }),
    ...((await request('batch', { statements, ...format })) as unknown[]),
    ...((await request('script', { sql, ...format })) as unknown[]),
    ...[begun, step, committed].map((answer) => answer.results[0]),
  ]
  return results.map((result) => (result as { rows: unknown }).rows)
}

/** Cases of scripts and of the forms of results. */
export const resultCases: Record<string, Case> = {
  'a bigint client reads every INTEGER as a bigint, and nothing else': async (db) => {
    const exact = db.with({ int64: 'bigint' })
    await exact.query('CREATE TABLE b (id INTEGER PRIMARY KEY, n)')
    const { rows, data } = await exact.query("SELECT 1 AS a, 1.5 AS b, '1' AS c, NULL AS d, x'31' AS e, ? AS f", [
      LARGEST,
    ])
    const row = [1n, 1.5, '1', null, new Uint8Array([0x31]), LARGEST]
    const kinds = (values: readonly unknown[]) => values.map((value) => `${typeof value} ${value}`)
    same(kinds(rows[0] ?? []), kinds(row))
    same(kinds(Object.values(data[0] ?? {})), kinds(row))
    const inserted = await exact.query('INSERT INTO b VALUES (?, ?) RETURNING n', [LARGEST - 1n, -(2n ** 63n)])
    same(kinds([inserted.lastInsertRowid, ...inserted.rows.flat()]), kinds([LARGEST - 1n, -(2n ** 63n)]))
    const [result] = await exact.batch([{ sql: 'SELECT n FROM b' }])
    const [line] = await exact.script('SELECT n FROM b')
    const [listed] = await exact.transaction([{ sql: 'SELECT n FROM b' }])
    const inside = await exact.transaction(async (tx) => {
      const { lastInsertRowid } = await tx.query('INSERT INTO b VALUES (5, 5)')
      const [{ rows: many } = { rows: [] }] = await tx.batch([{ sql: 'SELECT n FROM b WHERE id > ?', params: [5] }])
      return [lastInsertRowid, ...many.flat()]
    })
    same(kinds(inside), kinds([5n, -(2n ** 63n)]))
    for (const each of [result, line, listed]) same(kinds(each?.rows[0] ?? []), kinds([-(2n ** 63n)]))
    same((await exact.with({ int64: 'number' }).query('SELECT 1')).rows, [[1]])
    same(
      (await exact.queryLog({ limit: 1 }).catch(() => [])).some(({ id }) => typeof id === 'bigint'),
      false,
    )
    const tool = await exact.runTool({ sql: 'SELECT 1 AS a, n AS b FROM b WHERE id > 5' })
    same('data' in tool && tool.data, [{ a: 1, b: '-9223372036854775808' }])
    same(
      await exact
        .asTools()
        .run('insert_rows', { table: 'b', rows: [{ n: 1 }] })
        .then((given) => JSON.stringify(given).includes('"inserted":1')),
      true,
    )
  },
  'the form of results is that of the body, in every call': async (_db, _sdk, request) => {
    await request('query', { sql: 'CREATE TABLE f (a)' })
    const sql = "INSERT INTO f VALUES (9007199254740993) RETURNING a, '1' AS text, 1.5 AS real"
    const all = (row: unknown) => Array.from({ length: 6 }, () => [row])
    same(await each(request, sql, { int64: 'text' }), all(['9007199254740993', '1', 1.5]))
    same(await each(request, sql, { int64: 'object' }), all([{ int64: '9007199254740993' }, '1', 1.5]))
    same(await each(request, 'SELECT 1 AS a', { int64: 'number' }), all([1]))
    const asObjects = { int64: 'object', rows: 'objects' }
    same(await each(request, sql, asObjects), all({ a: { int64: '9007199254740993' }, text: '1', real: 1.5 }))
    const count = () =>
      request('query', { sql: 'SELECT count(*) FROM f' }).then((given) => (given as { rows: unknown }).rows)
    const before = await count()
    for (const twice of ['SELECT 1 AS a, 2 AS a', 'INSERT INTO f VALUES (1) RETURNING a, a']) {
      const message = 'Several columns are named "a". Name each with AS, or leave out "rows": "objects".'
      same((await refusal(request('query', { sql: twice, rows: 'objects' }))).slice(0, 3), [
        400,
        'duplicate_column',
        message,
      ])
    }
    same(await count(), before)
    for (const wrong of [{ int64: 'bigint' }, { int64: null }, { rows: 'arrays' }]) {
      for (const [operation, body] of [
        ['query', { sql: 'SELECT 1' }],
        ['batch', { statements: [{ sql: 'SELECT 1' }] }],
        ['transactions', { statements: [{ sql: 'SELECT 1' }] }],
      ] as const) {
        same((await refusal(request(operation, { ...body, ...wrong })))[1], 'invalid_input')
      }
    }
  },
  'a script runs its statements and names the one that fails': async (db) => {
    await db.query(T)
    for (const [sql, expected, failed, ids, transaction] of SCRIPTS) {
      await db.query('DELETE FROM t WHERE 1')
      const running = db.script(sql, { transaction })
      if (failed) {
        const [status, , , failedStatement, kept] = await refusal(running)
        same(
          [status, failedStatement, kept],
          [400, failed, expected.map(([number]) => number)].map((each, i) => (i === 1 ? toPlace(each as never) : each)),
        )
      } else {
        const results = await running
        same([sql, results.map(({ number, line }) => [number, line])], [sql, expected])
      }
      same([sql, (await db.query('SELECT id FROM t ORDER BY id')).rows.flat()], [sql, ids])
    }
    same((await db.script('SELECT 7 AS a; BEGIN; COMMIT'))[0]?.data, [{ a: 7 }])
    for (const transaction of [true, false]) {
      for (const [sql, more, code] of REFUSED) {
        const [status, actual] = await refusal(db.script(`${sql}`, { transaction, ...more }))
        same([sql.slice(0, 20), status, actual], [sql.slice(0, 20), 400, code])
      }
    }
  },
}

const toPlace = ([number, line, text]: [number, number, string]) => ({ number, line, text })
