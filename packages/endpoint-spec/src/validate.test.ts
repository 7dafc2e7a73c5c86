import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { endpointToToolDefinition, inputSchema, validateEndpointSpec } from './index.ts'

const query = {
  slug: 'list-notes',
  name: 'Notes',
  kind: 'query',
  method: 'GET',
  sql: 'SELECT * FROM notes WHERE author = ?',
  input: [{ name: 'author', type: 'text' }],
  output: 'rows',
}
const credentials = [
  { name: 'email', type: 'email' },
  { name: 'password', type: 'text' },
]
const login = {
  ...query,
  kind: 'auth_login',
  method: 'POST',
  sql: 'SELECT id, password_hash FROM users WHERE email = ?',
  input: credentials,
  output: 'session',
  authConfig: { usersTable: 'users' },
}
const ask = {
  ...query,
  kind: 'ask',
  sql: '',
  input: [{ name: 'question', type: 'text' }],
  output: 'answer',
  askConfig: { allowedTables: [] },
}
const read = { kind: 'read', placeholders: ['?'] } as const

/** Returns the invalid fields. */
const problems = (spec: unknown, facts?: Parameters<typeof validateEndpointSpec>[1]) => {
  const result = validateEndpointSpec(spec, facts)
  return result.ok ? [] : result.errors.map(({ field }) => field)
}
const field = (more: object) => ({ ...query, input: [{ name: 'author', type: 'text', ...more }] })

test.each([
  ['a query', query],
  ['a login', login],
  ['a sign-up', { ...login, kind: 'auth_signup' }],
  ['a question', ask],
  ['a mutation', { ...query, kind: 'mutation', method: 'POST', output: 'rows_written' }],
  [
    'everything optional',
    { ...query, description: 'd', rateLimit: { perMin: 1, perDay: 2 }, captcha: true, cors: ['*'] },
  ],
  ['a session field', { ...query, auth: 'session', input: [{ name: '$user_id', type: 'integer' }] }],
])('%s is valid', (_what, spec) => {
  expect(validateEndpointSpec(spec)).toMatchObject({ ok: true })
})

test('adds defaults', () => {
  expect(validateEndpointSpec(login)).toMatchObject({
    spec: {
      auth: 'public',
      authConfig: { usersTable: 'users', emailColumn: 'email', passwordColumn: 'password_hash', sessionTtlSec: 86_400 },
    },
  })
  expect(validateEndpointSpec(ask)).toMatchObject({ spec: { askConfig: { maxRows: 100 } } })
})

