import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { batch, chain, execute, integer, LibsqlClient, stmt, text } from '../libsql-client.ts'
import { type LibsqlSocket, openLibsqlSocket } from '../libsql-socket.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
let made = 0
const open: LibsqlSocket[] = []

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
})
afterAll(() => platform.stop())
afterEach(async () => {
  for (const socket of open.splice(0)) await socket.close()
})

/** Returns a new database with a table, and a socket of it. */
async function database(options: { token?: string } = {}) {
  const slug = `db-${++made}`
  const url = `${platform.url}/libsql/${ns}/${slug}/`
  const db = new LibsqlClient(url, acme.token)
  await db.run('CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
  const connected = async (token = options.token ?? acme.token) => {
    const socket = await openLibsqlSocket(url)
    open.push(socket)
    expect(await socket.hello(token)).toEqual({ type: 'hello_ok' })
    return socket
  }
  return { db, slug, url, connected, socket: await connected() }
}
const mint = async (fields: object) =>
  (await platform.request('/v1/tokens', { token: acme.token, body: { name: 'x', role: 'admin', ...fields } })).body.data
const revoke = (id: string) => platform.request(`/v1/tokens/${id}`, { token: acme.token, method: 'DELETE' })
const revoked = async () => {
  const { token, id } = await mint({})
  await revoke(id)
  return token as string
}
const count = async (db: LibsqlClient) => (await db.rows('SELECT count(*) FROM t'))[0]?.[0]
const raw = async (url: string, options: Parameters<typeof openLibsqlSocket>[1] = {}) => {
  const socket = await openLibsqlSocket(url, options)
  open.push(socket)
  return socket
}

describe('a connection', () => {
  test.each([
    [['hrana2', 'hrana1'], 'hrana2'],
    [['hrana1', 'hrana3', 'hrana2'], 'hrana3'],
    [['hrana3-protobuf', 'hrana3'], 'hrana3'],
    [['hrana1'], 'hrana1'],
    [[], ''],
  ])('of a client that offers %j has the version %j', async (protocols, version) => {
    const { url } = await database()
    const socket = await raw(url, { protocols })
    expect(socket.protocol).toBe(version)
    expect(await socket.hello(acme.token)).toEqual({ type: 'hello_ok' })
  })

  test('is refused for other versions, and for a path without a database', async () => {
    const { url } = await database()
    await expect(raw(url, { protocols: ['hrana3-protobuf'] })).rejects.toThrow('refused')
    await expect(raw(`${platform.url}/libsql/${ns}/`)).rejects.toThrow('refused')
    const { status } = await fetch(url, { headers: { Authorization: `Bearer ${acme.token}` } })
    expect(status).toBe(404)
  })

  test('can have the token in the header of its request', async () => {
    const { url } = await database()
    const socket = await raw(url, { headers: { Authorization: `Bearer ${acme.token}` } })
    expect(await socket.hello(null)).toEqual({ type: 'hello_ok' })
  })

  test.each([
    ['without a token', undefined, 'token_missing', 4401],
    ['with a malformed token', 'a b', 'token_malformed', 4401],
    ['with a revoked token', revoked, 'token_unknown', 4401],
    [
      'with the token of another namespace',
      async () => (await platform.createNamespace(uniqueName('other'))).token,
      ...(['namespace_mismatch', 4403] as const),
    ],
  ])('%s ends', async (_, jwt, code, closeCode) => {
    const { url } = await database()
    const socket = await raw(url)
    const answer = await socket.hello(typeof jwt === 'function' ? await jwt() : jwt)
    expect(answer).toEqual({ type: 'hello_error', error: { message: expect.any(String), code } })
    expect(await socket.closed).toEqual({ code: closeCode, reason: code })
  })

  test.each([
    ['JSON that is cut off', '{"type":', 1007],
    ['a message that is a list', '[]', 1007],
    ['an unknown type', '{"type":"other"}', 1007],
    ['a request without an ID', '{"type":"request","request":{"type":"open_stream"}}', 1007],
    ['deep nesting', `{"type":"hello","a":${'['.repeat(1000)}${']'.repeat(1000)}}`, 1007],
  ])('ends after %s', async (_, message, code) => {
    const { socket } = await database()
    socket.send(message)
    expect((await socket.closed).code).toBe(code)
  })

  test('ends after a request before the token, and after binary data', async () => {
    const { url, socket } = await database()
    socket.socket.send(new Uint8Array([1, 2]))
    expect((await socket.closed).code).toBe(1007)
    const early = await raw(url)
    early.send({ type: 'request', request_id: 1, request: { type: 'open_stream', stream_id: 0 } })
    expect((await early.closed).code).toBe(1007)
  })

  test('answers requests that were sent before its token was checked', async () => {
    const { url } = await database()
    const socket = await raw(url)
    const hello = socket.hello(acme.token)
    const stream = socket.open(0)
    const result = stream(execute('SELECT 1'))
    expect(await hello).toEqual({ type: 'hello_ok' })
    expect((await result).result.rows).toEqual([[integer(1)]])
  })

  test('ends when its token is revoked, with its transaction', async () => {
    const { db, connected } = await database()
    const { token, id } = await mint({})
    const socket = await connected(token)
    const stream = socket.open(1)
    await stream(batch(chain('BEGIN IMMEDIATE', 'INSERT INTO t (a) VALUES (1)')))
    await revoke(id)
    expect(await stream(execute('COMMIT'))).toMatchObject({ code: 'token_unknown' })
    expect(await socket.closed).toEqual({ code: 4401, reason: 'token_unknown' })
    await db.run('INSERT INTO t (a) VALUES (2)')
    expect(await db.rows('SELECT a FROM t')).toEqual([['2']])
  })

  test('can change its token', async () => {
    const { socket } = await database()
    const { token } = await mint({ role: 'readonly' })
    const stream = socket.open(1)
    expect(await socket.hello(token)).toEqual({ type: 'hello_ok' })
    expect(await stream(execute('INSERT INTO t (a) VALUES (1)'))).toMatchObject({ code: 'BLOCKED' })
    expect(await stream(execute('SELECT a FROM t'))).toMatchObject({ type: 'execute' })
  })
})

describe('a stream', () => {
  test('runs all requests', async () => {
    const { socket } = await database()
    const stream = socket.open(5)
    expect(await stream.opened).toEqual({ type: 'open_stream' })
    expect(await stream(execute('INSERT INTO t VALUES (7, ?)', [text('x')]))).toMatchObject({
      type: 'execute',
      result: { affected_row_count: 1, last_insert_rowid: '7' },
    })
    const { result } = await stream(batch(chain('SELECT id FROM t', 'SELECT missing FROM t', 'SELECT 1')))
    expect(result.step_results[0].rows).toEqual([[integer(7)]])
    expect(result.step_errors.map(Boolean)).toEqual([false, true, false])
    expect(result.step_results[2]).toBeNull()
    expect(await stream({ type: 'sequence', sql: 'INSERT INTO t VALUES (8, 1); DELETE FROM t WHERE id = 7' })).toEqual({
      type: 'sequence',
    })
    expect(await stream({ type: 'describe', sql: 'SELECT id FROM t WHERE a = :a' })).toMatchObject({
      result: { params: [{ name: ':a' }], cols: [{ name: 'id', decltype: 'INTEGER' }], is_readonly: true },
    })
    expect(await stream({ type: 'get_autocommit' })).toEqual({ type: 'get_autocommit', is_autocommit: true })
    expect(await stream(execute('INSERT INTO t VALUES (8, 1)'))).toMatchObject({
      code: 'SQLITE_CONSTRAINT',
      extended_code: 'SQLITE_CONSTRAINT_PRIMARYKEY',
    })
    expect(await stream.close()).toEqual({ type: 'close_stream' })
    expect(await stream(execute('SELECT 1'))).toMatchObject({ code: 'invalid_input' })
    expect(await stream.close()).toEqual({ type: 'close_stream' })
  })

  test('keeps values exact in both directions', async () => {
    const { socket } = await database()
    socket.open(0)
    const args = [
      ...[integer(2n ** 63n - 1n), integer(-(2n ** 63n)), text('ä\u2028\n"'), { type: 'blob', base64: 'AAH/' }],
      { type: 'null' },
    ]
    const numbers = '{"type":"float","value":1e999},{"type":"float","value":-0.0},{"type":"float","value":3}'
    const received = new Promise<string>((resolve) => {
      socket.socket.addEventListener('message', ({ data }) => {
        if (String(data).includes('"request_id":99')) resolve(String(data))
      })
    })
    const list = `${JSON.stringify(args).slice(0, -1)},${numbers}]`
    socket.send(
      `{"type":"request","request_id":99,"request":{"type":"execute","stream_id":0,"stmt":{"sql":"SELECT ?, ?, ?, ?, ?, ?, ?, ?","args":${list}}}}`,
    )
    const rows = /"rows":\[(\[[\s\S]*\])\],"affected/.exec(await received)?.[1]
    const expected = `${JSON.stringify(args).slice(0, -1)},{"type":"float","value":9e999},{"type":"float","value":-0.0},{"type":"float","value":3}]`
    expect(rows).toBe(expected)
  })

  test('has interactive transactions, which others do not see', async () => {
    const { db, socket } = await database()
    const [first, second] = [socket.open(1), socket.open(2)]
    await first(batch(chain('BEGIN IMMEDIATE', 'INSERT INTO t (a) VALUES (1)')))
    expect((await first({ type: 'get_autocommit' })).is_autocommit).toBe(false)
    expect((await second(execute('SELECT count(*) FROM t'))).result.rows).toEqual([[integer(0)]])
    const waiting = second(execute('INSERT INTO t (a) VALUES (2)'))
    expect((await first(execute('SELECT a FROM t'))).result.rows).toEqual([[integer(1)]])
    await first(execute('COMMIT'))
    expect((await waiting).result.affected_row_count).toBe(1)
    expect(await count(db)).toBe('2')
  })

  test.each([
    ['close_stream', (socket: LibsqlSocket) => socket.ask({ type: 'close_stream', stream_id: 1 })],
    ['the end of the connection', (socket: LibsqlSocket) => socket.close()],
    ['a lost connection', async (socket: LibsqlSocket) => socket.socket.close()],
  ])('is rolled back by %s, so that no other writer waits', async (_, end) => {
    const { db, socket } = await database()
    const stream = socket.open(1)
    await stream(batch(chain('BEGIN IMMEDIATE', 'INSERT INTO t (a) VALUES (1)')))
    const waiting = db.run('INSERT INTO t (a) VALUES (2)')
    await end(socket)
    await waiting
    expect(await db.rows('SELECT a FROM t')).toEqual([['2']])
  })

  test('answers in the order of its requests, and others need not wait for it', async () => {
    const { socket } = await database()
    const order: number[] = []
    const stream = socket.open(1)
    await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const { result } = await stream(execute('SELECT ?', [integer(i)]))
        expect(result.rows).toEqual([[integer(i)]])
        order.push(i)
      }),
    )
    expect(order).toEqual(Array.from({ length: 300 }, (_, i) => i))
  })

  test('counts exactly with 40 streams of a socket', async () => {
    const { db, socket } = await database()
    await db.run('INSERT INTO t VALUES (1, 0)')
    await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const stream = socket.open(i)
        for (;;) {
          const { result } = await stream(batch(chain('BEGIN IMMEDIATE', 'SELECT a FROM t')))
          if (!result.step_errors[0]) {
            const [[{ value }]] = result.step_results[1].rows
            await stream(execute('UPDATE t SET a = ?', [integer(BigInt(value) + 1n)]))
            await stream(execute('COMMIT'))
            break
          }
        }
        await stream.close()
      }),
    )
    expect(await db.rows('SELECT a FROM t')).toEqual([['40']])
  })

  test('runs nothing more after a request that failed as a whole', async () => {
    const { db, socket } = await database()
    const stream = socket.open(1)
    await stream(batch(chain('BEGIN', 'INSERT INTO t (a) VALUES (1)')))
    expect(await stream({ type: 'execute', stmt: { sql: 1 } })).toMatchObject({ code: 'invalid_input' })
    expect(await stream(execute('INSERT INTO t (a) VALUES (2)'))).toMatchObject({ code: 'invalid_input' })
    expect(await stream(execute('COMMIT'))).toMatchObject({ code: 'invalid_input' })
    expect(await stream.close()).toEqual({ type: 'close_stream' })
    const again = socket.open(1)
    expect(await again(execute('SELECT count(*) FROM t'))).toMatchObject({ result: { rows: [[integer(0)]] } })
    await db.run('INSERT INTO t (a) VALUES (3)')
  })

  test('is refused while the balance is empty, with its transaction, until the next one', async () => {
    const slug = uniqueName('broke')
    const broke = await platform.createNamespace(slug)
    const url = `${platform.url}/libsql/${slug}/main/`
    const db = new LibsqlClient(url, broke.token)
    await db.run('CREATE TABLE t (a)')
    const socket = await raw(url)
    await socket.hello(broke.token)
    const credit = (amountUsd: number, ref: string) =>
      platform.request(`/api/operator/namespaces/${slug}/credit`, {
        token: platform.secret,
        body: { amountUsd, ref, note: 'test' },
      })
    const [commits, fails] = [socket.open(1), socket.open(2)]
    await commits(batch(chain('BEGIN IMMEDIATE', 'INSERT INTO t VALUES (1)')))
    await fails(execute('BEGIN'))
    await credit(-100, 'empty')
    await expect.poll(() => db.run('SELECT 1').catch(({ status }: { status: number }) => status)).toBe(402)
    expect(await fails(execute('SELECT 1'))).toMatchObject({ code: 'insufficient_balance' })
    expect(await commits(execute('COMMIT'))).toMatchObject({ type: 'execute' })
    await credit(200, 'full')
    expect(await fails(execute('SELECT 1'))).toMatchObject({ code: 'insufficient_balance' })
    let id = 3
    await expect
      .poll(async () => (await socket.open(id++)(execute('SELECT a FROM t'))).result?.rows)
      .toEqual([[integer(1)]])
  })

  test('refuses what it does not know', async () => {
    const { socket } = await database()
    const stream = socket.open(1)
    expect(await socket.ask({ type: 'open_stream', stream_id: 1 })).toMatchObject({ code: 'invalid_input' })
    expect(await socket.ask({ type: 'open_stream', stream_id: 'x' })).toMatchObject({ code: 'invalid_input' })
    expect(await stream({ type: 'other' })).toMatchObject({ code: 'invalid_input' })
    expect(await stream({ type: 'execute', stmt: { sql_id: 3 } })).toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('no SQL with this ID'),
    })
  })

  test('is one of at most 100', async () => {
    const { socket } = await database()
    const opened = await Promise.all(Array.from({ length: 101 }, (_, i) => socket.open(i).opened))
    expect(opened.slice(0, 100)).toEqual(Array.from({ length: 100 }, () => ({ type: 'open_stream' })))
    expect(opened[100]).toMatchObject({ code: 'too_busy' })
  })
})

