import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { accepted, refused, schema } from './refusal-corpus.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let acme: Awaited<ReturnType<SharedPlatform['createNamespace']>>
let db: ReturnType<SharedPlatform['database']>
let serial = 0

beforeAll(async () => {
  platform = await sharedPlatform()
  acme = await platform.createNamespace(ns)
  db = acme.db()
  for (const sql of schema) expect((await db.query(sql)).body.error, sql).toBeUndefined()
})
afterAll(() => platform.stop())

const short = (sql: string) => (sql.length > 60 ? `${sql.slice(0, 60)}…` : sql)
const named = refused.map((each) => ({ ...each, name: short(each.sql) }))

describe('a refusal says what the limit is, or what to do instead', () => {
  test.each(named)('$name', async ({ sql, params = [], kind, says }) => {
    const { status, body } = await db.query(sql, [...params])
    expect(status).toBe(400)
    expect(body.errorDetail).toMatchObject({ kind, message: body.error })
    expect(body.error).toMatch(says)
    expect(body.error).not.toMatch(/not authorized|bindings/)
  })

  // Only a run has the values that limits apply to, or that name a table.
  test.each(named.filter(({ kind, sql }) => kind === 'not_available' && !sql.includes('pragma_')))(
    'without a run: $name',
    async ({ sql, says }) => {
      const { body } = await db.request('/validate', { body: { sql } })
      expect(body.data).toMatchObject({ ok: false, error: expect.stringMatching(says) })
    },
  )

  test('of a table-valued function', async () => {
    const { body } = await db.query('SELECT * FROM generate_series(1, 3)')
    expect(body.errorDetail).toMatchObject({ kind: 'unknown_table', hint: expect.stringMatching(/recursive WITH/) })
  })

  test('in a batch, with the number of the statement', async () => {
    for (const { sql, params = [], kind, says } of refused.filter(({ sql }) => !/total_changes/.test(sql))) {
      const { status, body } = await db.batch([{ sql: 'SELECT 1' }, { sql, params: [...params] }], {
        transaction: true,
      })
      expect([short(sql), status]).toEqual([short(sql), 400])
      expect([short(sql), body.errorDetail.kind]).toEqual([short(sql), kind])
      expect(body.error).toMatch(says)
    }
  })
})

describe('a statement above 100,000 bytes is refused before it is parsed', () => {
  const sized = (bytes: number) => `SELECT '${'é'.repeat((bytes - 9) / 2)}'`
  test.each([
    ['/query', (sql: string) => ({ sql })],
    ['/batch', (sql: string) => ({ statements: [{ sql: 'SELECT 1' }, { sql }] })],
    ['/explain', (sql: string) => ({ sql })],
    ['/validate', (sql: string) => ({ sql })],
    ['/propose', (sql: string) => ({ sql })],
  ])('%s', async (path, toBody) => {
    for (const sql of [sized(100_001), `SELECT '${'x'.repeat(1_000_000)}'`]) {
      const { status, body } = await db.request(path, { body: toBody(sql) })
      expect({ status, code: body.code }).toEqual({ status: 413, code: 'statement_too_long' })
      expect(body.errorDetail.kind).toBe('limit_exceeded')
    }
    if (path === '/query') expect((await db.request(path, { body: toBody(sized(99_901)) })).status).toBe(200)
  })
})

describe('parameters are counted at every door', () => {
  const sql = 'INSERT INTO t (a, b) VALUES (?1, ?2)'
  const few = 'Expected 2 parameters, but got 1.'
  const many = 'Expected 2 parameters, but got 3.'
  test.each([
    ['/query', (params: unknown[]) => ({ sql, params })],
    ['/batch', (params: unknown[]) => ({ statements: [{ sql, params }] })],
    ['/explain', (params: unknown[]) => ({ sql, params })],
    ['/validate', (params: unknown[]) => ({ sql, params })],
    ['/propose', (params: unknown[]) => ({ sql, params })],
    ['/schedules', (params: unknown[]) => ({ name: `s${++serial}`, sql, params, intervalSec: 3600 })],
  ])('%s', async (path, toBody) => {
    for (const [params, error, kind] of [
      [[1], few, 'too_few_params'],
      [[1, 2, 3], many, 'too_many_params'],
    ] as const) {
      const { body } = await db.request(path, { body: toBody([...params]) })
      const answer = path === '/validate' ? body.data : body
      expect(answer).toMatchObject({ error, errorDetail: { kind, message: error } })
    }
  })

  test('an endpoint whose inputs are not its placeholders is refused when it is saved', async () => {
    const { status, body } = await db.request('/endpoints', {
      body: { slug: 'e', name: 'E', kind: 'query', method: 'GET', sql: 'SELECT ?, ?', input: [], output: 'rows' },
    })
    expect(status).toBe(400)
    expect(body.error).toMatch(/\?|placeholder|input/)
  })

  test('a public caller of an endpoint learns that a text is too long', async () => {
    const made = await db.request('/endpoints', {
      body: {
        ...{ slug: 'find', name: 'Find', kind: 'query', method: 'GET', sql: 'SELECT ? LIKE ?', output: 'rows' },
        input: [
          { name: 'text', type: 'text', required: true },
          { name: 'pattern', type: 'text', required: true },
        ],
      },
    })
    expect(made.body.error).toBeUndefined()
    await db.request('/endpoints/find/publish', { body: {} })
    const call = (pattern: string) => platform.request(`/p/${ns}/main/find?text=a&pattern=${pattern}`)
    expect((await call('a')).body).toMatchObject({ ok: true })
    const { status, body } = await call('a'.repeat(60))
    expect([status, body.code]).toEqual([400, 'values_refused'])
  })

  test('a cached statement is counted as well', async () => {
    expect((await db.query('SELECT ?, ?', [1, 2])).status).toBe(200)
    expect((await db.query('SELECT ?, ?', [1])).body.error).toBe(few)
    expect((await db.query('SELECT ?, ?', [1, 2, 3])).body.error).toBe(many)
    expect((await db.query('SELECT ?, ?', [1, 2])).body.data.rows).toEqual([[1, 2]])
  })
})

test.each(accepted.map((each) => ({ ...each, name: short(each.sql) })))(
  'what is at the limit works: $name',
  async ({ sql, params = [] }) => {
    const { status, body } = await db.query(sql, [...params])
    expect(body.error).toBeUndefined()
    expect(status).toBe(200)
  },
)
