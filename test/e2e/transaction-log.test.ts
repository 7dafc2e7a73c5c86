import { afterAll, beforeAll, expect, test } from 'vitest'
import { close, execute, LibsqlClient } from '../libsql-client.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

let platform: SharedPlatform
let db: ReturnType<SharedPlatform['database']>
let libsql: LibsqlClient
const ns = uniqueName('logged')

beforeAll(async () => {
  platform = await sharedPlatform()
  const { token } = await platform.createNamespace(ns)
  db = platform.database(ns, 'main', token)
  libsql = new LibsqlClient(`${platform.url}/libsql/${ns}/main/`, token)
  await db.query('CREATE TABLE t (n INTEGER)')
})
afterAll(() => platform.stop())

const log = async (id: string) => {
  const sql =
    'SELECT operation, statement_count, rows_written, status FROM _persql_query_log WHERE transaction_id = ? ORDER BY id'
  return (await db.query(sql, [id])).body.data.rows
}
const begin = async (body: object) => (await db.request('/transactions', { body })).body.data

test('every call of a transaction has its ID in the query log, and no other call has one', async () => {
  const { id } = await begin({ statements: [{ sql: 'INSERT INTO t VALUES (1)' }] })
  await db.query('SELECT 1')
  const statements = [{ sql: 'INSERT INTO t VALUES (2)' }, { sql: 'SELECT count(*) FROM t' }]
  await db.request(`/transactions/${id}/statements`, { body: { step: 1, statements } })
  await db.request(`/transactions/${id}/statements`, { body: { step: 2, statements: [{ sql: 'SELECT nothing' }] } })
  await db.request(`/transactions/${id}/commit`, { body: {} })
  expect(await log(id)).toEqual([
    ['begin_transaction', 1, 1, 200],
    ['run_in_transaction', 2, 1, 200],
    ['run_in_transaction', 0, 0, 400],
    ['commit_transaction', 0, 0, 200],
  ])
  const others = "SELECT count(*) FROM _persql_query_log WHERE transaction_id IS NOT NULL AND operation = 'query'"
  expect((await db.query(others)).body.data.rows).toEqual([[0]])
})

test('a transaction that was rolled back is in the log', async () => {
  const { id } = await begin({ mode: 'read' })
  await db.request(`/transactions/${id}/rollback`, { body: {} })
  expect((await log(id)).map(([operation]: [string]) => operation)).toEqual([
    'begin_transaction',
    'rollback_transaction',
  ])
})

test('a call of an unknown transaction is logged with a bounded ID', async () => {
  const id = `txn_${'x'.repeat(200)}`
  expect((await db.request(`/transactions/${id}/statements`, { body: { step: 1, statements: [] } })).status).toBe(410)
  const longest = 'SELECT max(length(transaction_id)) FROM _persql_query_log'
  expect((await db.query(longest)).body.data.rows).toEqual([[60]])
})

test('the requests of a libSQL transaction have the same ID', async () => {
  const { baton } = await libsql.pipeline([execute('BEGIN'), execute('INSERT INTO t VALUES (3)')])
  const next = await libsql.pipeline([execute('SELECT count(*) FROM t')], baton)
  await libsql.pipeline([execute('COMMIT'), close], next.baton)
  const sql = `SELECT transaction_id, group_concat(sql, ' | ') FROM
    (SELECT * FROM _persql_query_log WHERE operation = 'libsql_pipeline' ORDER BY id) GROUP BY 1`
  expect((await db.query(sql)).body.data.rows).toEqual([
    [expect.stringMatching(/^txn_\w+$/), 'INSERT INTO t VALUES (3) | SELECT count(*) FROM t | '],
  ])
})

test('a libSQL request that fails as a whole has the ID of its transaction', async () => {
  const { baton } = await libsql.pipeline([execute('BEGIN'), execute('INSERT INTO t VALUES (4)')])
  const sql = 'SELECT max(transaction_id) FROM _persql_query_log WHERE id = (SELECT max(id) FROM _persql_query_log)'
  const [[id]] = (await db.query(sql)).body.data.rows
  expect(id).toMatch(/^txn_/)
  expect((await db.request(`/transactions/${id}`, { method: 'DELETE' })).status).toBe(200)
  await expect(libsql.pipeline([execute('COMMIT')], baton)).rejects.toMatchObject({ code: 'STREAM_EXPIRED' })
  expect(await log(id)).toEqual([
    ['libsql_pipeline', 1, 1, 200],
    ['delete_transaction', 0, 0, 200],
    ['libsql_pipeline', 0, 0, 400],
  ])
})

test('insights name the transaction of a failed statement', async () => {
  const { id } = await begin({ mode: 'read' })
  const statements = [{ sql: 'SELECT missing FROM t' }]
  await db.request(`/transactions/${id}/statements`, { body: { step: 1, statements } })
  await db.query('SELECT gone FROM t')
  const { recent } = (await db.request('/insights')).body.data
  const found = recent.map(({ sqlText, transactionId }: Record<string, unknown>) => [sqlText, transactionId])
  expect(found.slice(0, 2)).toEqual([
    ['SELECT gone FROM t', null],
    [expect.stringContaining('SELECT missing'), id],
  ])
})

test('insights list all statements of one transaction', async () => {
  const { id } = await begin({ statements: [{ sql: 'INSERT INTO t VALUES (5)' }] })
  const statements = [{ sql: 'SELECT count(*) FROM t WHERE n = 5' }, { sql: 'SELECT missing FROM t' }]
  await db.request(`/transactions/${id}/statements`, { body: { step: 1, statements } })
  await db.query('SELECT 5')
  await db.request(`/transactions/${id}/commit`, { body: {} })
  const of = async (transactionId: string) =>
    (await db.request(`/insights?transactionId=${transactionId}`)).body.data.recent.map(
      ({ sqlText, status }: Record<string, unknown>) => [sqlText, status],
    )
  expect(await of(id)).toEqual([
    ['SELECT count(*) FROM t WHERE n = 5;\nSELECT missing FROM t', 'error'],
    ['INSERT INTO t VALUES (5)', 'ok'],
  ])
  expect(await of('txn_unknown')).toEqual([])
})