describe('stored SQL', () => {
  test('belongs to the socket, and a request uses the text that its ID had', async () => {
    const { socket } = await database()
    const [first, second] = [socket.open(1), socket.open(2)]
    const store = (sqlId: number, sql: string) => socket.ask({ type: 'store_sql', sql_id: sqlId, sql })
    const run = (stream: typeof first) => stream({ type: 'execute', stmt: { sql_id: 0 } })
    const closeSql = () => socket.ask({ type: 'close_sql', sql_id: 0 })
    const answers = await Promise.all([store(0, 'SELECT 1'), run(first), run(second), closeSql(), store(0, 'SELECT 2')])
    expect([answers[1], answers[2]].map(({ result }) => result.rows)).toEqual([[[integer(1)]], [[integer(1)]]])
    const steps = { steps: [{ stmt: { sql_id: 0 } }, { stmt: stmt('SELECT 3') }] }
    const { result } = await first({ type: 'batch', batch: steps })
    expect(result.step_results.map(({ rows }: { rows: unknown }) => rows)).toEqual([[[integer(2)]], [[integer(3)]]])
    expect(await first({ type: 'sequence', sql_id: 0 })).toEqual({ type: 'sequence' })
    expect(await store(0, 'SELECT 4')).toMatchObject({ code: 'invalid_input' })
  })

  test('has limits', async () => {
    const { socket } = await database()
    const store = (sqlId: number, sql: string) => socket.ask({ type: 'store_sql', sql_id: sqlId, sql })
    expect(await store(0, 'x'.repeat(20_001))).toMatchObject({ code: 'invalid_input' })
    const all = await Promise.all(Array.from({ length: 151 }, (_, i) => store(i, 'SELECT 1')))
    expect(all.map(({ type }) => type ?? 'error')).toEqual([...Array.from({ length: 150 }, () => 'store_sql'), 'error'])
    for (let i = 0; i < 150; i++)
      socket.send({ type: 'request', request_id: 1000 + i, request: { type: 'close_sql', sql_id: i } })
    const large = await Promise.all(Array.from({ length: 51 }, (_, i) => store(i, ' '.repeat(20_000))))
    expect(large.map(({ type }) => type ?? 'error').lastIndexOf('store_sql')).toBe(49)
  })
})

