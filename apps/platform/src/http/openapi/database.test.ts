import type { EndpointSpec, FieldSpec } from '@persql/endpoint-spec'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Document, DocumentSchemas, findProblems, listOperations } from '../../../../../test/openapi-document.ts'
import { databaseOpenApi } from './database.ts'

const info = { namespace: 'acme', database: 'main', baseUrl: 'https://sql.example.com/p/acme/main' }
const endpoint = (spec: Partial<EndpointSpec> = {}): EndpointSpec => ({
  slug: 'posts',
  name: 'List posts',
  kind: 'query',
  method: 'GET',
  sql: 'SELECT secret_column FROM posts',
  input: [],
  output: 'rows',
  auth: 'public',
  ...spec,
})
const everyType: FieldSpec[] = [
  { name: 'title', label: 'The title', type: 'text', required: true, maxLength: 80, pattern: '^[A-Z]' },
  { name: 'mood', type: 'text', enum: ['good', 'bad'] },
  { name: 'from', type: 'email', required: true },
  { name: 'link', type: 'url' },
  { name: 'age', type: 'integer', min: 0, max: 150 },
  { name: 'share', type: 'number', min: 0.5 },
  { name: 'agreed', type: 'boolean' },
  { name: 'more', type: 'json' },
  { name: '$user_id', type: 'text', required: true },
]
const everyKind: EndpointSpec[] = [
  endpoint({ input: everyType, rateLimit: { perMin: 60 }, cors: ['https://example.com'] }),
  endpoint({ slug: 'post', output: 'first_row', input: [{ name: 'id', type: 'integer', required: true }] }),
  endpoint({
    slug: 'add',
    kind: 'mutation',
    method: 'POST',
    output: 'rows_written',
    input: everyType,
    auth: 'session',
    captcha: true,
    rateLimit: { perMin: 5, perDay: 100 },
  }),
  endpoint({
    slug: 'sign-up',
    kind: 'auth_signup',
    method: 'POST',
    output: 'session',
    input: everyType.slice(0, 3),
    authConfig: {
      usersTable: 'secret_table',
      emailColumn: 'email',
      passwordColumn: 'password_hash',
      sessionTtlSec: 60,
    },
  }),
  endpoint({
    slug: 'log-in',
    kind: 'auth_login',
    method: 'POST',
    output: 'session',
    authConfig: {
      usersTable: 'secret_table',
      emailColumn: 'email',
      passwordColumn: 'password_hash',
      sessionTtlSec: 60,
    },
  }),
  endpoint({
    slug: 'ask',
    kind: 'ask',
    method: 'POST',
    output: 'answer',
    askConfig: { allowedTables: [], maxRows: 1, context: 'secret_prompt' },
  }),
]
const createDocument = (endpoints: readonly EndpointSpec[], description?: string): Document =>
  JSON.parse(JSON.stringify(databaseOpenApi({ ...info, description }, endpoints)))
const document = createDocument(everyKind)
const listStatuses = (path: string, method: string) => Object.keys(document.paths[path][method].responses).map(Number)

test('the document of endpoints of every kind, with fields of every type, is valid', async () => {
  expect(await findProblems(document)).toEqual([])
  expect(listOperations(document).map(({ operationId }) => operationId)).toEqual(everyKind.map(({ slug }) => slug))
  expect(await findProblems(createDocument([]))).toEqual([])
})

test('SQL, settings of sign-in and of models, and fields of the session stay inside', () => {
  const text = JSON.stringify(document)
  for (const secret of ['secret_', '$user_id', 'authConfig', 'askConfig', 'cors']) expect(text).not.toContain(secret)
})

test('a GET takes its fields in the query string, a POST in its body', () => {
  const { parameters } = document.paths['/posts'].get
  expect(parameters.map((p: Document) => [p.name, p.in, p.required ?? false, p.schema])).toEqual([
    ['title', 'query', true, { type: 'string', title: 'The title', pattern: '^[A-Z]', maxLength: 80 }],
    ['mood', 'query', false, { type: 'string', enum: ['good', 'bad'] }],
    ['from', 'query', true, { type: 'string', format: 'email' }],
    ['link', 'query', false, { type: 'string', format: 'uri' }],
    ['age', 'query', false, { type: 'integer', minimum: 0, maximum: 150 }],
    ['share', 'query', false, { type: 'number', minimum: 0.5 }],
    ['agreed', 'query', false, { type: 'boolean' }],
    ['more', 'query', false, { type: 'string', contentMediaType: 'application/json' }],
  ])
  expect(document.paths['/posts'].get.requestBody).toBeUndefined()
  const { requestBody, ...add } = document.paths['/add'].post
  expect(requestBody).toMatchObject({
    required: true,
    content: { 'application/json': { schema: { required: ['title', 'from'], properties: { more: {} } } } },
  })
  expect(add.parameters).toEqual([
    { name: 'cf-turnstile-response', in: 'header', required: true, schema: { type: 'string' } },
  ])
})

