import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let acme: Awaited<ReturnType<TestPlatform['createNamespace']>>
let db: ReturnType<TestPlatform['database']>

beforeAll(async () => {
  platform = await startPlatform()
  acme = await platform.createNamespace('acme')
  db = acme.db()
  await db.batch([
    { sql: 'CREATE TABLE t (a INTEGER PRIMARY KEY, b NOT NULL)' },
    { sql: 'INSERT INTO t VALUES (1, 1)' },
  ])
})
afterAll(() => platform.stop())

const many = (length: number) => Array.from({ length }, () => ({ sql: 'SELECT 1' }))

describe('a body that is not what it should be', () => {
  const bodies: [name: string, path: string, body: string, code: string, sentence: string][] = [
    ['no body', '/query', '', 'invalid_json', "isn't valid JSON"],
    ['half a body', '/query', '{"sql":', 'invalid_json', "isn't valid JSON"],
    ['a list', '/query', '[]', 'invalid_input', 'must be a JSON object'],
    ['null', '/query', 'null', 'invalid_input', 'must be a JSON object'],
    ['no sql', '/query', '{}', 'invalid_input', '"sql" must be a string'],
    ['sql of another type', '/query', '{"sql":1}', 'invalid_input', '"sql" must be a string'],
    [
      'params of another type',
      '/query',
      '{"sql":"SELECT 1","params":"x"}',
      'invalid_input',
      '"params" must be an array',
    ],
    ['an unknown field', '/query', '{"sql":"SELECT 1","parms":[]}', 'invalid_input', 'Unknown field "parms"'],
    [
      'an object parameter',
      '/query',
      '{"sql":"SELECT ?","params":[{}]}',
      'invalid_input',
      '"params[0]" must be a string',
    ],
    ['a list parameter', '/query', '{"sql":"SELECT ?","params":[[]]}', 'invalid_input', '"params[0]" must be a string'],
    ['wrong base64', '/query', '{"sql":"SELECT ?","params":[{"base64":"!"}]}', 'invalid_input', 'must be valid base64'],
    ['half a surrogate pair', '/query', '{"sql":"SELECT ?","params":["\\ud800"]}', 'invalid_input', 'surrogate'],
    ['half a surrogate pair in SQL', '/query', '{"sql":"SELECT \'\\ud800\'"}', 'invalid_input', 'surrogate'],
    [
      'too many parameters',
      '/query',
      JSON.stringify({ sql: 'SELECT 1', params: Array(32_767).fill(1) }),
      'invalid_input',
      '32,767 items',
    ],
    ['too few parameters', '/query', '{"sql":"SELECT ?"}', 'sql_error', 'Expected 1 parameter, but got 0.'],
    [
      'a large integer',
      '/query',
      '{"sql":"SELECT ?","params":[-9007199254740993]}',
      'integer_out_of_range',
      'params[0]',
    ],
    ['a syntax error', '/query', '{"sql":"SELEC"}', 'sql_error', 'near "SELEC": syntax error'],
    ['no statements', '/batch', '{"statements":[]}', 'invalid_input', 'non-empty array'],
    ['101 statements', '/batch', JSON.stringify({ statements: many(101) }), 'invalid_input', 'The maximum is 100'],
    [
      'a statement that is text',
      '/batch',
      '{"statements":["SELECT 1"]}',
      'invalid_input',
      '"statements[0]" must be an object',
    ],
    [
      'an unknown field inside',
      '/batch',
      '{"statements":[{"sql":"SELECT 1","x":1}]}',
      'invalid_input',
      'statements[0].x',
    ],
    [
      'transaction of another type',
      '/batch',
      '{"statements":[{"sql":"SELECT 1"}],"transaction":1}',
      'invalid_input',
      'true or false',
    ],
    [
      'an expectation of nothing',
      '/batch',
      '{"statements":[{"sql":"SELECT 1","expect":{"rows":{}}}]}',
      'invalid_input',
      'expect.rows',
    ],
    [
      'a negative expectation',
      '/batch',
      '{"statements":[{"sql":"SELECT 1","expect":{"rows":-1}}]}',
      'invalid_input',
      'expect.rows',
    ],
  ]
  test.each(bodies)('%s', async (_name, path, body, code, sentence) => {
    const answer = await db.request(path, { method: 'POST', body })
    expect(answer.status).toBe(400)
    expect(answer.body).toMatchObject({ success: false, code, error: expect.stringContaining(sentence) })
  })

  test('is not billed when nothing could be run', async () => {
    const requests = async () =>
      (await platform.request('/v1/usage', { token: acme.token })).body.data.spend.requests.quantity
    const before = await requests()
    await db.request('/query', { method: 'POST', body: '{' })
    await db.request('/query', { body: { sql: 1 } })
    expect(await requests()).toBe(before)
    await db.query('SELEC')
    expect(await requests()).toBe(before + 1)
  })

  test('over 10 MB is refused, whether its length is declared or not', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x')
    for (const headers of [{ 'content-length': String(11 * chunk.length) }, { 'transfer-encoding': 'chunked' }]) {
      const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
        const request = httpRequest(`${platform.url}${db.path}/query`, {
          method: 'POST',
          headers: { ...headers, authorization: `Bearer ${acme.token}` },
        })
        request.on('response', (response) => {
          let body = ''
          response.on('data', (part) => (body += part))
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
        })
        let answered = false
        request.on('response', () => (answered = true))
        request.on('error', (error) => (answered ? undefined : reject(error)))
        for (let i = 0; i < 11; i++) request.write(chunk)
        request.end()
      })
      expect(answer.status).toBe(413)
      expect(JSON.parse(answer.body)).toMatchObject({ success: false, code: 'body_too_large' })
    }
  })

  test('that is not UTF-8 is refused', async () => {
    const response = await fetch(`${platform.url}${db.path}/query`, {
      method: 'POST',
      headers: { authorization: `Bearer ${acme.token}` },
      body: Buffer.from([...Buffer.from('{"sql":"SELECT \''), 0xff, ...Buffer.from('\'"}')]),
    })
    expect(await response.json()).toMatchObject({ code: 'invalid_json' })
  })
})

