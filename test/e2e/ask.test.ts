import { api } from '@persql/contract'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createEndpoints, standIn } from '../endpoints.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let token: string
let main: Awaited<ReturnType<typeof createEndpoints>>
let model: Awaited<ReturnType<typeof standIn>>
/** The next response of the stand-in for the AI model: a status, or a text. */
let says: { status: number } | string = ''
const PROMPT_TOKENS = 300
const ANSWER_TOKENS = 21
const TOKENS = PROMPT_TOKENS + ANSWER_TOKENS

beforeAll(async () => {
  model = await standIn(() =>
    typeof says === 'object'
      ? { status: says.status, body: { error: { message: 'overloaded: sk-model-key' } } }
      : {
          body: {
            choices: [{ message: { role: 'assistant', content: says } }],
            usage: { prompt_tokens: PROMPT_TOKENS, completion_tokens: ANSWER_TOKENS, total_tokens: TOKENS },
          },
        },
  )
  platform = await startPlatform({
    environment: { AI_BASE_URL: `${model.url}/v1`, AI_API_KEY: 'sk-model-key', AI_MODEL: 'tiny-1' },
  })
  const acme = await platform.createNamespace('acme')
  token = acme.token
  main = await createEndpoints(platform, acme)
  await main.admin.batch([
    { sql: 'CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, cents INTEGER)' },
    { sql: 'CREATE TABLE secrets (name TEXT, value TEXT)' },
    { sql: 'CREATE VIEW totals AS SELECT customer, sum(cents) AS cents FROM orders GROUP BY customer' },
    { sql: "INSERT INTO secrets VALUES ('pin', '1234')" },
    {
      sql: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO orders SELECT i, printf('c%d', i % 10), i FROM n",
    },
  ])
})
afterAll(async () => {
  await platform.stop()
  model.stop()
})
beforeEach(() => {
  model.asked.length = 0
})

const saysSql = (sql: string, explanation = 'It says so.') => {
  says = JSON.stringify({ sql, explanation })
}
const ask = (body: object = {}, as = token) =>
  platform.request('/v1/db/acme/main/ask', { token: as, body: { question: 'How many?', ...body } })
const prompt = () =>
  JSON.parse(model.asked.at(-1)?.body ?? '{}') as { model: string; messages: { role: string; content: string }[] }
const usage = async () => (await platform.request('/v1/usage', { token })).body.data

test('a question becomes a SELECT, which runs, and costs the tokens that the provider counts', async () => {
  const before = await usage()
  saysSql(
    'SELECT customer, count(*) AS n FROM orders GROUP BY customer ORDER BY customer LIMIT 2',
    'Orders by customer.',
  )
  const { status, body } = await ask({ question: 'Orders by customer?', context: 'cents are US cents' })
  expect(status).toBe(200)
  expect(body.data).toEqual({
    sql: 'SELECT customer, count(*) AS n FROM orders GROUP BY customer ORDER BY customer LIMIT 2',
    explanation: 'Orders by customer.',
    columns: ['customer', 'n'],
    rows: [
      ['c0', 50],
      ['c1', 50],
    ],
  })
  expect(body.meta).toMatchObject({ aiTokens: TOKENS, statementCount: 1 })
  expect(body.meta.costUsd).toBeCloseTo((500 + TOKENS * 1_000 + body.meta.rowsRead * 5) / 1e9, 12)
  const after = await usage()
  expect(after.spend.aiTokens.quantity - before.spend.aiTokens.quantity).toBe(TOKENS)
  expect(after.spend.requests.quantity - before.spend.requests.quantity).toBe(1)
  expect(after.costUsd - before.costUsd).toBeCloseTo(body.meta.costUsd, 9)

  const [asked] = model.asked
  expect([asked?.path, asked?.headers.authorization]).toEqual(['/v1/chat/completions', 'Bearer sk-model-key'])
  const { model: name, messages } = prompt()
  expect([name, messages[1]?.content]).toEqual(['tiny-1', 'Orders by customer?'])
  expect(messages[0]?.content).toContain('CREATE TABLE orders')
  expect(messages[0]?.content).toContain('cents are US cents')
  expect(messages[0]?.content).not.toContain('_persql')
})

test.each([
  ['an overflow', 'SELECT abs(-9223372036854775807 - 1)', 'sql_error'],
  ['text that is not JSON', "SELECT json_extract(customer, '$.a') FROM orders", 'sql_error'],
  ['an integer that JSON would round', 'SELECT 9007199254740993', 'integer_out_of_range'],
] as const)('a generated SELECT can fail when it runs: %s', async (_what, sql, code) => {
  saysSql(sql)
  const { status, body } = await ask()
  expect([status, body.code]).toEqual([400, code])
  expect(api.ask.errors).toContain(code)
})

