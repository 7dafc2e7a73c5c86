import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { close, execute, integer, LibsqlClient, type LibsqlResult, stmt } from '../libsql-client.ts'
import { type LibsqlSocket, openLibsqlSocket } from '../libsql-socket.ts'
import { hasReaders } from '../reader-count.ts'

const LIMIT_S = 3
const open: LibsqlSocket[] = []
afterEach(async () => {
  for (const socket of open.splice(0)) await socket.close()
})

/** A read that runs in a reader if there is one, and returns soon. */
const long = (columns: string, from = 't', times = 1) =>
  `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${times}) SELECT ${columns} FROM n, ${from}`
const ENDLESS = 'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'

let platform: TestPlatform
let made = 0
const start = (readers: number, limitS?: number) => async () => {
  const environment = limitS === undefined ? {} : { QUERY_TIMEOUT_S: `${limitS}` }
  platform = await startPlatform({ readers, watchdog: readers === 0, environment })
}
const stop = () => platform.stop()

/** Returns a database with a row of each kind of value, in a namespace of its own. */
async function database() {
  const ns = `acme-${++made}`
  const { token, db } = await platform.createNamespace(ns)
  const at = (as = token, slug = 'main') => new LibsqlClient(`${platform.url}/libsql/${ns}/${slug}/`, as)
  const client = at()
  await client.pipeline([
    {
      type: 'sequence',
      sql: `CREATE TABLE t (id INTEGER PRIMARY KEY, big BIGINT, real REAL, text VARCHAR(20), data BLOB, any, at DATETIME);
        INSERT INTO t VALUES (9223372036854775807, -9223372036854775808, 5, 'ä' || char(10) || '"', x'00ff', 1.0, '2026-01-01'),
          (2, 9007199254740993, 9e999, '', x'', NULL, 3), (3, 1, -0.0, '7', x'61', 9007199254740993, NULL);
        CREATE TABLE secret (v); INSERT INTO secret VALUES ('hidden')`,
    },
  ])
  const mint = async (body: object) =>
    (await platform.request('/v1/tokens', { token, body: { name: 'x', role: 'readonly', ...body } })).body.data
  return { ns, token, db: db(), at, client, mint }
}
type Client = LibsqlClient

/** Runs a statement through each door. Returns its columns and rows, or its error. */
const doors: Record<string, (client: Client, ns: string, token: string, sql: string) => Promise<LibsqlResult>> = {
  'a pipeline': async (client, _ns, _token, sql) => {
    const { results } = await client.pipeline([execute(sql), close])
    return results[0].error ?? pick(results[0].response.result)
  },
  'a pipeline that stays open': async (client, _ns, _token, sql) => {
    const { results, baton } = await client.pipeline([execute(sql), { type: 'get_autocommit' }])
    expect(baton).toBeNull()
    return results[0].error ?? pick(results[0].response.result)
  },
  'a cursor': async (client, _ns, _token, sql) => toResult((await client.cursor([{ stmt: stmt(sql) }])).slice(1, -1)),
  'a WebSocket': async (_client, ns, token, sql) => {
    const answer = await (await stream(ns, token))(execute(sql))
    return answer.result ? pick(answer.result) : answer
  },
  'a cursor of a WebSocket': async (_client, ns, token, sql) => {
    const ask = await stream(ns, token)
    const opened = await ask({ type: 'open_cursor', cursor_id: 1, batch: { steps: [{ stmt: stmt(sql) }] } })
    expect(opened).toEqual({ type: 'open_cursor' })
    const entries: LibsqlResult[] = []
    for (let done = false; !done; ) {
      const part = await ask({ type: 'fetch_cursor', cursor_id: 1, max_count: 1_000 })
      entries.push(...part.entries)
      done = part.done
    }
    return toResult(entries)
  },
}
const pick = ({ cols, rows }: LibsqlResult) => ({ cols, rows })
const toResult = (entries: readonly LibsqlResult[]) =>
  entries[0].error ?? { cols: entries[0].cols, rows: entries.slice(1, -1).map(({ row }) => row) }
async function stream(ns: string, token: string) {
  const socket = await openLibsqlSocket(`${platform.url}/libsql/${ns}/main/`)
  open.push(socket)
  expect(await socket.hello(token)).toEqual({ type: 'hello_ok' })
  return socket.open(1)
}

