import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PerSQL, type PerSQLError, type Transaction } from '../src/index.ts'

interface Planned {
  status?: number
  code?: string
  /** More fields of the response. */
  fields?: object
  headers?: Record<string, string>
  /** Closes the connection after receiving the request. */
  cut?: boolean
}
interface Received {
  path: string
  key: string | undefined
  body: { step?: number; mode?: string; statements?: { sql: string; params?: unknown[] }[] }
}

/** The first responses; others are successful. */
let planned: Planned[] = []
let received: Received[] = []
let transactionCount = 0
const server = createServer(async (request, response) => {
  const body = JSON.parse((await request.setEncoding('utf8').toArray()).join('') || '{}')
  const path = (request.url ?? '').replace('/v1/db/acme/main/', '')
  received.push({ path, key: request.headers['idempotency-key'] as string | undefined, body })
  const { status = 200, code, fields, headers, cut } = planned.shift() ?? {}
  if (cut) return request.socket.destroy()
  const results = (body.statements ?? [body]).map((_: unknown, n: number) => ({
    ...{ columns: ['n'], rows: [[n]], rowsRead: 1, rowsWritten: 0 },
  }))
  const opened = path === 'transactions' ? { id: `txn_${++transactionCount}`, expiresAt: '2026-11-30T00:00:00Z' } : {}
  const data = path === 'query' ? results[0] : path === 'batch' ? results : { ...opened, results }
  const meta = { rowsRead: 1, rowsWritten: 0, durationMs: 1, statementCount: 1, costUsd: 1 }
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
  response.end(
    JSON.stringify(
      code ? { success: false, error: `It failed: ${code}.`, code, ...fields } : { success: true, data, meta },
    ),
  )
})
let persql: PerSQL

