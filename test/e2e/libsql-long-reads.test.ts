import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { close, execute, integer, LibsqlClient, type LibsqlResult, stmt } from '../libsql-client.ts'
import { type LibsqlSocket, openLibsqlSocket } from '../libsql-socket.ts'

const open: LibsqlSocket[] = []
afterEach(async () => {
  for (const socket of open.splice(0)) await socket.close()
})

/** A read that runs in a reader if there is one, and returns soon. */
const long = (columns: string, from = 't', times = 1) =>
  `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${times}) SELECT ${columns} FROM n, ${from}`

let platform: TestPlatform
let made = 0
const start = (readers: number) => async () => {
  platform = await startPlatform({ readers, watchdog: readers === 0 })
}
const stop = () => platform.stop()

/** Returns a database with a row of each kind of value, in a namespace of its own. */
async function database() {
  const ns = `acme-${++made}`
  const { token } = await platform.createNamespace(ns)
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
  return { ns, token, at, client, mint }
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
})