describe('a cursor', () => {
  const openCursor = (cursorId: number, ...texts: string[]) => ({
    type: 'open_cursor',
    cursor_id: cursorId,
    batch: { steps: texts.map((sql) => ({ stmt: stmt(sql) })) },
  })
  const fetchCursor = (cursorId: number, maxCount: number) => ({
    type: 'fetch_cursor',
    cursor_id: cursorId,
    max_count: maxCount,
  })

  test('has the entries of all steps, in parts', async () => {
    const { socket } = await database()
    const stream = socket.open(1)
    const [opened, first, second, third] = await Promise.all([
      stream(openCursor(0, 'SELECT 1 AS a UNION ALL SELECT 2', 'SELEC', 'SELECT 3')),
      socket.ask(fetchCursor(0, 3)),
      socket.ask(fetchCursor(0, 100)),
      socket.ask(fetchCursor(0, 100)),
    ])
    expect(opened).toEqual({ type: 'open_cursor' })
    expect(first).toEqual({
      type: 'fetch_cursor',
      done: false,
      entries: [
        { type: 'step_begin', step: 0, cols: [{ name: 'a', decltype: null }] },
        { type: 'row', row: [integer(1)] },
        { type: 'row', row: [integer(2)] },
      ],
    })
    expect(second.entries.map(({ type }: { type: string }) => type)).toEqual([
      ...['step_end', 'step_error', 'step_begin', 'row', 'step_end'],
    ])
    expect([second.done, third]).toEqual([true, { type: 'fetch_cursor', done: true, entries: [] }])
    expect(await socket.ask({ type: 'close_cursor', cursor_id: 0 })).toEqual({ type: 'close_cursor' })
    expect(await socket.ask(fetchCursor(0, 1))).toMatchObject({ code: 'invalid_input' })
  })

  test('of a large result is fetched in parts of about 1 MB', async () => {
    const { socket } = await database()
    const stream = socket.open(1)
    const sql =
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) SELECT i, printf('%.*c', 20000, 'x') FROM n"
    expect(await stream(openCursor(3, sql))).toEqual({ type: 'open_cursor' })
    const rows: string[] = []
    let parts = 0
    for (let done = false; !done; parts++) {
      const part = await socket.ask(fetchCursor(3, 100_000))
      done = part.done
      for (const { type, row } of part.entries) if (type === 'row') rows.push(row[0].value)
    }
    expect(rows).toEqual(Array.from({ length: 600 }, (_, i) => `${i + 1}`))
    expect(parts).toBeGreaterThan(10)
  })

  test('is one of at most 4 of a socket, and ends with its stream', async () => {
    const { socket } = await database()
    const stream = socket.open(1)
    const opened = await Promise.all([0, 1, 2, 3, 4].map((id) => stream(openCursor(id, 'SELECT 1'))))
    expect(opened.map(({ code }) => code)).toEqual([undefined, undefined, undefined, undefined, 'too_busy'])
    await stream.close()
    const other = socket.open(2)
    expect(await other(openCursor(0, 'SELECT 1'))).toEqual({ type: 'open_cursor' })
  })

  test('keeps the transaction of its stream', async () => {
    const { db, socket } = await database()
    const stream = socket.open(1)
    await stream(openCursor(0, 'BEGIN', 'INSERT INTO t (a) VALUES (1)'))
    expect(await count(db)).toBe('0')
    await stream(openCursor(1, 'COMMIT'))
    expect(await count(db)).toBe('1')
  })
})