describe('a caller that may not', () => {
  test.each([
    ['nothing', undefined, 'token_missing'],
    ['no bearer', 'Basic eDp5', 'token_malformed'],
    ['no token', 'Bearer', 'token_malformed'],
    ['any text', 'Bearer hello', 'token_malformed'],
    ['a wrong checksum', `Bearer psql_live_acme_${'a'.repeat(38)}`, 'token_malformed'],
  ])('sends %s', async (_name, authorization, code) => {
    const { status, headers, body } = await platform.request(`${db.path}/query`, {
      body: { sql: 'SELECT 1' },
      headers: authorization === undefined ? {} : { authorization },
    })
    expect([status, body.code]).toEqual([401, code])
    if (code === 'token_malformed') expect(body.error).toBe('Invalid token format')
    expect(headers.get('www-authenticate')).toContain('Bearer')
  })

  test('has a token of a namespace that is not there, or of another', async () => {
    const other = await platform.createNamespace('other')
    const wrong = await platform.request(`${db.path}/query`, { token: other.token, body: { sql: 'SELECT 1' } })
    expect([wrong.status, wrong.body.error]).toEqual([403, 'Token namespace mismatch'])
  })

  test('asks for the operator’s part', async () => {
    for (const token of [undefined, 'wrong', acme.token]) {
      const { status, body } = await platform.request('/api/operator/namespaces', token ? { token } : {})
      expect([status, body.code]).toEqual([401, 'operator_only'])
    }
  })
})

describe('an address that leads nowhere', () => {
  test('an unknown route, a wrong method, a name that cannot be', async () => {
    const unknown = await platform.request('/v1/nothing', { token: acme.token })
    expect([unknown.status, unknown.body.code]).toEqual([404, 'route_not_found'])
    const method = await db.request('/query', { method: 'PUT', body: {} })
    expect([method.status, method.body.code, method.headers.get('allow')]).toEqual([
      405,
      'method_not_allowed',
      'POST, OPTIONS',
    ])
    const name = await platform.request('/v1/db/acme/No_Such/query', { token: acme.token, body: { sql: 'SELECT 1' } })
    expect([name.status, name.body.code]).toEqual([404, 'database_not_found'])
  })

  test('a missing database is made by an admin’s first call and stays missing for others', async () => {
    const mint = async (role: string) =>
      (await platform.request('/v1/tokens', { token: acme.token, body: { name: role, role } })).body.data.token
    for (const role of ['readonly', 'readwrite']) {
      const { status, body } = await platform.database('acme', 'fresh', await mint(role)).query('SELECT 1')
      expect([status, body.code]).toEqual([404, 'database_not_found'])
    }
    expect((await acme.db('fresh').query('SELECT 1')).status).toBe(200)
  })
})

describe('a batch', () => {
  test('in a transaction is undone whole, schema changes too, by an error or an unmet expectation', async () => {
    const error = await db.batch(
      [
        { sql: 'CREATE TABLE gone (x)' },
        { sql: 'INSERT INTO gone VALUES (1)' },
        { sql: 'INSERT INTO t VALUES (1, 1)' },
      ],
      {
        transaction: true,
      },
    )
    expect(error.body).toMatchObject({
      code: 'sql_error',
      statement: 2,
      errorDetail: { kind: 'unique_violation', table: 't', column: 'a' },
    })
    const unmet = await db.request('/batch', {
      body: {
        transaction: true,
        statements: [{ sql: 'INSERT INTO t VALUES (2, 2)' }, { sql: 'SELECT * FROM t', expect: { rows: { max: 1 } } }],
      },
    })
    expect([unmet.status, unmet.body.error]).toEqual([409, 'Statement 1: expected "rows" to be at most 1, but got 2.'])
    expect(unmet.body).toMatchObject({ code: 'expectation_failed', statement: 1 })
    expect((await db.query('SELECT * FROM t')).body.data.rows).toEqual([[1, 1]])
    expect((await db.query('SELECT * FROM gone')).body.errorDetail.kind).toBe('unknown_table')
  })

  test('whose expectations are met goes through', async () => {
    const { body } = await db.request('/batch', {
      body: {
        transaction: true,
        statements: [
          { sql: 'INSERT INTO t VALUES (8, 8)', expect: { rowsWritten: 1 } },
          { sql: 'DELETE FROM t WHERE a = 8 RETURNING b', expect: { rows: 1, rowsWritten: { min: 1, max: 1 } } },
        ],
      },
    })
    expect(body.data.map(({ rows }: { rows: unknown[] }) => rows)).toEqual([[], [[8]]])
    expect(body.meta.statementCount).toBe(2)
  })

  test('outside a transaction stops at the first error and says what stays', async () => {
    const { status, body } = await db.batch([
      { sql: 'INSERT INTO t VALUES (3, 3)' },
      { sql: 'INSERT INTO t VALUES (4, NULL)' },
      { sql: 'SELECT 1' },
    ])
    expect(status).toBe(400)
    expect(body).toMatchObject({ applied: 1, statement: 1, errorDetail: { kind: 'not_null_violation', column: 'b' } })
    expect((await db.query('DELETE FROM t WHERE a = 3')).body.data.changes).toBe(1)
  })
})