describe('what the model writes is run only if it reads what it may', () => {
  test.each<[string, string, object?]>([
    ['an INSERT', "INSERT INTO orders VALUES (9999, 'x', 1)"],
    ['an INSERT that returns', "INSERT INTO orders VALUES (9999, 'x', 1) RETURNING *"],
    ['a DELETE behind WITH', 'WITH x AS (SELECT 1) DELETE FROM orders'],
    ['a DROP', 'DROP TABLE orders'],
    ['a PRAGMA', 'PRAGMA table_list'],
    ['an EXPLAIN', 'EXPLAIN SELECT * FROM orders'],
    ['two statements', 'SELECT 1; DELETE FROM orders'],
    [
      'a statement that closes the parenthesis',
      'SELECT 1) UNION ALL SELECT value FROM secrets --',
      { allowedTables: ['orders'] },
    ],
    ['a comment that hides the limit', 'SELECT id FROM orders) --'],
    ['a comment that does not end', 'SELECT id FROM orders /*'],
    ['a parameter', 'SELECT * FROM orders WHERE id = ?'],
    ['another table', 'SELECT * FROM secrets', { allowedTables: ['orders'] }],
    ['another table in a subquery', 'SELECT (SELECT value FROM secrets) FROM orders', { allowedTables: ['orders'] }],
    ['a view of another table', 'SELECT * FROM totals', { allowedTables: ['secrets'] }],
    ['a table around its view', 'SELECT o.* FROM orders o, totals', { allowedTables: ['totals'] }],
    ['a table instead of its view', 'SELECT * FROM orders', { allowedTables: ['totals'] }],
    ['the schema', 'SELECT * FROM sqlite_master'],
    ['the schema by another name', 'SELECT * FROM sqlite_schema'],
    ['the query log', 'SELECT * FROM _persql_query_log'],
    ['the query log by its view', 'SELECT * FROM _persql_meta_query_log'],
    ['the runtime’s own table', 'SELECT * FROM _cf_KV'],
    ['nonsense', 'SELEC 1'],
    ['a table that is not there', 'SELECT * FROM nowhere'],
    ['nothing', ''],
  ])('%s is refused', async (_what, sql, more = {}) => {
    saysSql(sql)
    const { status, body } = await ask(more)
    expect([status, body.code]).toEqual([422, 'question_refused'])
    expect(model.asked).toHaveLength(1)
    expect((await main.admin.query('SELECT count(*) FROM orders')).body.data.rows).toEqual([[500]])
  })

  test.each([
    ['prose', 'I would count the rows.'],
    ['an empty answer', ''],
    ['broken JSON', '{"sql": "SELECT 1"'],
    ['another shape', '{"query": "SELECT 1"}'],
    ['a list', '[{"sql": 1}]'],
  ])('%s is refused', async (_what, text) => {
    says = text
    expect((await ask()).body.code).toBe('question_refused')
  })

  test('views may be read, alone, and words around the JSON do no harm', async () => {
    says = `Sure!\n\`\`\`json\n${JSON.stringify({ sql: 'SELECT cents FROM totals ORDER BY customer LIMIT 1;' })}\n\`\`\``
    const { body } = await ask({ allowedTables: ['Totals'] })
    expect(body.data).toMatchObject({ sql: 'SELECT cents FROM totals ORDER BY customer LIMIT 1', rows: [[12_750]] })
    expect(prompt().messages[0]?.content).not.toContain('CREATE TABLE orders')
  })

  test('rows are limited', async () => {
    saysSql('SELECT id FROM orders ORDER BY id DESC -- all of them')
    expect((await ask()).body.data.rows).toHaveLength(100)
    expect((await ask({ maxRows: 3 })).body.data.rows).toEqual([[500], [499], [498]])
  })

  test('a token reaches no further than its tables', async () => {
    const minted = await platform.request('/v1/tokens', {
      token,
      body: { name: 'x', role: 'readonly', tableScope: ['orders'] },
    })
    const scoped = minted.body.data.token
    saysSql('SELECT value FROM secrets')
    expect((await ask({}, scoped)).body.code).toBe('question_refused')
    expect(prompt().messages[0]?.content).not.toContain('secrets')
    expect((await ask({ allowedTables: ['secrets'] }, scoped)).body.code).toBe('table_out_of_scope')
    saysSql('SELECT count(*) FROM orders')
    expect((await ask({}, scoped)).body.data.rows).toEqual([[500]])
  })
})