describe('reports problems by field', () => {
  test.each<[string, unknown, string[]]>([
    ['no object', 'SELECT 1', ['spec']],
    ['nothing', {}, ['slug', 'name', 'kind', 'method', 'input', 'output']],
    ['a field that is not known', { ...query, cache: 60 }, ['cache']],
    ['a slug in capitals', { ...query, slug: 'List' }, ['slug']],
    ['a slug of 42 characters', { ...query, slug: 'a'.repeat(42) }, ['slug']],
    ['an empty name', { ...query, name: ' ' }, ['name']],
    ['no statement', { ...query, sql: ' ' }, ['sql']],
    ['an output of another kind', { ...query, output: 'session' }, ['output']],
    ['a mutation by GET', { ...query, kind: 'mutation', output: 'rows_written' }, ['method']],
    ['a login by GET', { ...login, method: 'GET' }, ['method']],
    ['a login without users', { ...login, authConfig: undefined }, ['authConfig']],
    ['a login behind a session', { ...login, auth: 'session' }, ['auth']],
    ['a login without a password', { ...login, input: [credentials[0]] }, ['input']],
    ['a query with users', { ...query, authConfig: { usersTable: 'users' } }, ['authConfig']],
    [
      'another password column',
      { ...login, authConfig: { usersTable: 'u', passwordColumn: 'pw' } },
      ['authConfig.passwordColumn'],
    ],
    [
      'a session of a year',
      { ...login, authConfig: { usersTable: 'u', sessionTtlSec: 31_536_000 } },
      ['authConfig.sessionTtlSec'],
    ],
    ['a question without tables', { ...ask, askConfig: undefined }, ['askConfig']],
    ['a question with SQL', { ...ask, sql: 'SELECT 1' }, ['sql']],
    ['a question by another name', { ...ask, input: [{ name: 'q', type: 'text' }] }, ['input']],
    [
      'a long question',
      { ...ask, input: [{ name: 'question', type: 'text', maxLength: 501 }] },
      ['input[0].maxLength'],
    ],
    ['no rows', { ...ask, askConfig: { allowedTables: [], maxRows: 0 } }, ['askConfig.maxRows']],
    ['a name twice', { ...query, input: [query.input[0], query.input[0]] }, ['input[1].name']],
    ['a name with a hyphen', field({ name: 'a-b' }), ['input[0].name']],
    ['an unknown session field', field({ name: '$role' }), ['input[0].name']],
    ['a session field in public', field({ name: '$user_id' }), ['input[0].name']],
    ['an unknown type', field({ type: 'date' }), ['input[0].type']],
    ['a broken pattern', field({ pattern: '(' }), ['input[0].pattern']],
    ['a pattern for a number', field({ type: 'integer', pattern: 'a' }), ['input[0].pattern']],
    ['an enum for a number', field({ type: 'number', enum: ['1'] }), ['input[0].enum']],
    ['an enum with a value twice', field({ enum: ['a', 'a'] }), ['input[0].enum']],
    ['a minimum for a text', field({ min: 1 }), ['input[0].min']],
    ['a maximum below the minimum', field({ type: 'integer', min: 2, max: 1 }), ['input[0].max']],
    ['a length for a boolean', field({ type: 'boolean', maxLength: 1 }), ['input[0].maxLength']],
    ['an empty rate limit', { ...query, rateLimit: {} }, ['rateLimit']],
    ['a rate of half', { ...query, rateLimit: { perMin: 0.5 } }, ['rateLimit.perMin']],
    ['an origin with a path', { ...query, cors: ['https://a.example/'] }, ['cors[0]']],
    ['an origin in capitals', { ...query, cors: ['https://A.example'] }, ['cors[0]']],
    ['an origin with the default port', { ...query, cors: ['https://a.example:443'] }, ['cors[0]']],
    ['a host without scheme', { ...query, cors: ['https://a.example', 'a.example'] }, ['cors[1]']],
    [
      'many things',
      { ...query, slug: '!', output: 7, input: [{ name: 1 }] },
      ['slug', 'input[0].name', 'input[0].type', 'output'],
    ],
  ])('%s', (_what, spec, fields) => {
    expect(problems(spec)).toEqual(fields)
  })

  test.each<[string, unknown, Parameters<typeof validateEndpointSpec>[1], string[]]>([
    ['a query that writes', query, { ...read, kind: 'write' }, ['sql']],
    ['a login that writes', login, { ...read, kind: 'write' }, ['sql']],
    ['a mutation that reads', { ...query, kind: 'mutation', method: 'POST', output: 'rows_written' }, read, ['sql']],
    [
      'a change of the schema',
      { ...query, kind: 'mutation', method: 'POST', output: 'rows_written' },
      { ...read, kind: 'schema' },
      ['sql'],
    ],
    ['a named placeholder', query, { kind: 'read', placeholders: [':author'] }, ['sql']],
    ['a numbered placeholder', query, { kind: 'read', placeholders: ['?1'] }, ['sql']],
    ['too many placeholders', query, { kind: 'read', placeholders: ['?', '?'] }, ['input']],
    ['too few placeholders', query, { kind: 'read', placeholders: [] }, ['input']],
    ['a login that binds its password', login, { kind: 'read', placeholders: ['?', '?'] }, ['input']],
  ])('problems of the compiled statement: %s', (_what, spec, facts, fields) => {
    expect(problems(spec, facts)).toEqual(fields)
  })
})

const fieldNames = new Set([
  ...Object.keys(query),
  ...['description', 'auth', 'rateLimit', 'captcha', 'cors', 'authConfig', 'askConfig', 'spec'],
])

test('returns a valid spec or problems with field names for every input', () => {
  const value = fc.oneof(
    fc.anything(),
    fc.constantFrom(...Object.values(query), 'POST', 'mutation', 'ask', true, null, []),
  )
  const spoiled = fc
    .tuple(fc.constantFrom<object>(query, login, ask), fc.constantFrom(...fieldNames), value)
    .map(([spec, name, other]) => ({ ...spec, [name]: other }))
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.object(), spoiled), (spec) => {
      const result = validateEndpointSpec(spec)
      if (result.ok) {
        expect(validateEndpointSpec(result.spec)).toEqual(result)
        expect(() => endpointToToolDefinition(result.spec)).not.toThrow()
        return
      }
      expect(result.errors.length).toBeGreaterThan(0)
      for (const { field, message } of result.errors) {
        expect(field).not.toBe('')
        expect(message).toMatch(/[a-zA-Z]{2}/)
        const isObject = typeof spec === 'object' && spec !== null && !Array.isArray(spec)
        const [root = ''] = field.split(/[.[]/)
        if (isObject) expect(fieldNames.has(root) || Object.keys(spec).some((key) => field.startsWith(key))).toBe(true)
      }
    }),
    { numRuns: 3_000 },
  )
})

test('the input schema has the fields of the client, without those of the session', () => {
  const spec = {
    ...query,
    auth: 'session',
    input: [
      { name: '$user_id', type: 'integer' },
      { name: 'count', type: 'integer', min: 1, max: 9, required: true, label: 'How many' },
      { name: 'color', type: 'text', enum: ['red'], maxLength: 9, pattern: 'r' },
      { name: 'data', type: 'json', maxLength: 9 },
    ],
  }
  const result = validateEndpointSpec(spec)
  expect(result.ok && inputSchema(result.spec)).toEqual({
    type: 'object',
    properties: {
      count: { type: 'integer', minimum: 1, maximum: 9, title: 'How many' },
      color: { type: 'string', enum: ['red'], maxLength: 9, pattern: 'r' },
      data: {},
    },
    required: ['count'],
    additionalProperties: false,
  })
  expect(result.ok && endpointToToolDefinition(result.spec)).toMatchObject({ name: 'list_notes', description: 'Notes' })
})