test('it says who may call, how often, and what can go wrong', () => {
  expect(document.components.securitySchemes).toEqual({
    session: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  })
  expect(document.paths['/posts'].get.security).toEqual([])
  expect(document.paths['/add'].post.security).toEqual([{ session: [] }])
  expect(document.paths['/posts'].get['x-persql-rate-limit']).toEqual({ perMin: 60 })
  expect(document.paths['/add'].post['x-persql-rate-limit']).toEqual({ perMin: 5, perDay: 100 })
  expect(listStatuses('/posts', 'get')).toEqual([200, 400, 402, 403, 404, 405, 408, 429, 500, 503])
  expect(listStatuses('/add', 'post')).toEqual([200, 400, 401, 402, 403, 404, 405, 408, 409, 413, 429, 500, 503])
  expect(listStatuses('/log-in', 'post')).toEqual([200, 400, 401, 402, 403, 404, 405, 408, 413, 429, 500, 503])
  expect(listStatuses('/sign-up', 'post')).toContain(409)
  expect(listStatuses('/ask', 'post')).toEqual(expect.arrayContaining([422, 502, 503]))
  expect(document.paths['/posts'].get.responses[429].headers).toHaveProperty('Retry-After')
})

describe('answers are described by what the endpoint answers with', () => {
  const schemas = new DocumentSchemas(document)
  const problems = (path: string, method: string, data: unknown) =>
    schemas.problemsOfResponse(path, method, { status: 200, body: { ok: true, data } })
  test.each([
    ['/posts', 'get', { columns: ['a'], rows: [[1], [null], ['x']] }, { columns: ['a'], rows: [{ a: 1 }] }],
    ['/post', 'get', { row: { id: 1 } }, { row: 1 }],
    ['/post', 'get', { row: null }, {}],
    ['/add', 'post', { rowsWritten: 1 }, { rowsWritten: '1' }],
    ['/sign-up', 'post', { token: 'x', expiresAt: '2026-11-21T10:00:00.000Z' }, { token: 'x', expiresAt: 'soon' }],
    ['/ask', 'post', { sql: 'SELECT 1', columns: ['1'], rows: [[1]], explanation: 'One.' }, { sql: 'SELECT 1' }],
  ])('%s %s', (path, method, good, bad) => {
    expect(problems(path, method, good)).toEqual([])
    expect(problems(path, method, bad)).not.toEqual([])
  })

  test('and failures by their envelope', () => {
    const refused = { ok: false, error: 'No.', code: 'invalid_input', fields: { title: 'is missing' } }
    expect(schemas.problemsOfResponse('/posts', 'get', { status: 400, body: refused })).toEqual([])
    expect(schemas.problemsOfResponse('/posts', 'get', { status: 400, body: { ok: true } })).not.toEqual([])
    expect(schemas.problemsOfResponse('/posts', 'get', { status: 409, body: refused })).not.toEqual([])
  })
})

test('names and texts of any kind do no harm', async () => {
  const nasty = fc.oneof(
    fc.string(),
    fc.constantFrom(
      '__proto__',
      'constructor',
      'toString',
      '$ref',
      'type',
      '"',
      "'",
      '</script>',
      '{x}',
      '\\',
      '\u2028',
      ' ',
    ),
  )
  const field: fc.Arbitrary<FieldSpec> = fc.record(
    {
      name: nasty,
      type: fc.constantFrom('text', 'email', 'url', 'integer', 'number', 'boolean', 'json'),
      label: nasty,
      required: fc.boolean(),
      enum: fc.uniqueArray(nasty, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: ['name', 'type'] },
  )
  const spec = fc.record({
    slug: fc.constantFrom('a', 'b', '__proto__', 'constructor', 'a b', '{x}', 'ä/ö'),
    name: nasty,
    description: nasty,
    method: fc.constantFrom('GET' as const, 'POST' as const),
    input: fc.uniqueArray(field, { maxLength: 4, selector: ({ name }) => name }),
  })
  const specs = fc.uniqueArray(spec, { maxLength: 5, selector: ({ slug, method }) => `${method} ${slug}` })
  await fc.assert(
    fc.asyncProperty(specs, nasty, async (given, description) => {
      const made = createDocument(given.map(endpoint), description)
      expect(await findProblems(made)).toEqual([])
      const described = listOperations(made)
      expect(described).toHaveLength(given.length)
      for (const { slug, method, input, name } of given) {
        const operation = made.paths[`/${encodeURIComponent(slug)}`][method.toLowerCase()]
        expect(operation.summary).toBe(name)
        const schema = operation.requestBody?.content['application/json'].schema
        const names = schema
          ? Object.keys(schema.properties)
          : (operation.parameters ?? []).map((p: Document) => p.name)
        const shown = input.filter((one) => !one.name.startsWith('$')).map((one) => one.name)
        expect(names.sort()).toEqual(shown.sort())
      }
    }),
    { numRuns: 60 },
  )
})