describe('the model is not asked', () => {
  test.each([
    ['too long a question', { question: 'x'.repeat(501) }, 400],
    ['an empty question', { question: '  ' }, 400],
    ['no question', { question: undefined }, 400],
    ['too many rows', { maxRows: 1_001 }, 400],
    ['tables that are not there', { allowedTables: ['nowhere'] }, 422],
  ])('for %s', async (_what, body, status) => {
    const answer = await ask(body)
    expect(answer.status).toBe(status)
    expect(model.asked).toHaveLength(0)
  })

  test('at an empty balance', async () => {
    const poor = await platform.createNamespace('poor')
    await poor.db().query('CREATE TABLE t (n)')
    const body = { amountUsd: -100, ref: 'empty', note: 'test' }
    await platform.request('/api/operator/namespaces/poor/credit', { token: platform.secret, body })
    const call = () => poor.db().request('/ask', { body: { question: 'How many?' } })
    await expect.poll(async () => (await call()).status).toBe(402)
    model.asked.length = 0
    expect((await call()).body.x402Version).toBe(1)
    expect(model.asked).toHaveLength(0)
  })

  test('without a model, with an error that names the setting', async () => {
    const plain = await startPlatform()
    const { db } = await plain.createNamespace('acme')
    await db().query('CREATE TABLE t (n)')
    for (const path of ['/ask', '/ai/sql']) {
      const { status, body } = await db().request(path, { body: { question: 'How many?' } })
      expect([status, body.code, body.error]).toEqual([
        503,
        'model_unavailable',
        "AI isn't set up on this instance. The operator must set AI_BASE_URL and AI_MODEL.",
      ])
    }
    expect((await db().request('/ai/describe', { body: {} })).status).toBe(503)
    await plain.stop()
  })
})

test.each([429, 500, 401])('an AI model response of %s is reported without its text, and is free', async (status) => {
  const before = await usage()
  says = { status }
  const answer = await ask()
  expect([answer.status, answer.body.code]).toEqual([502, 'model_failed'])
  expect(JSON.stringify(answer.body)).not.toContain('sk-model-key')
  expect((await usage()).spend.aiTokens).toEqual(before.spend.aiTokens)
})

test('no response of the provider causes more than an error', async () => {
  for (const body of [
    '',
    'null',
    '{}',
    '{"choices": []}',
    '{"choices": [{"message": {"content": null}}]}',
    'x'.repeat(300_000),
  ]) {
    const odd = await standIn(() => ({ body }))
    const other = await startPlatform({ environment: { AI_BASE_URL: odd.url, AI_MODEL: 'odd' } })
    const { db } = await other.createNamespace('acme')
    await db().query('CREATE TABLE t (n)')
    const answer = await db().request('/ask', { body: { question: 'How many?' } })
    expect([answer.status, answer.body.code]).toEqual([502, 'model_failed'])
    await other.stop()
    odd.stop()
  }
})

describe('an endpoint that is asked', () => {
  const spec = {
    slug: 'ask-us',
    name: 'Ask',
    kind: 'ask',
    method: 'POST',
    input: [{ name: 'question', type: 'text', required: true }],
    output: 'answer',
    askConfig: { allowedTables: ['orders'], maxRows: 2, context: 'Only count.' },
    rateLimit: { perMin: 100 },
  }

  test('answers anyone, within its tables and rows', async () => {
    await main.publish(spec)
    saysSql('SELECT id FROM orders ORDER BY id', 'The orders.')
    const { status, body } = await main.call('ask-us', { body: { question: 'Which orders?' } })
    expect([status, body]).toEqual([
      200,
      {
        ok: true,
        data: {
          sql: 'SELECT id FROM orders ORDER BY id',
          columns: ['id'],
          rows: [[1], [2]],
          explanation: 'The orders.',
        },
      },
    ])
    expect(prompt().messages[0]?.content).toContain('Only count.')
    const { tokens } = await usage()
    expect(tokens).toContainEqual(expect.objectContaining({ token: 'endpoint:ask-us', requests: 1, aiTokens: TOKENS }))
    saysSql('SELECT value FROM secrets')
    const refused = await main.call('ask-us', { body: { question: 'The pin?' } })
    expect([refused.status, refused.body.code]).toEqual([422, 'question_refused'])
    model.asked.length = 0
    expect((await main.call('ask-us', { body: { question: 'x'.repeat(501) } })).body.fields).toEqual({
      question: 'Must be at most 500 characters.',
    })
    expect((await main.call('ask-us', { body: {} })).body.fields).toEqual({ question: 'This field is required.' })
    expect(model.asked).toHaveLength(0)
  })

  test('is saved only with tables that are there, and of a scoped token only with its own', async () => {
    const nowhere = { ...spec, slug: 'refused', askConfig: { allowedTables: ['orders', 'nowhere'] } }
    expect((await main.manage('', { body: nowhere })).body.fields).toEqual({
      'askConfig.allowedTables[1]': 'must name an existing table, but "nowhere" doesn\'t exist',
    })
    const minted = await platform.request('/v1/tokens', { token, body: { name: 'x', tableScope: ['orders'] } })
    const scoped = platform.database('acme', 'main', minted.body.data.token)
    const all = { ...spec, slug: 'refused', askConfig: { allowedTables: [] } }
    expect((await scoped.request('/endpoints', { body: all })).body.code).toBe('table_out_of_scope')
  })
})