describe.each([
  ['in readers', 2],
  ['in place', 0],
])('long reads %s', (_, readers) => {
  beforeAll(start(readers))
  afterAll(stop)

  test.each(Object.entries(doors))('of %s have exact values, names and declared types', async (_name, run) => {
    const { ns, token, client } = await database()
    const columns = 'id, big, real, text, data, any, at, id AS id, 1.0 AS one, typeof(real) AS kind, 7 / 2.0'
    const inPlace = pick(await client.run(`SELECT ${columns} FROM t ORDER BY id`))
    expect(await run(client, ns, token, `${long(columns)} ORDER BY id`)).toEqual(inPlace)
    expect(inPlace.rows).toHaveLength(3)
  })

  test.each(Object.entries(doors))('of %s obey the table scope', async (_name, run) => {
    const { ns, mint, at } = await database()
    const { token } = await mint({ tableScope: ['t'] })
    expect(await run(at(token), ns, token, long('count(*)', 'secret', 50_000))).toMatchObject({
      extended_code: 'table_out_of_scope',
    })
    const { rows } = await run(at(token), ns, token, long('count(*)', 't', 1_000))
    expect(rows).toEqual([[integer(3_000)]])
  })

  test('of a batch run in their order, beside statements that fail', async () => {
    const { client } = await database()
    const requests = [
      execute('BEGIN'),
      execute(long('1 AS a')),
      execute('SELEC'),
      execute(long('missing')),
      execute('COMMIT'),
    ]
    const { results, baton } = await client.pipeline([...requests, execute(long('2 AS a')), close])
    expect(baton).toBeNull()
    expect(results.map(({ type }) => type)).toEqual(['ok', 'ok', 'error', 'error', 'ok', 'ok', 'ok'])
    expect(results[1].response.result.rows).toEqual([[integer(1)], [integer(1)], [integer(1)]])
    expect(results[5].response.result.rows).toEqual([[integer(2)], [integer(2)], [integer(2)]])
  })

  test('with large results arrive whole', async () => {
    const { ns, token, client } = await database()
    const sql = `${long("n.i, printf('%.*c', 10000, 'x')", '(SELECT 1)', 1_000)}`
    for (const [name, run] of Object.entries(doors)) {
      const { rows } = await run(client, ns, token, sql)
      const seen = rows.map(([{ value }, text]: LibsqlResult[]) => [value, text.value.length])
      expect(seen, name).toEqual(Array.from({ length: 1_000 }, (_each, i) => [`${i + 1}`, 10_000]))
    }
  })

  test('with too large results are refused in their place', async () => {
    const { ns, token, client } = await database()
    const sql = long("printf('%.*c', 100000, 'x')", '(SELECT 1)', 200)
    for (const [name, run] of Object.entries(doors))
      expect(await run(client, ns, token, sql), name).toMatchObject({ extended_code: 'result_too_large' })
  })

  test('of a branch have the rows of the branch', async () => {
    const { db, at } = await database()
    const { body } = await db.request('/claim_branch', { body: { ref: 'work', role: 'admin' } })
    const { token, databaseSlug: slug } = body.data
    const branch = at(token, slug)
    await branch.run('DELETE FROM t')
    await branch.run('INSERT INTO t (id) VALUES (5)')
    expect(await branch.rows(long('sum(t.id)', 't', 1_000))).toEqual([['5000']])
    await expect(at(token).run(long('count(*)'))).rejects.toMatchObject({ status: 403 })
  })
})

const running = async (): Promise<number> => {
  const { body } = await platform.request('/metrics')
  return Number(/^persql_reads_running (\d+)/m.exec(body)?.[1] ?? 0)
}
async function untilRunning(): Promise<void> {
  while ((await running()) === 0) await delay(10)
}

/** A token waits after a read that reached the limit. */
async function untilServed(client: Client): Promise<void> {
  const read = () => client.send('v3/pipeline', { requests: [execute(long('count(*)')), close] })
  await expect.poll(async () => (await read()).status).toBe(200)
}

describe.runIf(hasReaders)('an endless read', () => {
  beforeAll(start(2, LIMIT_S))
  afterAll(stop)

  test.each(Object.entries(doors))('of %s ends at the limit, as an error of the statement', async (_name, run) => {
    const { ns, token, client } = await database()
    expect(await run(client, ns, token, ENDLESS)).toMatchObject({
      code: 'SQLITE_INTERRUPT',
      extended_code: 'query_timeout',
    })
    expect(await client.rows('SELECT count(*) FROM t')).toEqual([['3']])
  })

  test('can be canceled by the ID of its request', async () => {
    const { client, db } = await database()
    const reading = client.pipeline([execute(ENDLESS), close], null, { headers: { 'X-Request-Id': 'mine' } })
    while ((await db.request('/queries/mine', { method: 'DELETE' })).status !== 200) await delay(10)
    const { results } = await reading
    expect(results).toMatchObject([{ type: 'error', error: { extended_code: 'query_canceled' } }, { type: 'ok' }])
  })

  test('of a client that went away ends at the limit, and the next one runs', async () => {
    const { ns, token, client } = await database()
    const ask = await stream(ns, token)
    void ask(execute(ENDLESS))
    await untilRunning()
    await open[0]?.close()
    await expect.poll(running).toBe(0)
    await untilServed(client)
  })

  test('of a revoked token shows nothing', async () => {
    const { at, mint, token } = await database()
    const made = await mint({})
    const reading = at(made.token).send('v3/pipeline', { requests: [execute(ENDLESS), close] })
    await untilRunning()
    expect((await platform.request(`/v1/tokens/${made.id}`, { token, method: 'DELETE' })).status).toBe(200)
    const { status, body } = await reading
    expect([status, body.code]).toEqual([401, 'token_unknown'])
  })

  test('runs again in another reader if its own is killed, and ends at the limit', async () => {
    const { client } = await database()
    const reading = client.send('v3/pipeline', { requests: [execute(ENDLESS), execute('SELECT 1'), close] })
    await untilRunning()
    for (const pid of platform.readers?.pids ?? []) process.kill(pid, 'SIGKILL')
    const { status, body } = await reading
    const failed = { type: 'error', error: { code: 'SQLITE_INTERRUPT', extended_code: 'query_timeout' } }
    expect({ status, body }).toMatchObject({ status: 200, body: { results: [failed, failed, { type: 'ok' }] } })
    await untilServed(client)
  })
})