describe('limits', () => {
  test('of waiting requests end the connection', async () => {
    const { db, socket } = await database()
    await db.pipeline([batch(chain('BEGIN IMMEDIATE', 'INSERT INTO t (a) VALUES (1)'))])
    const stream = socket.open(1)
    void stream(execute('INSERT INTO t (a) VALUES (2)'))
    for (let i = 0; i < 1_100; i++) void stream(execute('SELECT 1'))
    expect(await socket.closed).toEqual({ code: 1008, reason: 'too_many_requests' })
  })

  test('of a message end the connection', async () => {
    const { socket } = await database()
    const stream = socket.open(1)
    void stream(execute('SELECT ?', [text('x'.repeat(11 * 1024 * 1024))]))
    expect((await socket.closed).code).toBe(1009)
  })

  test('let values of 8 MB pass', async () => {
    const { socket } = await database()
    const stream = socket.open(1)
    const { result } = await stream(execute('SELECT length(?)', [text('x'.repeat(8 * 1024 * 1024 - 100))]))
    expect(result.rows).toEqual([[integer(8 * 1024 * 1024 - 100)]])
  })

  test('of the sockets of a token are 50', async () => {
    const { url } = await database()
    const { token } = await mint({})
    const answers: unknown[] = []
    for (let i = 0; i < 51; i++) {
      const socket = await raw(url)
      answers.push(await socket.hello(token))
    }
    expect(answers.slice(0, 50)).toEqual(Array.from({ length: 50 }, () => ({ type: 'hello_ok' })))
    expect(answers[50]).toMatchObject({ type: 'hello_error', error: { code: 'too_busy' } })
    for (const socket of open.splice(0)) await socket.close()
    const socket = await raw(url)
    expect(await socket.hello(token)).toEqual({ type: 'hello_ok' })
  })

  test('make a client that receives nothing wait', async () => {
    const { url, db } = await database()
    const { hostname, port } = new URL(platform.url)
    const client = connect(Number(port), hostname)
    const head = ['GET', new URL(url).pathname, 'HTTP/1.1'].join(' ')
    const headers = ['Host: x', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13']
    client.write([head, ...headers, 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '', ''].join('\r\n'))
    await once(client, 'data')
    client.pause()
    client.write(frame({ type: 'hello', jwt: acme.token }))
    const send = (id: number, request: object) => client.write(frame({ type: 'request', request_id: id, request }))
    const sql = 'INSERT INTO t (a) VALUES (1) RETURNING hex(zeroblob(2000000))'
    // Each stream has its own calls.
    for (let id = 0; id < 60; id++) {
      send(id, { type: 'open_stream', stream_id: id })
      send(id + 100, { type: 'execute', stream_id: id, stmt: stmt(sql) })
    }
    await expect.poll(() => count(db)).not.toBe('0')
    let [before, after] = [0, -1]
    while (before !== after) {
      before = after
      await new Promise((resolve) => setTimeout(resolve, 500))
      after = Number(await count(db))
    }
    expect(after).toBeGreaterThan(0)
    expect(after).toBeLessThan(60)
    client.resume()
    await expect.poll(() => count(db)).toBe('60')
    client.destroy()
  })
})

/** Returns a masked frame with a text. */
function frame(message: object): Buffer {
  const payload = Buffer.from(JSON.stringify(message))
  const length =
    payload.length < 126
      ? Buffer.from([0x80 | payload.length])
      : Buffer.from([0x80 | 126, payload.length >> 8, payload.length & 255])
  return Buffer.concat([Buffer.from([0x81]), length, Buffer.alloc(4), payload])
}