describe('a result', () => {
  test('beyond 16 MiB is refused, and the database goes on', async () => {
    const { status, body } = await db.query(
      "SELECT hex(zeroblob(600000)) FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18]')",
    )
    expect([status, body.code]).toEqual([400, 'result_too_large'])
    expect((await db.query('DROP TABLE IF EXISTS absent')).status).toBe(200)
  })

  test('that cannot be given exactly undoes the write that gave it', async () => {
    await db.query('CREATE TABLE big (n INTEGER)')
    const { body } = await db.query('INSERT INTO big VALUES (9007199254740993) RETURNING n')
    expect(body.code).toBe('integer_out_of_range')
    expect((await db.query('SELECT count(*) FROM big')).body.data.rows).toEqual([[0]])
  })
})

describe('an idempotency key', () => {
  const key = (value: string) => ({ 'Idempotency-Key': value })
  const rows = async () => (await db.query('SELECT count(*) FROM idem')).body.data.rows[0][0]

  test('replays the very answer, once done, also after a restart', async () => {
    await db.query('CREATE TABLE idem (x)')
    const first = await db.query('INSERT INTO idem VALUES (1)', [], key('a'))
    expect(first.headers.get('idempotency-replayed')).toBeNull()
    for (const restart of [false, true]) {
      if (restart) {
        await platform.kill()
        await platform.restart()
      }
      const again = await db.query('INSERT INTO idem VALUES (1)', [], key('a'))
      expect(again.headers.get('idempotency-replayed')).toBe('true')
      expect(again.body).toEqual(first.body)
    }
    expect(await rows()).toBe(1)
  })

  test('with another body is 422, of another token is another key, and a failure may be tried again', async () => {
    const other = await db.query('INSERT INTO idem VALUES (2)', [], key('a'))
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_mismatch'])
    const second = await platform.createNamespace('acme')
    expect(
      (await second.db().query('INSERT INTO idem VALUES (1)', [], key('a'))).headers.get('idempotency-replayed'),
    ).toBeNull()
    expect((await db.query('INSERT INTO later VALUES (1)', [], key('b'))).status).toBe(400)
    await db.query('CREATE TABLE later (x)')
    expect((await db.query('INSERT INTO later VALUES (1)', [], key('b'))).status).toBe(200)
  })

  test('keeps long answers too', async () => {
    const sql = "SELECT printf('%.*c', 600000, 'é') || x FROM (SELECT 1 AS x UNION ALL SELECT 2)"
    const first = await db.query(sql, [], key('long'))
    const again = await db.query(sql, [], key('long'))
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(again.body).toEqual(first.body)
  })

  test('costs a request and no rows when it replays', async () => {
    const spend = async () => (await platform.request('/v1/usage', { token: acme.token })).body.data.spend
    await db.query('INSERT INTO idem VALUES (5)', [], key('cost'))
    const before = await spend()
    await db.query('INSERT INTO idem VALUES (5)', [], key('cost'))
    const after = await spend()
    expect(after.requests.quantity - before.requests.quantity).toBe(1)
    expect(after.rowsWritten).toEqual(before.rowsWritten)
  })

  test('has at most 200 characters; a plan needs key and step', async () => {
    expect((await db.query('SELECT 1', [], key('k'.repeat(200)))).status).toBe(200)
    expect((await db.query('SELECT 1', [], key('k'.repeat(201)))).body.error).toContain('1 to 200 characters')
    expect((await db.query('SELECT 1', [], { 'Plan-Key': 'p' })).body.error).toContain('must be sent together')
  })

  test('of a plan replays each step that succeeded', async () => {
    const step = (name: string) => db.query('INSERT INTO idem VALUES (9)', [], { 'Plan-Key': 'p', 'Plan-Step': name })
    const before = await rows()
    await step('one')
    expect((await step('one')).headers.get('plan-replayed')).toBe('true')
    expect((await step('two')).headers.get('plan-replayed')).toBeNull()
    expect(await rows()).toBe(before + 2)
  })
})