beforeEach(async () => {
  planned = []
  received = []
  transactionCount = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  persql = new PerSQL({
    token: 'psql_live_x',
    baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    maxRetries: 1,
  })
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

const db = () => persql.database('acme/main')
const paths = () => received.map(({ path }) => path)
const sent = () => received.map(({ body }) => body.statements?.map(({ sql }) => sql))
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error as PerSQLError,
  )
const busy: Planned = { status: 409, code: 'transaction_busy' }
const conflict: Planned = { status: 409, code: 'transaction_conflict' }

test('a transaction opens with its first statement and makes one more request than it has statements', async () => {
  const results = await db().transaction(async (tx) => [
    await tx.query('SELECT 1', [new Uint8Array([1])]),
    await tx.query('SELECT 2'),
    ...(await tx.batch([{ sql: 'SELECT 3' }, { sql: 'SELECT 4', expect: { rows: 1 } }])),
  ])
  expect(results.map(({ data }) => data)).toEqual([[{ n: 0 }], [{ n: 0 }], [{ n: 0 }], [{ n: 1 }]])
  expect(results[0]?.meta?.costUsd).toBe(1)
  expect(received.map(({ path, body }) => [path, body])).toEqual([
    ['transactions', { mode: 'write', statements: [{ sql: 'SELECT 1', params: [{ base64: 'AQ==' }] }] }],
    ['transactions/txn_1/statements', { step: 1, statements: [{ sql: 'SELECT 2', params: [] }] }],
    [
      'transactions/txn_1/statements',
      {
        step: 2,
        statements: [
          { sql: 'SELECT 3', params: [] },
          { sql: 'SELECT 4', expect: { rows: 1 }, params: [] },
        ],
      },
    ],
    ['transactions/txn_1/commit', {}],
  ])
  received = []
  await db().transaction(async () => {})
  await db().transaction((tx) => tx.query('SELECT 1'), { mode: 'read' })
  expect(received.map(({ body }) => body.mode)).toEqual(['read', undefined])
})

test('a list of statements is one call', async () => {
  await db().transaction([{ sql: 'SELECT 1' }])
  expect(paths()).toEqual(['batch'])
})

test('savepoints are sent with the next request', async () => {
  await db().transaction(async (tx) => {
    await tx.transaction((inner) => inner.query('SELECT 1'))
    await tx.transaction(() => {})
    await failure(
      tx.transaction(async (inner) => {
        const { rows } = await inner.query('SELECT 2')
        expect(rows).toEqual([[2]])
        throw new Error('undo')
      }),
    )
  })
  expect(sent()).toEqual([
    ['SAVEPOINT persql_1', 'SELECT 1'],
    ['RELEASE persql_1', 'SAVEPOINT persql_3', 'SELECT 2'],
    ['ROLLBACK TO persql_3', 'RELEASE persql_3'],
  ])
})

test('after a failed statement, the transaction goes on with the next step', async () => {
  const failed: Planned = { status: 400, code: 'sql_error', fields: { statement: 2 } }
  const invalid: Planned = { status: 400, code: 'invalid_input' }
  planned = [{ ...failed, fields: { statement: 1 } }, {}, failed, {}, invalid]
  await db().transaction(async (tx) => {
    for (const sql of ['bad', 'opens']) await failure(tx.query(sql))
    await tx.transaction(async (inner) => {
      for (const sql of ['bad', 'good', 'invalid', 'good']) await failure(inner.query(sql))
    })
  })
  expect(received.map(({ path, body }) => [path.split('/').at(-1), body.step])).toEqual([
    ['transactions', undefined],
    ['transactions', undefined],
    ['statements', 1],
    ['statements', 2],
    // The server didn't run the statements of a request that it refused.
    ['statements', 3],
    ['statements', 3],
    ['commit', undefined],
  ])
  expect(received[0]?.key).not.toBe(received[1]?.key)
  expect(sent().slice(2)).toEqual([
    ['SAVEPOINT persql_1', 'bad'],
    ['good'],
    ['invalid'],
    ['good'],
    ['RELEASE persql_1'],
  ])
})

test.each([
  ['transaction_conflict', conflict],
  ['transaction_busy', busy],
])('the function runs again after %s, even if it hides the error', async (_code, refusal) => {
  planned = [{}, refusal, ...(refusal === busy ? [refusal] : [])]
  let runs = 0
  const result = await db().transaction(async (tx) => {
    runs++
    await tx.query('SELECT 1')
    await tx.query('SELECT 2').catch(() => {
      throw new Error('wrapped')
    })
    return 'done'
  })
  expect([result, runs, transactionCount]).toEqual(['done', 2, 2])
})

test('it runs again after a conflict at the commit, at most as often as wanted', async () => {
  planned = [{}, conflict, {}, {}, conflict]
  let runs = 0
  const run = async (tx: Transaction) => {
    runs++
    await tx.query('SELECT 1')
  }
  const error = await failure(db().transaction(run, { retries: 1 }))
  expect([error?.code, runs]).toEqual(['transaction_conflict', 2])
  expect(paths().map((path) => path.split('/').at(-1))).toEqual([
    ...['transactions', 'commit', 'rollback'],
    ...['transactions', 'commit', 'rollback'],
  ])
  planned = [{}, conflict]
  runs = 0
  expect((await failure(db().transaction(run, { retries: 0 })))?.code).toBe('transaction_conflict')
  expect(runs).toBe(1)
})

test.each([
  ['an expired transaction', { status: 410, code: 'transaction_expired' }, 'transaction_expired'],
  ['a forbidden write', { status: 403, code: 'forbidden' }, 'forbidden'],
  ['an error of the server', { status: 500, code: 'internal' }, 'internal'],
])('it does not run again after %s', async (_name, refusal, code) => {
  planned = [{}, refusal]
  let runs = 0
  const error = await failure(
    db().transaction(async (tx) => {
      runs++
      await tx.query('SELECT 1')
      await tx.query('SELECT 2')
    }),
  )
  expect([error?.code, runs, paths().at(-1)]).toEqual([code, 1, 'transactions/txn_1/rollback'])
})

test('a commit without a response is repeated with the same ID, and the function never runs again', async () => {
  planned = [{}, { cut: true }, {}]
  let runs = 0
  const run = async (tx: Transaction) => {
    runs++
    await tx.query('SELECT 1')
  }
  await db().transaction(run)
  expect(paths()).toEqual(['transactions', 'transactions/txn_1/commit', 'transactions/txn_1/commit'])
  planned = [{}, { cut: true }, { cut: true }, { cut: true }]
  expect((await failure(db().transaction(run)))?.code).toBe('network')
  expect([runs, transactionCount]).toEqual([2, 2])
})

test('a lost response to an opening or a step is asked for again, with the same key or step', async () => {
  planned = [{ cut: true }, {}, { cut: true }]
  await db().transaction(async (tx) => {
    await tx.query('SELECT 1')
    await tx.query('SELECT 2')
  })
  expect(received[0]?.key).toMatch(/^[\w-]{8,}$/)
  expect(received[1]).toEqual(received[0])
  expect(received[3]).toEqual(received[2])
})

test('a statement without a response ends the transaction', async () => {
  planned = [{}, { cut: true }, { cut: true }]
  const codes: unknown[] = []
  const error = await failure(
    db().transaction(async (tx) => {
      await tx.query('SELECT 1')
      codes.push((await failure(tx.query('SELECT 2')))?.code, (await failure(tx.query('SELECT 3')))?.code)
    }),
  )
  expect([...codes, error?.code]).toEqual(['network', 'network', 'network'])
  expect(paths().slice(3)).toEqual(['transactions/txn_1/rollback'])
})

test('statements without await are sent one after another, and before the commit', async () => {
  await db().transaction((tx) => {
    for (const sql of ['SELECT 1', 'SELECT 2', 'SELECT 3']) void tx.query(sql)
  })
  expect(sent()).toEqual([['SELECT 1'], ['SELECT 2'], ['SELECT 3'], undefined])
  expect(received.map(({ body }) => body.step)).toEqual([undefined, 1, 2, undefined])
})

test('an aborted signal ends the statement and rolls back', async () => {
  const abort = new AbortController()
  const error = await failure(
    db().transaction(
      async (tx) => {
        await tx.query('SELECT 1')
        abort.abort(new Error('enough'))
      },
      { signal: abort.signal },
    ),
  )
  expect(error?.message).toBe('enough')
  expect(paths()).toEqual(['transactions', 'transactions/txn_1/rollback'])
})

test('a single call is retried while a transaction of another client is open', async () => {
  planned = [{ ...busy, headers: { 'Retry-After': '0' } }]
  await db().query('INSERT INTO t VALUES (1)')
  expect(paths()).toEqual(['query', 'query'])
})

test('the transaction of an adapter is ended by the adapter', async () => {
  const tx = await db().begin()
  await tx.rollback()
  await tx.rollback()
  expect(received).toEqual([])
  const other = await db().begin({ mode: 'read' })
  await other.query('SELECT 1')
  planned = [{ status: 400, code: 'sql_error' }]
  expect((await failure(other.commit()))?.code).toBe('sql_error')
  await other.query('SELECT 2')
  await other.commit()
  await other.rollback()
  expect(paths().map((path) => path.split('/').at(-1))).toEqual(['transactions', 'commit', 'statements', 'commit'])
})