test('SQL can be had without running it', async () => {
  saysSql('SELECT count(*) FROM orders', 'All orders.')
  const sql = (body: object) => main.admin.request('/ai/sql', { body: { question: 'How many?', ...body } })
  expect((await sql({})).body.data).toEqual({ sql: 'SELECT count(*) FROM orders', explanation: 'All orders.' })
  expect((await sql({ execute: true })).body.data).toMatchObject({ columns: ['count(*)'], rows: [[500]] })
  saysSql('DELETE FROM orders')
  expect((await sql({})).body.code).toBe('question_refused')
})

describe('docs', () => {
  const docs = (options = {}) => main.admin.request('/ai/docs', options)

  test('are written by people, and reach the model and the public', async () => {
    expect((await docs()).body.data).toEqual({ tables: [] })
    const written = {
      databaseDescription: 'A shop.',
      tables: [{ table: 'orders', description: 'One order.', columns: [{ column: 'cents', description: 'US cents' }] }],
    }
    expect((await docs({ method: 'PUT', body: written })).body.data).toEqual(written)
    saysSql('SELECT 1')
    await ask()
    for (const text of ['A shop.', '-- orders: One order.', '-- cents: US cents']) {
      expect(prompt().messages[0]?.content).toContain(text)
    }
    expect((await main.call('.well-known/endpoints.json')).body.description).toBe('A shop.')
    const { status } = await docs({ method: 'PUT', body: { tables: [{ table: 'orders' }] } })
    expect(status).toBe(400)
    expect((await docs()).body.data).toEqual(written)
  })

  test('are written by the model, table by table, and one that fails leaves the others', async () => {
    const before = await usage()
    says = JSON.stringify({ description: 'Hidden things.', columns: { name: 'Its name', invented: 'no such column' } })
    const { body } = await main.admin.request('/ai/describe', { body: { tables: ['secrets', 'nowhere'] } })
    expect(body.data.failures).toEqual([{ table: 'nowhere', error: 'Table "nowhere" not found.' }])
    expect(body.data.tables).toEqual([
      expect.objectContaining({ table: 'orders', description: 'One order.' }),
      { table: 'secrets', description: 'Hidden things.', columns: [{ column: 'name', description: 'Its name' }] },
    ])
    expect(body.data.databaseDescription).toBe('A shop.')
    expect(prompt().messages[0]?.content).toContain('CREATE TABLE secrets')
    expect((await usage()).spend.aiTokens.quantity - before.spend.aiTokens.quantity).toBe(TOKENS)
    says = { status: 500 }
    const failed = await main.admin.request('/ai/describe', { body: {} })
    expect(failed.body.data.failures).toHaveLength(4)
    expect(failed.body.data.tables).toHaveLength(2)
  })
})

describe('index advice', () => {
  const advise = (body: object) => main.admin.request('/ai/indexes', { body })

  test('is put into words by the model when it is asked to, and what was measured stays', async () => {
    for (let i = 0; i < 3; i++) await main.admin.query('SELECT * FROM orders WHERE customer = ?', [`c${i}`])
    const plain = (await advise({})).body
    expect(plain.data.suggestions).toMatchObject([{ table: 'orders', columns: ['customer'] }])
    expect(model.asked).toHaveLength(0)
    says = JSON.stringify({ reasons: ['Orders are looked up by customer.'] })
    const phrased = (await advise({ explain: true })).body
    const [suggestion] = plain.data.suggestions
    expect(phrased.data.suggestions).toEqual([{ ...suggestion, reason: 'Orders are looked up by customer.' }])
    expect(phrased.meta.aiTokens).toBe(TOKENS)
    says = 'I would add an index.'
    expect((await advise({ explain: true })).body.data).toEqual(plain.data)
  })
})
